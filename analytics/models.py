"""All rows of analytics: each package keeps its own in ``records``."""

from __future__ import annotations

from analytics.records import CallCount as CallCount
from analytics.records import CodeCount as CodeCount
from analytics.records import DirtyHour as DirtyHour
from analytics.records import ExpectedCount as ExpectedCount
from analytics.records import LatencySketch as LatencySketch
from analytics.records import PointerCount as PointerCount
from analytics.records import TurnCount as TurnCount

"""All rows of analytics: each package keeps its own in ``records``."""

from __future__ import annotations

from analytics.alerts.records import AlertChannel as AlertChannel
from analytics.alerts.records import AlertDelivery as AlertDelivery
from analytics.alerts.records import AlertEvent as AlertEvent
from analytics.alerts.records import AlertRule as AlertRule
from analytics.alerts.records import AlertSilence as AlertSilence
from analytics.budgets.records import Budget as Budget
from analytics.costs.records import ConductCount as ConductCount
from analytics.costs.records import TopCost as TopCost
from analytics.costs.records import TopSummary as TopSummary
from analytics.latency.records import LatencyLimit as LatencyLimit
from analytics.records import CallCount as CallCount
from analytics.records import CodeCount as CodeCount
from analytics.records import DirtyHour as DirtyHour
from analytics.records import DirtyMonth as DirtyMonth
from analytics.records import ExpectedCount as ExpectedCount
from analytics.records import KindCount as KindCount
from analytics.records import LatencySketch as LatencySketch
from analytics.records import ModelCount as ModelCount
from analytics.records import ModelToolCount as ModelToolCount
from analytics.records import OfferCount as OfferCount
from analytics.records import PointerCount as PointerCount
from analytics.records import SummaryCodeCount as SummaryCodeCount
from analytics.records import SummaryCount as SummaryCount
from analytics.records import ToolCodeCount as ToolCodeCount
from analytics.records import ToolCount as ToolCount
from analytics.records import ToolKindCount as ToolKindCount
from analytics.records import TrafficCodeCount as TrafficCodeCount
from analytics.records import TurnCount as TurnCount
from analytics.repricing.records import Repricing as Repricing
from analytics.usage_exports.records import UsageExport as UsageExport

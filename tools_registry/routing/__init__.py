"""Which tools to offer for an input: a router is a versioned value, judged on recorded inputs.

Pure but for ``models``. A classifier is a function that the caller hands in.
"""

from __future__ import annotations

from tools_registry.routing.choosing import Classify, Decision, pick, route
from tools_registry.routing.spec import BadRouter, RouterSpec

__all__ = ["BadRouter", "Classify", "Decision", "RouterSpec", "pick", "route"]

"""A router as somebody typed it: read, each problem at its line."""

from __future__ import annotations

from tools_registry.definitions import nearest
from tools_registry.policies.drafts import Fault
from tools_registry.routing.spec import BadRouter, RouterSpec
from tools_registry.validation.positions import json_positions
from tools_registry.validation.syntax import read_value

LARGEST = 500_000
"""Characters of a router's JSON."""


def read_router(text: str) -> tuple[RouterSpec | None, tuple[Fault, ...]]:
    """The router, or what keeps it from being used. Never raises."""
    if len(text) > LARGEST:
        return None, (Fault(f"Shorten the router to {LARGEST:,} characters"),)
    value, finding = read_value(text)
    if finding:
        place = int(finding.detail.get("line", 1)), int(finding.detail.get("column", 1))
        reason = finding.detail.get("reason") or finding.message
        return None, (Fault(f"This is not JSON: {reason}", "", *place),)
    try:
        return RouterSpec.from_json(value), ()
    except BadRouter as error:
        places = json_positions(text)
        return None, tuple(
            Fault(one.reason, one.pointer, *nearest(one.pointer, places)) for one in error.problems
        )

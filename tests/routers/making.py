"""A router of two groups, and recorded turns that it is judged on."""

from __future__ import annotations

from typing import Any

from tests import factories
from tests.factories import People
from tools_registry.models import Toolset

SPEC: dict[str, Any] = {
    "groups": [
        {"name": "weather", "tools": ["get_weather"]},
        {"name": "billing", "tools": ["pay_invoice"]},
    ],
    "keywords": [
        {"words": ["weather"], "groups": ["weather"]},
        {"words": ["invoice"], "groups": ["billing"]},
    ],
}


def record(people: People, text: str, *called: str, **fields: Any) -> Any:
    """A turn that offered both tools and called these."""
    toolset = Toolset.objects.filter(project=people.project).first()
    if toolset is None:
        names = ("get_weather", "pay_invoice")
        toolset = factories.make_toolset(
            *(
                factories.make_tool_version(people.project, {**factories.WEATHER, "name": name})
                for name in names
            )
        )
    turn = factories.make_turn(
        factories.make_conversation(people.project),
        messages=[{"role": "user", "content": text}],
        toolset=toolset,
        **fields,
    )
    for name in called:
        factories.make_call(turn, name=name)
    return turn

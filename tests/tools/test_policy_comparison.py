"""Two policies side by side: what is stricter, what is looser, what only reads otherwise."""

from __future__ import annotations

from typing import Any

import pytest

from tools_registry.policies import PolicySpec
from tools_registry.policies.comparison import compare

RULE = {"name": "few", "expression": "args.limit < 9"}
DESTRUCTIVE = {"destructive": True, "confirmation": {"argument": "/code"}}


def at(**more: Any) -> dict[str, Any]:
    return {"plausibility": [{"pointer": "/city"} | more]}


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ({}, {"rules": [RULE]}, [("stricter", "/rules/0")]),
        ({"rules": [RULE]}, {}, [("looser", "/rules/0")]),
        ({"rules": [RULE]}, {"rules": [RULE | {"name": "less"}]}, [("wording", "/rules/0/name")]),
        (
            {"rules": [RULE]},
            {"rules": [RULE | {"severity": "flagged", "message": "Fewer."}]},
            [("looser", "/rules/0/severity"), ("wording", "/rules/0/message")],
        ),
        (
            {"rules": [RULE]},
            {"rules": [RULE | {"expression": "args.limit < 8", "when": "user != 'x'"}]},
            [("changed", "/rules/0/expression"), ("changed", "/rules/0/when")],
        ),
        ({}, DESTRUCTIVE, [("stricter", "/destructive")]),
        (DESTRUCTIVE, {}, [("looser", "/destructive")]),
        (
            DESTRUCTIVE,
            DESTRUCTIVE | {"confirmation": {"argument": "/id", "severity": "flagged"}},
            [("looser", "/confirmation/severity"), ("changed", "/confirmation/argument")],
        ),
        (
            {"content": {"markup": "off", "exclude": ["/a"]}},
            {"content": {"markup": "rejected", "exclude": ["/b"]}},
            [
                ("stricter", "/content/markup"),
                ("stricter", "/content/exclude"),
                ("looser", "/content/exclude"),
            ],
        ),
        ({}, at(minimum=1), [("stricter", "/plausibility/0")]),
        (at(minimum=1), {}, [("looser", "/plausibility/0")]),
        (
            at(minimum=1, maximum=5),
            at(minimum=2, maximum=6),
            [
                ("stricter", "/plausibility/0/minimum"),
                ("looser", "/plausibility/0/maximum"),
            ],
        ),
        (
            at(minimum=1),
            at(maximum=6),
            [
                ("stricter", "/plausibility/0/maximum"),
                ("looser", "/plausibility/0/minimum"),
            ],
        ),
        (at(allowed=["a"]), at(allowed=["a", "b"]), [("looser", "/plausibility/0/allowed")]),
        (at(refused=["a"]), at(refused=["a", "b"]), [("stricter", "/plausibility/0/refused")]),
        (at(allowed=["a"]), at(allowed=["b"]), [("changed", "/plausibility/0/allowed")]),
        (at(allowed=["a"], minimum=1), at(minimum=1), [("looser", "/plausibility/0/allowed")]),
        (at(pattern="a"), at(pattern="b"), [("changed", "/plausibility/0/pattern")]),
        (
            {"sanitisers": [{"pointer": "/a", "steps": [{"do": "trim"}]}]},
            {"sanitisers": [{"pointer": "/a", "steps": [{"do": "lower"}]}]},
            [("changed", "/sanitisers/0")],
        ),
        (
            {"execution": {"timeout_ms": 2000}},
            {"execution": {"timeout_ms": 3000, "budget": 5}},
            [("changed", "/execution"), ("changed", "/execution")],
        ),
        ({"rules": [RULE]} | DESTRUCTIVE, {"rules": [RULE]} | DESTRUCTIVE, []),
    ],
)
def test_each_change_is_classed_at_its_place(
    old: dict[str, Any], new: dict[str, Any], told: list[tuple[str, str]]
) -> None:
    changes = compare(PolicySpec.from_json(old), PolicySpec.from_json(new))
    assert [(change.kind, change.pointer) for change in changes] == told
    back = compare(PolicySpec.from_json(new), PolicySpec.from_json(old))
    assert len(back) == len(changes)

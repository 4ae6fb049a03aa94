"""Plans: which calls of a turn wait for which, and how long all take."""

from __future__ import annotations

from typing import Any

import pytest

from tools_registry.execution.plan import BadPlan, Plan, Step, make_plan
from tools_registry.execution.references import Unresolved, fill, look_into
from tools_registry.execution.schedule import foresee, measure
from tools_registry.policies import PolicySpec
from tools_registry.specs import ToolSpec

TEXT = {"type": "string"}


def spec(name: str, inputs: Any = (), outputs: Any = (), **hints: bool) -> ToolSpec:
    """A tool whose inputs are all required; types by name, text where none is given."""
    given, made = (
        part if isinstance(part, dict) else dict.fromkeys(part, "string")
        for part in (inputs, outputs)
    )
    schemas = [{name: {"type": kind} for name, kind in part.items()} for part in (given, made)]
    return ToolSpec(
        name,
        parameters={"type": "object", "properties": schemas[0], "required": list(given)},
        output_schema={"type": "object", "properties": schemas[1]} if made else None,
        annotations=hints or None,
    )


def plan(*calls: Any, labels: bool = False) -> Plan:
    """Calls as (name or definition, arguments, policy); keys are c1, c2…"""
    steps = []
    for number, (tool, arguments, *rest) in enumerate(calls, 1):
        tool_spec = tool if isinstance(tool, ToolSpec) else None
        name = tool if isinstance(tool, str) else tool.name
        policy = PolicySpec.from_json(rest[0]) if rest else None
        label = f"L{number}" if labels else ""
        steps.append(Step(f"c{number}", name, arguments, tool_spec, policy, label=label))
    return make_plan(steps)


def edges(made: Plan) -> list[tuple[str, str, str]]:
    return [(one.key, one.on, one.kind) for one in made.dependencies]


GET, SET = "get_order", "update_order"
DELETE = {"destructive": True, "confirmation": {"argument": "/code"}}


@pytest.mark.parametrize(
    ("calls", "expected"),
    [
        # Independent calls run at once, the same tool or not.
        ([("get_weather", {"city": "Oslo"}), ("get_time", {"city": "Oslo"})], []),
        ([("send_sms", {"to": "1"}), ("send_sms", {"to": "2"})], []),
        # References.
        ([("find", {}), ("show", {"id": "$var1.items[0].id$"})], [("c2", "c1", "reference")]),
        ([("find", {}), ("show", {"a": {"b": ["x $c1$ y"]}})], [("c2", "c1", "reference")]),
        ([("show", {"id": "$var2$"}), ("find", {})], [("c1", "c2", "reference")]),
        ([("find", {}), ("pay", {"text": "from $10 to $20$ or $USD$"})], []),
        # A declared output for an input that was left open.
        (
            [
                (spec("create_order", ["sku"], ["order_id"]), {"sku": "7"}),
                (spec("pay", ["orderId"]), {}),
            ],
            [("c2", "c1", "output")],
        ),
        (
            [
                (spec("create_order", ["sku"], ["id"]), {"sku": "7"}),
                (spec("pay", ["order_id"]), {"order_id": "<order id>"}),
            ],
            [("c2", "c1", "output")],
        ),
        (
            [
                (spec("create_order", [], ["order_id"]), {}),
                (spec("pay", ["order_id"]), {"order_id": "A17"}),
            ],
            [],
        ),
        (
            [
                (spec("create_order", [], {"order_id": "object"}), {}),
                (spec("pay", ["order_id"]), {}),
            ],
            [],
        ),
        # Order over one resource.
        ([(GET, {"order_id": 1}), (SET, {"order_id": 1})], [("c2", "c1", "write_after_read")]),
        ([(SET, {"order_id": 1}), (GET, {"order_id": 1})], [("c2", "c1", "conflict")]),
        ([(SET, {"order_id": 1}), (SET, {"order_id": 1})], [("c2", "c1", "conflict")]),
        ([(SET, {"order_id": 1}), (SET, {"order_id": 2})], []),
        ([(GET, {"order_id": 1}), (GET, {"order_id": 1})], []),
        ([("get_order", {"id": 1}), ("ship", {"orderId": 1})], []),
        (
            [("get_order", {"id": 1}), ("cancel", {"orderId": 1})],
            [("c2", "c1", "write_after_read")],
        ),
        ([("get_cart", {}), ("clear_cart", {})], [("c2", "c1", "write_after_read")]),
        ([("create_task", {"title": "a"}), ("create_task", {"title": "b"})], []),
        # The declaration counts more than the name, the policy more than both.
        (
            [(spec("get_cart", readOnlyHint=False), {}), ("list_cart", {})],
            [("c2", "c1", "conflict")],
        ),
        ([("get_cart", {}), ("clear_cart", {}, {"execution": {"effect": "read"}})], []),
        (
            [
                ("heat", {"room": "a"}, {"execution": {"effect": "write", "resource": "/room"}}),
                ("heat", {"room": "a"}, {"execution": {"effect": "write", "resource": "/room"}}),
                ("heat", {"room": "b"}, {"execution": {"effect": "write", "resource": "/room"}}),
            ],
            [("c2", "c1", "conflict")],
        ),
        # Destructive ones last, in their own order; what follows anyway is not said again.
        (
            [("drop", {}, DELETE), ("get_time", {}), ("get_weather", {})],
            [("c1", "c3", "destructive_last"), ("c1", "c2", "destructive_last")],
        ),
        (
            [
                ("get_time", {}),
                (spec("wipe", destructiveHint=True), {}),
                (spec("burn", destructiveHint=True), {}),
            ],
            [("c2", "c1", "destructive_last"), ("c3", "c2", "destructive_last")],
        ),
    ],
)
def test_dependencies_are_found_by_rule(calls: Any, expected: Any) -> None:
    made = plan(*calls)
    assert edges(made) == expected
    assert all(one.reason for one in made.dependencies) and not made.problems


def test_each_dependency_says_why() -> None:
    made = plan(
        ("find", {}), ("find", {"of": "$var1.id$"}), (SET, {"order_id": 1}), (GET, {"order_id": 1})
    )
    assert [one.reason for one in made.dependencies] == [
        "/of refers to the result of find (call 1): $var1.id$",
        "reads order_id 1, which update_order writes",
    ]
    assert made.stages == (("c1", "c3"), ("c2", "c4"))


@pytest.mark.parametrize(
    ("calls", "problems"),
    [
        ([("find", {"a": "$var9.x$"})], {"c1": "does not have"}),
        ([("find", {"a": "$var1$"})], {"c1": "own result"}),
        (
            [("a", {"x": "$var2$"}), ("b", {"x": "$var1$"}), ("c", {"x": "$var1$"})],
            {"c1": "wait for each other: a, b", "c2": "wait for each other"},
        ),
    ],
)
def test_what_cannot_run_is_said(calls: Any, problems: dict[str, str]) -> None:
    made = plan(*calls)
    assert made.problems.keys() == problems.keys()
    assert all(text in made.problems[key] for key, text in problems.items())
    assert sorted(key for stage in made.stages for key in stage) == sorted(made.by_key)


def test_a_label_of_its_own_counts_instead_of_the_number() -> None:
    made = plan(("find", {}), ("show", {"a": "$L1.x$"}), labels=True)
    assert edges(made) == [("c2", "c1", "reference")]
    assert plan(("find", {}), ("show", {"a": "$var1.x$"}), labels=True).problems


def test_a_person_changes_the_plan() -> None:
    made = plan((GET, {"order_id": 1}), (SET, {"order_id": 1}), ("find", {"a": "$var1.x$"}))
    changed = made.change(remove=[("c2", "c1")], add=[("c2", "c3")])
    assert edges(changed) == [("c3", "c1", "reference"), ("c2", "c3", "person")]
    for change, text in [
        ({"remove": [("c3", "c1")]}, "needs a value"),
        ({"add": [("c1", "c3")]}, "wait for each other: get_order, find"),
        ({"add": [("c1", "c9")]}, "no call c9"),
    ]:
        with pytest.raises(BadPlan, match=text):
            made.change(**change)  # type: ignore[arg-type]


def test_the_critical_path_and_the_time_saved() -> None:
    made = plan(("find", {}), ("show", {"a": "$var1$"}), ("get_time", {}))
    schedule = foresee(made, {"c1": 800.0, "c2": 300.0, "c3": 1_000.0})
    assert schedule.spans == {"c1": (0, 800), "c3": (0, 1_000), "c2": (800, 1_100)}
    assert schedule.critical == ("c1", "c2")
    assert (schedule.total_ms, schedule.serial_ms, schedule.saved_ms) == (1_100, 2_100, 1_000)
    assert measure(made, {"c1": (5.0, 10.0)}).critical == ("c1",)
    at_once = {"c1": (0.0, 5.0), "c3": (0.0, 5.0), "c2": (5.0, 5.0)}
    assert measure(made, at_once).critical == ("c1", "c2")
    assert measure(made, {}).saved_ms == 0


def test_a_hundred_calls_are_planned_quickly() -> None:
    made = plan(*[(SET, {"order_id": number % 10}) for number in range(100)])
    assert len(made.stages) == 10 and len(made.dependencies) == 90


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("$v$", {"n": [1, {"x": "y"}], "Ask Price": 2.5}),
        ("$v.n[0]$", 1),
        ("$v.n[1].x$", "y"),
        ("3 * $v.Ask Price$ and $v.n$", '3 * 2.5 and [1,{"x":"y"}]'),
        (["$v.n[0]$", 7], [1, 7]),
        ("$other$", "$other$"),
    ],
)
def test_references_are_replaced_by_values(text: Any, value: Any) -> None:
    result = {"n": [1, {"x": "y"}], "Ask Price": 2.5}

    def find(one: Any) -> Any:
        return look_into(result, one.path, "find") if one.label == "v" else one.text

    assert fill({"a": text}, find) == {"a": value}


@pytest.mark.parametrize(
    ("path", "text"),
    [
        (("x",), "the result of find has no x: it has n"),
        (("n", 3), r"no n\[3\]: it is a list of 1, name an element"),
        (("n", "x"), r"no n\.x: it is a list of 1"),
    ],
)
def test_a_reference_to_nothing_says_what_there_is(path: Any, text: str) -> None:
    with pytest.raises(Unresolved, match=text):
        look_into({"n": [1]}, path, "find")

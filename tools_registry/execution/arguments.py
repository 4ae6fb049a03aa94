"""The arguments that are sent: references and openings filled, then sanitised. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tools_registry.execution.outcomes import Outcome
from tools_registry.execution.plan import Plan, Step
from tools_registry.execution.references import Reference, Unresolved, fill, look_into
from tools_registry.policies import Change, compile_policy, sanitise
from tools_registry.validation.pointers import tokens


def prepare(
    plan: Plan, step: Step, before: Mapping[str, Outcome]
) -> tuple[dict[str, Any], tuple[Change, ...]]:
    """The arguments of a call, and what sanitisers changed in them; ``before`` are the outcomes
    of the calls that it waits for. Raises ``Unresolved``."""
    arguments = fill(step.arguments, lambda reference: _value_of(plan, step, before, reference))
    if not isinstance(arguments, dict):
        raise Unresolved("its arguments are not an object")
    for one in plan.waits_for(step.key):
        if one.opening is not None:
            name = plan.by_key[one.on].name
            value = look_into(before[one.on].value, (one.opening.field,), name)
            arguments[tokens(one.opening.pointer)[0]] = value
    if step.policy is None or not step.policy.sanitisers:
        return arguments, ()
    made = sanitise(compile_policy(step.policy, is_tried=True), arguments)
    return made.value, tuple(made.changes)


def _value_of(plan: Plan, step: Step, before: Mapping[str, Outcome], reference: Reference) -> Any:
    on = plan.find_labelled(step.key, reference.label)
    if on is None or on not in before:
        return reference.text
    return look_into(before[on].value, reference.path, plan.by_key[on].name)

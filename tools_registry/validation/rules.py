"""The rule layer: do the arguments keep the business rules of the tool's policy?

A rule that gives no answer for a call counts as violated: what cannot be judged is not let
through. Only a condition (``when``) that asks for something absent does not apply.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tools_registry.policies.compiled import CompiledPolicy, CompiledRule
from tools_registry.policies.context import CallContext
from tools_registry.policies.expressions import Facts, NotJudged
from tools_registry.policies.places import values_at
from tools_registry.validation.findings import Finding, LayerResult

_UNRULED = LayerResult("rule", False, note="no published policy")


def check_rules(
    policy: CompiledPolicy | None, value: dict[str, Any], context: CallContext
) -> LayerResult:
    """Judge parsed arguments by the rules, and a destructive call by its confirmation."""
    if policy is None:
        return _UNRULED
    if not policy.rules and policy.confirmed_at is None:
        return LayerResult("rule", False, note=f"{_name(policy)} has no rules")
    findings = [*_check_confirmation(policy, value)]
    if policy.rules:
        findings += _check_all(policy, value, context)
    return LayerResult("rule", True, tuple(findings), _name(policy) if policy.number else "")


def _name(policy: CompiledPolicy) -> str:
    return f"policy {policy.number}" if policy.number else "the policy"


def _check_confirmation(policy: CompiledPolicy, value: dict[str, Any]) -> Iterator[Finding]:
    place = policy.confirmed_at
    if place is None or any(_is_given(found) for _, found in values_at(value, place)):
        return
    name = place.steps[-1] if place.steps else "confirmation"
    message = f"A destructive call without its confirmation: {name} is empty or absent"
    yield Finding(
        "confirmation_missing", message, place.pointer, severity=policy.confirmation_severity
    )


def _is_given(value: object) -> bool:
    return bool(value.strip()) if isinstance(value, str) else bool(value)


def _check_all(
    policy: CompiledPolicy, value: dict[str, Any], context: CallContext
) -> Iterator[Finding]:
    try:
        facts = Facts(value, context, policy.context_names)
    except NotJudged as error:
        yield from (_tell(policy, one, str(error)) for one in policy.rules)
        return
    for one in policy.rules:
        try:
            if _applies(one, facts) and not one.expression.holds(facts):
                yield _tell(policy, one)
        except NotJudged as error:
            yield _tell(policy, one, str(error))


def _applies(one: CompiledRule, facts: Facts) -> bool:
    if one.when is None:
        return True
    try:
        return one.when.holds(facts)
    except NotJudged as error:
        if error.is_missing:
            return False
        raise


def _tell(policy: CompiledPolicy, one: CompiledRule, error: str = "") -> Finding:
    rule = one.rule
    message = rule.message or f"The rule {rule.name} is violated: {rule.expression}"
    detail = {"rule": rule.name, "expression": rule.expression}
    if error:
        message = f"{message} (it could not be judged: {error})"
        detail["error"] = error
    code = "confirmation_missing" if one.confirms else "rule_violated"
    severity = policy.confirmation_severity if one.confirms else rule.severity
    return Finding(code, message, one.pointer, severity=severity, detail=detail)

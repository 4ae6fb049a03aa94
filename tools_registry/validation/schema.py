"""The schema layer: do the arguments fit the tool's JSON Schema?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

import jsonschema_rs

from tools_registry.specs import ToolSpec
from tools_registry.validation.compiled import Compiled, compile_once, storable
from tools_registry.validation.declared import undeclared
from tools_registry.validation.explain import Scope, explain, tell_unexpected
from tools_registry.validation.findings import Finding, LayerResult
from tools_registry.validation.meta import check_schema
from tools_registry.validation.offer import Offer

_MOST = 50
_CLEAN = LayerResult("schema", True)


def check_arguments(spec: ToolSpec, value: Any, offered: Offer | None = None) -> LayerResult:
    """Judge parsed arguments. ``offered`` tells which other tool has an unexpected parameter."""
    if spec.parameters is None:
        return LayerResult("schema", False, note=f"{spec.name} declares no parameters")
    try:
        compiled = compile_once(spec.hash, spec.parameters)
    except (ValueError, RecursionError):
        return LayerResult("schema", True, (_tell_invalid(spec),))
    try:
        if _is_clean(compiled, value):
            return _CLEAN
        findings = tuple(islice(_judge(spec, compiled.errors, value, offered or {}), _MOST))
    except (ValueError, RecursionError) as error:
        return LayerResult("schema", True, (_tell_uncheckable(error),))
    note = f"the first {_MOST} findings" if len(findings) == _MOST else ""
    return LayerResult("schema", True, findings, note)


def _is_clean(compiled: Compiled, value: Any) -> bool:
    """Whether there is nothing to find; False also where only the errors can tell."""
    try:
        return compiled.clean is not None and compiled.clean.is_valid(value)
    except UnicodeError:
        return False


def _judge(
    spec: ToolSpec, validator: jsonschema_rs.Validator, value: Any, offered: Offer
) -> Iterator[Finding]:
    told: set[str | None] = set()
    scope = Scope(spec.parameters, value, owners_of(spec, offered))
    for error in _errors(validator, value):
        for finding in explain(error, scope):
            told.add(finding.pointer)
            yield finding
    for key, path, names in undeclared(spec.parameters, value):
        finding = tell_unexpected(key, path, names, scope)
        if finding.pointer not in told:
            yield finding


def _errors(
    validator: jsonschema_rs.Validator, value: Any
) -> Iterator[jsonschema_rs.ValidationError]:
    try:
        return validator.iter_errors(value)
    except UnicodeError:
        return validator.iter_errors(storable(value))


def owners_of(spec: ToolSpec, offered: Offer) -> dict[str, list[str]]:
    """The other offered tools by the parameters that they declare."""
    owners: dict[str, list[str]] = {}
    for other in offered.values():
        if other is None or other.name == spec.name or not other.parameters:
            continue
        properties = other.parameters.get("properties")
        for name in properties if isinstance(properties, Mapping) else ():
            owners.setdefault(name, []).append(other.name)
    return owners


def _tell_invalid(spec: ToolSpec) -> Finding:
    problems = check_schema(spec.parameters)
    first = problems[0] if problems else None
    where = f" at {first.pointer or 'its root'}: {first.message}" if first else ""
    return Finding(
        "schema_other",
        f"Not checked: the schema of {spec.name} is itself invalid{where}",
        severity="flagged",
        detail={"schema_problems": [problem.to_json() for problem in problems[:5]]},
    )


def _tell_uncheckable(error: Exception) -> Finding:
    reason = str(error)[:200]
    if "ecursion" in reason:
        reason = "they are nested too deep"
    elif "digits" in reason:
        reason = "a number has more digits than can be read"
    message = f"The arguments cannot be checked: {reason}"
    return Finding("schema_other", message, "", severity="rejected")

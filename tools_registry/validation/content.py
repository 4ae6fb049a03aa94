"""The content layer: do values carry what has no business in them, or what cannot be meant?

Runs over every string of the arguments, also where they do not fit the schema. Without a policy
every detector flags; a policy sets what each weighs, which places are left out, and what is
plausible at a place.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import chain, islice
from typing import Any, cast

from tools_registry.policies.compiled import CompiledPlausible, CompiledPolicy, comparable
from tools_registry.policies.places import Place, pointer_of, strings_of, texts_of, values_at
from tools_registry.policies.spec import PolicySpec, Severity
from tools_registry.validation.compiled import storable
from tools_registry.validation.detectors import DETECTORS, may_hold, plain
from tools_registry.validation.findings import Finding, LayerResult
from tools_registry.validation.wording import cut_line

LONGEST = 100_000
"""Characters of one string that are looked at."""
_MOST = 50
_SAID = {
    "sql_injection": "reads as an SQL statement",
    "prompt_injection": "instructs a model",
    "markup": "carries HTML or script",
    "control_characters": "carries a character that is not seen",
}


def check_content(policy: CompiledPolicy | None, value: Mapping[str, Any]) -> LayerResult:
    """Judge parsed arguments, whether they fit the schema or not."""
    if policy is None:
        return _result(_detect(_DEFAULT.weights, (), value))
    run = policy.weights
    if not run and not policy.plausible:
        return LayerResult("content", False, note="the policy checks no content")
    found = [_detect(run, policy.excluded, value)] if run else []
    found += [_check_plausible(one, value) for one in policy.plausible]
    return _result(chain(*found))


_CLEAN = LayerResult("content", True)
_DEFAULT = CompiledPolicy(PolicySpec())


def _result(findings: Iterator[Finding]) -> LayerResult:
    found = tuple(islice(findings, _MOST))
    return LayerResult("content", True, found) if found else _CLEAN


def _detect(
    run: Mapping[str, str], excluded: tuple[Place, ...], value: Mapping[str, Any]
) -> Iterator[Finding]:
    if not may_hold([text[:LONGEST] for text in texts_of(value)]):
        return
    for path, text in strings_of(value):
        if excluded and any(place.holds(path) for place in excluded):
            continue
        shown = plain(text[:LONGEST])
        for code, severity in run.items():
            found = DETECTORS[code](text if code == "control_characters" else shown)
            if found is not None:
                yield _tell(code, severity, path, found)


def _tell(code: str, severity: str, path: tuple[str, ...], found: str) -> Finding:
    name = path[-1] if path else "The value"
    message = f"{name} {_SAID[code]}: {cut_line(found)}"
    detail = {"found": found[:300]}
    return Finding(
        code, message, pointer_of(path), severity=cast(Severity, severity), detail=detail
    )


def _check_plausible(one: CompiledPlausible, value: Mapping[str, Any]) -> Iterator[Finding]:
    for path, found in values_at(value, one.place):
        reason = _doubt(one, found)
        if reason:
            name = path[-1] if path else "The value"
            message = one.plausible.message or f"{name} is {_show(found)}: {reason}"
            severity = one.plausible.severity
            yield Finding("implausible_value", message, pointer_of(path), severity=severity)


def _doubt(one: CompiledPlausible, value: Any) -> str:
    """Why a value is implausible; "" where it is not."""
    plausible = one.plausible
    if not isinstance(value, dict | list):
        key = comparable(value)
        if key in one.refused:
            return "the policy refuses this value"
        if one.allowed and key not in one.allowed:
            return "not among the values that the policy allows"
    if isinstance(value, int | float) and not isinstance(value, bool):
        if plausible.minimum is not None and value < plausible.minimum:
            return f"below {plausible.minimum:g}"
        if plausible.maximum is not None and value > plausible.maximum:
            return f"above {plausible.maximum:g}"
    is_text = one.pattern is not None and isinstance(value, str)
    if is_text and not one.pattern.search(storable(value)):
        return f"it does not match {plausible.pattern}"
    return ""


def _show(value: Any) -> str:
    return cut_line(str(value)) if isinstance(value, str) else str(value)[:80]

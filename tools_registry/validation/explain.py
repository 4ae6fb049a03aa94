"""Errors of the JSON Schema library as findings in plain words, at their argument."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import lru_cache
from typing import Any

from jsonschema_rs import ValidationError

from tools_registry.validation import pointers
from tools_registry.validation.declared import declared_names, look_up
from tools_registry.validation.findings import Finding
from tools_registry.validation.near import near
from tools_registry.validation.syntax import type_name

_LONGEST = 80
_BRANCHES_TOLD = 4


@dataclass(frozen=True)
class Scope:
    """What an error is explained with: the schema, the value, and who else declares a name.

    ``owners`` are the other offered tools by the parameters that they declare.
    """

    schema: Any
    value: Any
    owners: Mapping[str, Sequence[str]] = field(default_factory=dict)


def cut(value: Any) -> str:
    """A value as JSON text, cut in the middle of nowhere when it is long."""
    text = str(value) if isinstance(value, Decimal) else _ENCODER.encode(value)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}… ({len(text):,} characters)"


def _plain(value: Any) -> Any:
    return str(value) if isinstance(value, Decimal) else dict(value)


# Made once: ``json.dumps`` with options makes one at every call.
_ENCODER = json.JSONEncoder(ensure_ascii=False, default=_plain)


def listing(values: Sequence[Any]) -> str:
    """Values in a row, cut after the eighth."""
    shown = ", ".join(cut(value) for value in values[:8])
    return shown if len(values) <= 8 else f"{shown} and {len(values) - 8} more"


def explain(error: ValidationError, scope: Scope) -> Iterator[Finding]:
    """The findings that one error amounts to; keys that are too many are one finding each."""
    name = error.kind.name
    told = _TOLD.get(name)
    if told:
        yield from told(error, scope)
        return
    code, words = _PLAIN.get(name, ("schema_other", None))
    fields = error.kind.as_dict()
    given = look_up(scope.value, error.instance_path)
    message = words(fields, given) if words else error.message[:300]
    yield Finding(code, message, _pointer(error), _keyword(error), detail=_detail(fields))


def _pointer(error: ValidationError) -> str:
    return pointers.of(error.instance_path)


def _keyword(error: ValidationError) -> str:
    # Each look at an error's path or kind makes it anew.
    path, kind = error.schema_path, error.kind.name
    last = path[-1] if path else kind
    return last if isinstance(last, str) and kind != "falseSchema" else kind


def _detail(fields: Mapping[str, Any]) -> dict[str, Any]:
    """What was expected, where it is short enough to be kept with the finding."""
    return {key: value for key, value in fields.items() if len(cut(value)) <= _LONGEST}


def _bound(words: str) -> Callable[[Mapping[str, Any], Any], str]:
    return lambda fields, given: f"Got {cut(given)}; {words.format(**fields)}"


def _count(words: str, unit: str) -> Callable[[Mapping[str, Any], Any], str]:
    def tell(fields: Mapping[str, Any], given: Any) -> str:
        noun = unit if fields["limit"] == 1 else {"property": "properties"}.get(unit, f"{unit}s")
        # The path of a value within a property called "" leads elsewhere.
        got = f"; got {len(given)}" if isinstance(given, str | list | Mapping) else ""
        return f"{words} {fields['limit']} {noun} allowed{got}"

    return tell


_Words = Callable[[Mapping[str, Any], Any], str]
_PLAIN: dict[str, tuple[str, _Words | None]] = {
    "minimum": ("out_of_range", _bound("the least allowed is {limit}")),
    "maximum": ("out_of_range", _bound("the most allowed is {limit}")),
    "exclusiveMinimum": ("out_of_range", _bound("it must be more than {limit}")),
    "exclusiveMaximum": ("out_of_range", _bound("it must be less than {limit}")),
    "multipleOf": ("out_of_range", _bound("it must be a multiple of {multiple_of}")),
    "minLength": ("out_of_range", _count("At least", "character")),
    "maxLength": ("out_of_range", _count("At most", "character")),
    "minItems": ("out_of_range", _count("At least", "item")),
    "maxItems": ("out_of_range", _count("At most", "item")),
    "minProperties": ("out_of_range", _count("At least", "property")),
    "maxProperties": ("out_of_range", _count("At most", "property")),
    "pattern": ("pattern_mismatch", _bound("it must match the pattern {pattern}")),
    "format": ("format_mismatch", _bound("it must be of the format {format}")),
    "contentEncoding": ("format_mismatch", _bound("it must be encoded as {content_encoding}")),
    "contentMediaType": ("format_mismatch", _bound("it must be {content_media_type}")),
    "additionalItems": ("out_of_range", _count("At most", "item")),
    "uniqueItems": ("schema_other", lambda _, given: f"Items must differ; got {cut(given)}"),
    "contains": (
        "schema_other",
        lambda _, given: f"Too few or too many items of {cut(given)} are of the kind asked for",
    ),
    "not": ("schema_other", lambda fields, given: f"Got {cut(given)}, which is ruled out"),
}


def _explain_required(error: ValidationError, scope: Scope) -> Iterator[Finding]:
    name = error.kind.as_dict()["property"]
    given = look_up(scope.value, error.instance_path)
    sent = given if isinstance(given, Mapping) else {}
    path = error.schema_path
    declared = declared_names(scope.schema, path[:-1])
    slip = near(name, [key for key in sent if key not in declared])
    yield _tell_missing(name, slip, _pointer(error), str(path[-1]) if path else "required")


# A required parameter that one call leaves out, thousands do.
@lru_cache(maxsize=1024)
def _tell_missing(name: str, slip: str | None, parent: str, keyword: str) -> Finding:
    message = f"{name} is required and was not sent"
    if slip:
        message += f"; {slip} was sent"
    return Finding("missing_required", message, pointers.append(parent, name), keyword)


def _explain_unexpected(error: ValidationError, scope: Scope) -> Iterator[Finding]:
    fields = error.kind.as_dict()
    declared = declared_names(scope.schema, error.schema_path[:-1])
    for name in fields["unexpected"]:
        yield tell_unexpected(name, error.instance_path, declared, scope, _keyword(error))


def tell_unexpected(
    name: str,
    path: Sequence[str | int],
    declared: Sequence[str],
    scope: Scope,
    keyword: str | None = None,
) -> Finding:
    """One undeclared key of the object at ``path``. Without ``keyword`` the schema allows it."""
    holder = look_up(scope.value, path)
    sent = holder if isinstance(holder, Mapping) else {}
    suggestion = near(name, [option for option in declared if option not in sent])
    owners = list(scope.owners.get(name, ()))[:3]
    message = f"{name} is not a declared parameter"
    if not keyword:
        message += ", though the schema does not forbid it"
    if suggestion:
        message += f". Did you mean {suggestion}?"
    elif owners:
        message += f". It belongs to {', '.join(owners)}"
    return Finding(
        "unexpected_parameter",
        message,
        pointers.append(pointers.of(path), name),
        keyword,
        suggestion,
        severity=None if keyword else "flagged",
        detail={"belongs_to": owners} if owners else {},
    )


def _explain_false(error: ValidationError, scope: Scope) -> Iterator[Finding]:
    path = error.instance_path
    if path and isinstance(path[-1], str):
        yield tell_unexpected(path[-1], path[:-1], (), scope, "falseSchema")
        return
    message = "No value is allowed here"
    yield Finding("schema_other", message, _pointer(error), _keyword(error))


def _explain_property_name(error: ValidationError, scope: Scope) -> Iterator[Finding]:
    inner = error.kind.as_dict()["error"]
    name = inner.instance
    value: Any = name
    for token in reversed(inner.instance_path):
        value = {token: value}
    finding = next(explain(inner, Scope(scope.schema, value)))
    pointer = pointers.append(_pointer(error), name)
    message = f"{name} is no allowed name: {finding.message}"
    yield Finding("unexpected_parameter", message, pointer, "propertyNames")


def _explain_type(error: ValidationError, scope: Scope) -> Iterator[Finding]:
    types = error.kind.as_dict()["types"]
    given = look_up(scope.value, error.instance_path)
    yield tell_wrong_type(types, given, _pointer(error), _keyword(error))


def tell_wrong_type(
    types: Sequence[str], given: Any, pointer: str, keyword: str = "type"
) -> Finding:
    message = f"Expected {' or '.join(types)}, got {type_name(given)} {cut(given)}"
    detail = {"expected": list(types), "given": type_name(given)}
    suggestion = _unquote(given, types)
    return Finding("wrong_type", message, pointer, keyword, suggestion, detail=detail)


def _unquote(given: Any, types: Sequence[str]) -> str | None:
    """The value that a string holds in quotes, where it would be of the right type."""
    if not isinstance(given, str) or len(given) > 2000:
        return None
    try:
        inner = json.loads(given)
    except (ValueError, RecursionError):
        return None
    fits = type_name(inner) in types or (type_name(inner) == "integer" and "number" in types)
    return given.strip() if fits else None


def _explain_enum(error: ValidationError, scope: Scope) -> Iterator[Finding]:
    fields = error.kind.as_dict()
    options = fields["options"] if "options" in fields else [fields["expected_value"]]
    given = look_up(scope.value, error.instance_path)
    yield tell_not_in_enum(options, given, _pointer(error), _keyword(error))


def tell_not_in_enum(
    options: Sequence[Any], given: Any, pointer: str, keyword: str = "enum"
) -> Finding:
    suggestion = (
        near(given, [o for o in options if isinstance(o, str)]) if _is_word(given) else None
    )
    message = f"Got {cut(given)}; allowed: {listing(options)}"
    if suggestion:
        message += f". Did you mean {cut(suggestion)}?"
    detail = _detail({"allowed": list(options)})
    return Finding("not_in_enum", message, pointer, keyword, suggestion, detail=detail)


def _is_word(given: Any) -> bool:
    return isinstance(given, str) and len(given) <= 200


def _explain_branches(error: ValidationError, scope: Scope) -> Iterator[Finding]:
    """``anyOf`` and ``oneOf``: the errors of the branch that was meant, where that is clear."""
    branches: list[list[ValidationError]] = error.kind.as_dict()["context"]
    depth = len(error.instance_path)
    given = look_up(scope.value, error.instance_path)
    fitting = [branch for branch in branches if not _is_other_kind(branch, depth)]
    told = [branch for branch in fitting if not _is_other_variant(branch, depth)]
    clear = _pick(told or fitting)
    if clear:
        for inner in clear:
            yield from explain(inner, scope)
    elif types := _union(branches, depth):
        yield tell_wrong_type(types, given, _pointer(error), error.kind.name)
    elif options := _options(fitting, depth):
        yield tell_not_in_enum(options, given, _pointer(error), error.kind.name)
    else:
        yield _tell_branches(branches, error, scope)


def _is_other_kind(branch: Sequence[ValidationError], depth: int) -> bool:
    return any(e.kind.name == "type" and len(e.instance_path) == depth for e in branch)


def _is_other_variant(branch: Sequence[ValidationError], depth: int) -> bool:
    """Whether a member with fixed values, a discriminator as a rule, rules the branch out."""
    return any(e.kind.name in _FIXED and len(e.instance_path) == depth + 1 for e in branch)


_FIXED = ("const", "enum")


def _pick(branches: Sequence[list[ValidationError]]) -> list[ValidationError] | None:
    """The one branch with the fewest errors; None where several are as near."""
    ranked = sorted(branches, key=len)
    if not ranked or (len(ranked) > 1 and len(ranked[0]) == len(ranked[1])):
        return None
    return ranked[0]


def _union(branches: Sequence[list[ValidationError]], depth: int) -> list[str]:
    """The types of all branches, where each fails by nothing but its type."""
    if not all(len(b) == 1 and _is_other_kind(b, depth) for b in branches):
        return []
    return list(dict.fromkeys(t for b in branches for t in b[0].kind.as_dict()["types"]))


def _options(branches: Sequence[list[ValidationError]], depth: int) -> list[Any]:
    """The fixed values of all branches, where each fails by nothing but those."""
    options: list[Any] = []
    for branch in branches:
        if len(branch) != 1 or branch[0].kind.name not in _FIXED:
            return []
        if len(branch[0].instance_path) != depth:
            return []
        fields = branch[0].kind.as_dict()
        options += fields["options"] if "options" in fields else [fields["expected_value"]]
    return options


def _tell_branches(
    branches: Sequence[list[ValidationError]], error: ValidationError, scope: Scope
) -> Finding:
    told = []
    for number, branch in enumerate(branches[:_BRANCHES_TOLD], 1):
        inner = next(explain(branch[0], scope)).message if branch else "fits"
        told.append(f"({number}) {inner}")
    more = f" and {len(branches) - _BRANCHES_TOLD} more" if len(branches) > _BRANCHES_TOLD else ""
    fits = [number for number, branch in enumerate(branches, 1) if not branch]
    if fits:
        numbers = ", ".join(map(str, fits))
        message = f"Exactly one of {len(branches)} alternatives must fit; {numbers} fit"
        return Finding("schema_other", message, _pointer(error), "oneOf", detail={"fits": fits})
    message = f"None of {len(branches)} alternatives fits: {'; '.join(told)}{more}"
    return Finding("schema_other", message, _pointer(error), _keyword(error))


_TOLD: dict[str, Callable[[ValidationError, Scope], Iterator[Finding]]] = {
    "required": _explain_required,
    "additionalProperties": _explain_unexpected,
    "unevaluatedProperties": _explain_unexpected,
    "falseSchema": _explain_false,
    "propertyNames": _explain_property_name,
    "type": _explain_type,
    "enum": _explain_enum,
    "const": _explain_enum,
    "anyOf": _explain_branches,
    "oneOf": _explain_branches,
}

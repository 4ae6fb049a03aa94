"""A value that fits a JSON Schema, for mocks: plausible, small, and the same for a seed."""

from __future__ import annotations

import math
import random
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from tools_registry import patterns
from tools_registry.validation import pointers
from tools_registry.validation.compiled import compile_schema
from tools_registry.validation.declared import look_up
from tools_registry.validation.explain import Scope, explain

_TRIES = 25
_DEEPEST = 6
_WORDS = [
    "amber",
    "birch",
    "cedar",
    "delta",
    "ember",
    "fjord",
    "grove",
    "harbor",
    "island",
    "juniper",
    "kestrel",
    "lagoon",
]


class CannotSample(ValueError):
    """No value was found that fits: the reason, for a person to read."""


def sample(schema: Mapping[str, Any] | bool, *, seed: int = 0) -> Any:
    """A value that validates against ``schema``; the same seed gives the same value.

    Raises ``CannotSample`` where the schema is invalid, or asks for more than this can make
    (contradictions, patterns with look-around…): write the value by hand then.
    """
    try:
        validator = compile_schema(schema)
    except ValueError as error:
        raise CannotSample(f"The schema is invalid: {str(error).splitlines()[0]}") from None
    reason = "nothing was tried"
    for attempt in range(_TRIES):
        chance = random.Random(f"{seed}/{attempt}")
        sampler = _Sampler(schema, chance, trusts_defaults=attempt < _TRIES // 2)
        try:
            value = sampler.make(schema, 0)
        except (CannotSample, patterns.Unsupported, RecursionError) as error:
            reason = str(error) or "the schema is nested too deep"
            continue
        failed = next(iter(validator.iter_errors(value)), None)
        if failed is None:
            return value
        finding = next(explain(failed, Scope(schema, value)))
        reason = f"at {finding.pointer or 'its root'}: {finding.message}"
    raise CannotSample(f"No fitting value was found ({reason})")


class _Sampler:
    def __init__(self, root: Any, chance: random.Random, *, trusts_defaults: bool) -> None:
        self.root, self.chance, self.trusts_defaults = root, chance, trusts_defaults

    def make(self, schema: Any, depth: int) -> Any:
        if schema is False:
            raise CannotSample("the schema allows no value")
        if not isinstance(schema, Mapping):
            return self.chance.choice(_WORDS)
        schema = self._flatten(schema, depth)
        for key in ("const", "default") if self.trusts_defaults else ("const",):
            if key in schema:
                return schema[key]
        for key in ("enum", "examples"):
            if isinstance(schema.get(key), list) and schema[key]:
                return self.chance.choice(schema[key])
        return self._make_type(self._pick_type(schema, depth), schema, depth)

    def _flatten(self, schema: Mapping[str, Any], depth: int) -> Mapping[str, Any]:
        """The schema with its reference, ``allOf`` and one alternative merged into it."""
        if depth > 40:
            raise CannotSample("the schema refers to itself without an end")
        merged = {k: v for k, v in schema.items() if k not in ("$ref", "allOf", "anyOf", "oneOf")}
        parts = [*schema.get("allOf", ())]
        if isinstance(reference := schema.get("$ref"), str):
            parts.append(self._resolve(reference))
        for key in ("anyOf", "oneOf"):
            if branches := schema.get(key):
                parts.append(self._pick_branch(branches, depth))
        for part in parts:
            if part is False:
                raise CannotSample("the schema allows no value")
            if isinstance(part, Mapping):
                merged = _merge(merged, self._flatten(part, depth + 1))
        return merged

    def _pick_branch(self, branches: list[Any], depth: int) -> Any:
        """Any alternative; deep down rather one without further objects."""
        if depth >= _DEEPEST:
            plain = [b for b in branches if isinstance(b, Mapping) and b.get("type") == "null"]
            branches = plain or branches
        return self.chance.choice(branches)

    def _resolve(self, reference: str) -> Any:
        if not reference.startswith("#"):
            raise CannotSample(f"{reference} is another document")
        found = look_up(self.root, pointers.tokens(reference[1:]))
        if found is None:
            raise CannotSample(f"{reference} is not in this schema")
        return found

    def _pick_type(self, schema: Mapping[str, Any], depth: int) -> str:
        kinds = schema.get("type")
        if isinstance(kinds, list):
            if depth >= _DEEPEST and "null" in kinds:
                return "null"
            return str(self.chance.choice([kind for kind in kinds if kind != "null"] or ["null"]))
        if isinstance(kinds, str):
            return kinds
        for kind, keys in _HINTS.items():
            if any(key in schema for key in keys):
                return kind
        return "string"

    def _make_type(self, kind: str, schema: Mapping[str, Any], depth: int) -> Any:
        makers: dict[str, Callable[[], Any]] = {
            "object": lambda: self._make_object(schema, depth),
            "array": lambda: self._make_array(schema, depth),
            "string": lambda: self._make_string(schema),
            "integer": lambda: self._make_number(schema, whole=True),
            "number": lambda: self._make_number(schema, whole=False),
            "boolean": lambda: self.chance.random() < 0.5,
            "null": lambda: None,
        }
        if kind not in makers:
            raise CannotSample(f"{kind!r} is no JSON type")
        return makers[kind]()

    def _make_object(self, schema: Mapping[str, Any], depth: int) -> dict[str, Any]:
        properties = schema.get("properties") or {}
        required = list(schema.get("required") or ())
        names = required + [n for n in properties if n not in required and depth < _DEEPEST]
        extra = schema.get("additionalProperties")
        rest = extra if isinstance(extra, Mapping) else {}
        allowed = [name for name in names if properties.get(name) is not False]
        result = {name: self.make(properties.get(name, rest), depth + 1) for name in allowed}
        while len(result) < schema.get("minProperties", 0):
            result[f"key_{len(result) + 1}"] = self.make(rest, depth + 1)
        return result

    def _make_array(self, schema: Mapping[str, Any], depth: int) -> list[Any]:
        least = schema.get("minItems", 0)
        most = schema.get("maxItems", max(least, 2))
        count = least if depth >= _DEEPEST else self.chance.randint(max(least, min(1, most)), most)
        first = list(schema.get("prefixItems") or ())
        items = schema.get("items", {})
        if isinstance(items, list):
            first, items = items, schema.get("additionalItems", {})
        count = max(count, min(len(first), most))
        if items is False:
            count = min(count, len(first))
        if isinstance(schema.get("contains"), Mapping) and items == {}:
            items, count = schema["contains"], max(count, schema.get("minContains", 1))
        result: list[Any] = []
        for index in range(count):
            part = first[index] if index < len(first) else items
            result.append(self._make_fresh(part, depth, result, schema.get("uniqueItems") is True))
        return result

    def _make_fresh(self, part: Any, depth: int, taken: list[Any], unique: bool) -> Any:
        value = self.make(part, depth + 1)
        for _ in range(20):
            if not unique or value not in taken:
                break
            value = self.make(part, depth + 1)
        return value

    def _make_number(self, schema: Mapping[str, Any], *, whole: bool) -> int | float:
        step = schema.get("multipleOf") or (1 if whole else 0.01)
        if whole and step % 1:
            step = 1 if (1 / step) % 1 == 0 else step
        low = _bound(schema, "minimum", "exclusiveMinimum", max)
        high = _bound(schema, "maximum", "exclusiveMaximum", min)
        if low is None:
            low = 0 if high is None or high > 0 else high - 100 * step
        if high is None:
            high = low + 100 * step
        first, last = math.ceil(low / step), math.floor(high / step)
        if first * step == schema.get("exclusiveMinimum"):
            first += 1
        if last * step == schema.get("exclusiveMaximum"):
            last -= 1
        if first > last:
            return int(low) if whole else (low + high) / 2
        value = self.chance.randint(first, last) * step
        return int(value) if whole else round(value, 10)

    def _make_string(self, schema: Mapping[str, Any]) -> str:
        if isinstance(pattern := schema.get("pattern"), str):
            return patterns.make(pattern, self.chance)
        if made := _FORMATS.get(str(schema.get("format"))):
            return made(self.chance)
        least, most = schema.get("minLength", 0), schema.get("maxLength", 1_000_000)
        text = self.chance.choice(_WORDS)
        while len(text) < least:
            text += f" {self.chance.choice(_WORDS)}"
        return text[:most] if len(text) > most else text


_HINTS = {
    "object": ("properties", "required", "additionalProperties", "minProperties"),
    "array": ("items", "prefixItems", "minItems", "contains"),
    "number": ("minimum", "maximum", "multipleOf", "exclusiveMinimum", "exclusiveMaximum"),
}


def _merge(first: dict[str, Any], second: Mapping[str, Any]) -> dict[str, Any]:
    """Two schemas that must both hold, as far as plain keywords go."""
    merged = {**second, **first}
    if "properties" in first and "properties" in second:
        merged["properties"] = {**second["properties"], **first["properties"]}
    if "required" in first and "required" in second:
        merged["required"] = list(dict.fromkeys([*first["required"], *second["required"]]))
    for key in _LOWER_BOUNDS & first.keys() & second.keys():
        merged[key] = max(first[key], second[key])
    for key in _UPPER_BOUNDS & first.keys() & second.keys():
        merged[key] = min(first[key], second[key])
    return merged


_LOWER_BOUNDS = frozenset(["minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties"])
_UPPER_BOUNDS = frozenset(["maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties"])


def _bound(
    schema: Mapping[str, Any], key: str, exclusive: str, pick: Callable[..., Any]
) -> Any | None:
    values = [
        schema[name]
        for name in (key, exclusive)
        if isinstance(schema.get(name), int | float) and not isinstance(schema[name], bool)
    ]
    return pick(values) if values else None


def _moment(chance: random.Random) -> datetime:
    return datetime(2024, 1, 1, tzinfo=UTC) + timedelta(seconds=chance.randrange(31_622_400))


def _host(chance: random.Random) -> str:
    return f"{chance.choice(_WORDS)}.example.com"


def _uuid(chance: random.Random) -> str:
    return str(UUID(int=chance.getrandbits(128), version=4))


def _ipv4(chance: random.Random) -> str:
    return f"192.0.2.{chance.randrange(1, 255)}"


_FORMATS: dict[str, Callable[[random.Random], str]] = {
    "date-time": lambda chance: _moment(chance).strftime("%Y-%m-%dT%H:%M:%SZ"),
    "date": lambda chance: _moment(chance).strftime("%Y-%m-%d"),
    "time": lambda chance: _moment(chance).strftime("%H:%M:%SZ"),
    "duration": lambda chance: f"PT{chance.randrange(1, 60)}M",
    "email": lambda chance: f"{chance.choice(_WORDS)}@example.com",
    "idn-email": lambda chance: f"{chance.choice(_WORDS)}@example.com",
    "hostname": _host,
    "idn-hostname": _host,
    "uri": lambda chance: f"https://{_host(chance)}/{chance.choice(_WORDS)}",
    "uri-reference": lambda chance: f"/{chance.choice(_WORDS)}",
    "iri": lambda chance: f"https://{_host(chance)}/",
    "uuid": _uuid,
    "ipv4": _ipv4,
    "ipv6": lambda chance: f"2001:db8::{chance.randrange(1, 65_535):x}",
    "json-pointer": lambda chance: f"/{chance.choice(_WORDS)}",
    "regex": lambda chance: re.escape(chance.choice(_WORDS)),
}

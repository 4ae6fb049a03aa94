"""Single keywords of two schemas side by side: does the new one admit less, more, or neither?"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from tools_registry import canonical
from tools_registry.diff.changes import Effect, Found
from tools_registry.validation.pointers import append

Schema = Mapping[str, Any]

TYPES = frozenset(["string", "integer", "number", "boolean", "null", "array", "object"])
FAMILIES: dict[str, frozenset[str]] = {
    "string": frozenset(["minLength", "maxLength", "pattern", "format"]),
    "number": frozenset(
        ["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"]
    ),
    "array": frozenset(["minItems", "maxItems", "uniqueItems"]),
    "object": frozenset(["minProperties", "maxProperties", "required"]),
}
_FAMILY_OF = {keyword: family for family, keywords in FAMILIES.items() for keyword in keywords}
_COUNTS = ("Length", "Items", "Properties")
HANDLED = frozenset(_FAMILY_OF) - {"required"} | {"type", "enum", "const"}


def compare_keywords(old: Schema, new: Schema, at: str) -> Iterator[Found]:
    """Every difference in type, values, bounds, pattern, format and uniqueness."""
    for found in _compare_all(old, new, at):
        yield _weigh(found, old, new)


def _compare_all(old: Schema, new: Schema, at: str) -> Iterator[Found]:
    yield from _compare_types(old, new, at)
    yield from _compare_values(old, new, at)
    for name in _COUNTS:
        yield from _compare_counts(old, new, at, name)
    yield from _compare_ranges(old, new, at)
    yield from _compare_multiples(old, new, at)
    yield from _compare_plain(old, new, at, "pattern", "pattern_changed")
    yield from _compare_plain(old, new, at, "format", "format_changed")
    yield from _compare_unique(old, new, at)


def _weigh(found: Found, old: Schema, new: Schema) -> Found:
    """A keyword says nothing where no value of its own type is admitted."""
    family = _FAMILY_OF.get(found.pointer.rpartition("/")[2])
    if family is None or found.effect in ("none", "wording"):
        return found
    narrows = found.may_narrow and _admits(old, family)
    widens = found.may_widen and _admits(new, family)
    if found.effect == "unknown" and narrows and widens:
        return found
    return with_effect(found, effect_of(narrows, widens))


def _admits(schema: Schema, family: str) -> bool:
    types = types_of(schema)
    return family in types or (family == "number" and "integer" in types)


def effect_of(narrows: bool, widens: bool) -> Effect:
    if narrows:
        return "both" if widens else "narrows"
    return "widens" if widens else "none"


def with_effect(found: Found, effect: Effect) -> Found:
    return replace(found, effect=effect)


def types_of(schema: Schema) -> frozenset[str]:
    """The JSON types that ``type`` admits; all of them where it is absent or unreadable."""
    named = schema.get("type")
    if isinstance(named, str):
        return frozenset([named])
    if isinstance(named, list) and all(isinstance(one, str) for one in named):
        return frozenset(named)
    return TYPES


def _compare_types(old: Schema, new: Schema, at: str) -> Iterator[Found]:
    before, after = types_of(old), types_of(new)
    narrows, widens = not _covers(after, before), not _covers(before, after)
    if narrows or widens:
        fact = f"Was {_name_types(old)}, is {_name_types(new)}"
        pointer = append(at, "type")
        old_type, new_type = old.get("type"), new.get("type")
        effect = effect_of(narrows, widens)
        yield Found(effect, "type_changed", pointer, old_type, new_type, fact)


def _covers(wider: frozenset[str], types: frozenset[str]) -> bool:
    return all(one in wider or (one == "integer" and "number" in wider) for one in types)


def _name_types(schema: Schema) -> str:
    types = types_of(schema)
    return "of any type" if types >= TYPES else " or ".join(sorted(types))


def values_of(schema: Schema) -> dict[bytes, Any] | None:
    """The values of ``enum`` and ``const`` by their canonical JSON; None where neither is set."""
    values = schema.get("enum")
    listed = {_key(value): value for value in values} if isinstance(values, list) else None
    if "const" not in schema:
        return listed
    key = _key(schema["const"])
    return {key: schema["const"]} if listed is None or key in listed else {}


def _key(value: Any) -> bytes:
    return canonical.dumps(value)


def _compare_values(old: Schema, new: Schema, at: str) -> Iterator[Found]:
    before, after = values_of(old), values_of(new)
    keyword = "const" if "const" in (new if after is not None else old) else "enum"
    if before is None and after is None:
        return
    pointer = append(at, keyword)
    if before is None or after is None:
        effect: Effect = "narrows" if before is None else "widens"
        fact = f"Only listed values {'are allowed now' if before is None else 'were allowed'}"
        detail: dict[str, Any] = {}
    else:
        gone = [value for key, value in before.items() if key not in after]
        fresh = [value for key, value in after.items() if key not in before]
        if not gone and not fresh:
            return
        effect = effect_of(bool(gone), bool(fresh))
        told = [f"{_show(gone)} no longer allowed"] if gone else []
        told += [f"{_show(fresh)} allowed now"] if fresh else []
        fact = ", ".join(told)
        detail = {"removed": gone, "added": fresh}
    if after is None:
        detail["in"] = "old"
    yield Found(effect, "values_changed", pointer, old.get(keyword), new.get(keyword), fact, detail)


def _show(values: list[Any]) -> str:
    shown = ", ".join(str(value)[:40] for value in values[:5])
    more = len(values) - 5
    return f"{shown} and {more} more" if more > 0 else shown


def _compare_counts(old: Schema, new: Schema, at: str, name: str) -> Iterator[Found]:
    for keyword, open_end, sign in ((f"min{name}", 0, 1), (f"max{name}", math.inf, -1)):
        before, after = old.get(keyword, open_end), new.get(keyword, open_end)
        yield from _tell_bound(old, new, at, keyword, (before, False), (after, False), sign)


def _compare_ranges(old: Schema, new: Schema, at: str) -> Iterator[Found]:
    for side, sign in (("Minimum", 1), ("Maximum", -1)):
        keyword, exclusive = side.lower(), f"exclusive{side}"
        before, after = (_limit(schema, keyword, exclusive, sign) for schema in (old, new))
        changed = exclusive if old.get(exclusive) != new.get(exclusive) else keyword
        yield from _tell_bound(old, new, at, changed, before, after, sign)


def _limit(schema: Schema, keyword: str, exclusive: str, sign: int) -> tuple[Any, bool]:
    """The tightest bound, and whether it is itself excluded."""
    inner = schema.get(keyword, -sign * math.inf)
    outer = schema.get(exclusive, -sign * math.inf)
    if isinstance(outer, bool):  # draft 4
        return inner, outer
    if not _is_number(inner) or not _is_number(outer):
        return None, False
    return (outer, True) if outer * sign >= inner * sign and exclusive in schema else (inner, False)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _tell_bound(
    old: Schema,
    new: Schema,
    at: str,
    keyword: str,
    before: tuple[Any, bool],
    after: tuple[Any, bool],
    sign: int,
) -> Iterator[Found]:
    """``sign`` is 1 for a lower bound, where more is tighter, and -1 for an upper one."""
    if before == after and old.get(keyword) == new.get(keyword):
        return
    known = all(_is_number(limit[0]) for limit in (before, after))
    effect: Effect = "unknown"
    if known:
        tight = [(limit[0] * sign, limit[1]) for limit in (before, after)]
        effect = effect_of(tight[1] > tight[0], tight[1] < tight[0])
    fact = f"{keyword} was {_spell(old.get(keyword))}, is {_spell(new.get(keyword))}"
    detail = {} if keyword in new else {"in": "old"}
    pointer = append(at, keyword)
    yield Found(effect, "range_changed", pointer, old.get(keyword), new.get(keyword), fact, detail)


def _spell(value: Any) -> str:
    return "not set" if value is None else str(value)[:80]


def _compare_multiples(old: Schema, new: Schema, at: str) -> Iterator[Found]:
    before, after = old.get("multipleOf"), new.get("multipleOf")
    if before == after:
        return
    effect: Effect = "narrows" if before is None else "widens" if after is None else "unknown"
    if isinstance(before, int) and isinstance(after, int) and before > 0 and after > 0:
        effect = effect_of(before % after != 0, after % before != 0)
    yield _tell_plain(old, new, at, "multipleOf", "multiple_changed", effect)


def _compare_plain(old: Schema, new: Schema, at: str, keyword: str, what: str) -> Iterator[Found]:
    """A keyword that is a text: set, dropped, or changed to what cannot be compared."""
    before, after = old.get(keyword), new.get(keyword)
    if before != after:
        effect: Effect = "narrows" if before is None else "widens" if after is None else "unknown"
        yield _tell_plain(old, new, at, keyword, what, effect)


def _compare_unique(old: Schema, new: Schema, at: str) -> Iterator[Found]:
    before, after = old.get("uniqueItems") is True, new.get("uniqueItems") is True
    if before != after:
        effect: Effect = "narrows" if after else "widens"
        yield _tell_plain(old, new, at, "uniqueItems", "uniqueness_changed", effect)


def _tell_plain(
    old: Schema, new: Schema, at: str, keyword: str, what: str, effect: Effect
) -> Found:
    before, after = old.get(keyword), new.get(keyword)
    fact = f"{keyword} was {_spell(before)}, is {_spell(after)}"
    detail = {} if keyword in new else {"in": "old"}
    return Found(effect, what, append(at, keyword), before, after, fact, detail)

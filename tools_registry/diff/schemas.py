"""Two JSON Schemas compared part by part, as sets of values.

Sound, not complete: where nothing here narrows, every value that the old schema admits is
admitted by the new one; what cannot be decided is told as ``unknown``. A schema is the
conjunction of its keywords, so it suffices that each one, or each group of those that speak
of each other, does not narrow.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from tools_registry import canonical
from tools_registry.diff.alternatives import alternatives_of, are_disjoint, is_only
from tools_registry.diff.changes import Effect, Found
from tools_registry.diff.keywords import (
    HANDLED,
    compare_keywords,
    effect_of,
    types_of,
    values_of,
    with_effect,
)
from tools_registry.diff.references import DYNAMIC, Root, has_reference
from tools_registry.diff.renames import find_renames
from tools_registry.validation.compiled import compile_schema
from tools_registry.validation.pointers import append

Schema = Mapping[str, Any]

_BUDGET = 20_000
_DESCRIPTIONS = ("description", "title")
_NOTES = frozenset(["examples", "deprecated", "readOnly", "writeOnly", "$comment", "nullable"])
_SILENT = frozenset(
    ["$schema", "$id", "id", "$defs", "definitions", "$anchor", "$ref", "description", "title"]
)
_CONDITIONS = (
    ("not",),
    ("if", "then", "else"),
    ("contains", "minContains", "maxContains"),
    ("dependentSchemas",),
    ("dependencies",),
    ("dependentRequired",),
    ("contentEncoding",),
    ("contentMediaType",),
    ("contentSchema",),
)
_OBJECT = frozenset(["properties", "required", "additionalProperties", "patternProperties"])
_ARRAY = frozenset(["items", "prefixItems", "additionalItems"])
_UNEVALUATED = ("unevaluatedProperties", "unevaluatedItems")
_KNOWN = (
    HANDLED
    | _SILENT
    | _NOTES
    | _OBJECT
    | _ARRAY
    | frozenset(["default", "propertyNames", "allOf", "anyOf", "oneOf", *_UNEVALUATED])
    | frozenset(keyword for group in _CONDITIONS for keyword in group)
)


class TooLarge(Exception):
    """The two schemas have more pairs of parts than are compared."""


class Comparison:
    """One comparison of two whole schemas; ``compare`` walks them."""

    def __init__(self, old: Root, new: Root) -> None:
        self.old, self.new = old, new
        self._under_way: set[tuple[int, int]] = set()
        self._steps = 0

    def compare(self, old: Any, new: Any, at: str) -> Iterator[Found]:
        """Every difference of two parts; what is being compared already holds by induction."""
        self._steps += 1
        if self._steps > _BUDGET:
            raise TooLarge
        if self._is_same(old, new):
            return
        before, after = self.old.resolve(old), self.new.resolve(new)
        if before is None or after is None:
            yield _unknown(at, old, new, "A reference cannot be followed")
            return
        if before is False or after is False:
            yield from _compare_nothing(before, after, at, old, new)
            return
        pair = id(before), id(after)
        if pair in self._under_way:
            return
        self._under_way.add(pair)
        try:
            yield from self._settle(before, after, at)
        finally:
            self._under_way.discard(pair)

    def _is_same(self, old: Any, new: Any) -> bool:
        if has_reference(old) or has_reference(new):
            return False
        try:
            return canonical.dumps(old) == canonical.dumps(new)
        except (TypeError, ValueError):
            return False

    def _settle(self, old: Schema, new: Schema, at: str) -> Iterator[Found]:
        """The differences, weighed anew where one side has only a few values."""
        kept = self._proves(old, new, self.new)
        covered = self._proves(new, old, self.old)
        for found in self._compare_parts(old, new, at):
            if found.effect in ("none", "wording") or not (kept or covered):
                yield found
                continue
            narrows, widens = found.may_narrow and not kept, found.may_widen and not covered
            same = found.effect == "unknown" and narrows and widens
            yield found if same else with_effect(found, effect_of(narrows, widens))

    @staticmethod
    def _proves(listed: Schema, other: Schema, root: Root) -> bool:
        """Whether all values that ``listed`` names are valid in ``other``."""
        values = values_of(listed)
        if values is None or len(values) > 500 or has_reference(other):
            return False
        try:
            validator = compile_schema(dict(other) | {"$schema": root.draft})
            return all(validator.is_valid(value) for value in values.values())
        except (ValueError, RecursionError):
            return False

    def _compare_parts(self, old: Schema, new: Schema, at: str) -> Iterator[Found]:
        yield from _compare_words(old, new, at)
        if DYNAMIC & (old.keys() | new.keys()):
            yield _unknown(at, old, new, "Dynamic references are not followed")
            return
        evaluates = any(word in schema for word in _UNEVALUATED for schema in (old, new))
        if evaluates and not self._is_same(_checked(old), _checked(new)):
            yield _unknown(at, old, new, "What counts as evaluated differs")
            return
        if is_only(old) != is_only(new) or (is_only(old) and is_only(new)):
            yield from self._compare_alternatives(
                alternatives_of(old), alternatives_of(new), at, old, new
            )
            return
        yield from compare_keywords(old, new, at)
        if (_OBJECT | {"propertyNames"}) & (old.keys() | new.keys()):
            yield from self._compare_object(old, new, at)
        if _ARRAY & (old.keys() | new.keys()):
            yield from self._compare_array(old, new, at)
        yield from self._compare_logic(old, new, at)
        yield from self._compare_conditions(old, new, at)

    # Objects

    def _compare_object(self, old: Schema, new: Schema, at: str) -> Iterator[Found]:
        before, after = _object(old, "properties"), _object(new, "properties")
        renames = find_renames(before, after)
        required = _names(old), _names(new)
        for name, other in renames.items():
            yield _tell_rename(name, other, before[name], after[other], at, required)
        patterns = _object(old, "patternProperties"), _object(new, "patternProperties")
        if patterns[0] or patterns[1]:
            yield from self._compare_patterns(old, new, at, patterns)
        rest = old.get("additionalProperties", True), new.get("additionalProperties", True)
        for name in [*before, *(name for name in after if name not in before)]:
            if name not in renames and name not in renames.values():
                yield from self._compare_property(name, before, after, rest, at, required)
        gone = set(renames) | set(renames.values())
        yield from _compare_required(old, new, at, required, gone | (before.keys() - after.keys()))
        yield from self._compare_rest(rest, at)
        names = old.get("propertyNames", True), new.get("propertyNames", True)
        yield from self.compare(*names, append(at, "propertyNames"))

    def _compare_property(
        self,
        name: str,
        before: Schema,
        after: Schema,
        rest: tuple[Any, Any],
        at: str,
        required: tuple[frozenset[str], frozenset[str]],
    ) -> Iterator[Found]:
        pointer = append(append(at, "properties"), name)
        if name in before and name in after:
            yield from self.compare(before[name], after[name], pointer)
            return
        if name in before:
            effect = self._effect_of(before[name], rest[1], pointer)
            fact = f"{name} is gone"
            detail: dict[str, Any] = {"in": "old", "name": name}
            yield Found(
                effect, "parameter_removed", pointer, before[name], None, fact, detail, lost=True
            )
            return
        effect = self._effect_of(rest[0], after[name], pointer)
        is_required = name in required[1] and name not in required[0]
        fact = f"{name} is new, and {'required' if is_required else 'optional'}"
        if effect in ("narrows", "both", "unknown") and rest[0] is not False:
            fact += ". Names that were not declared were allowed with any value until now; "
            fact += "this one must fit its schema"
        if is_required:
            effect = "narrows" if effect in ("none", "narrows") else "both"
        detail = {"name": name, "required": is_required}
        yield Found(effect, "parameter_added", pointer, None, after[name], fact, detail)

    def _effect_of(self, old: Any, new: Any, at: str) -> Effect:
        found = list(self.compare(old, new, at))
        if any(one.effect == "unknown" for one in found):
            return "unknown"
        return effect_of(any(f.may_narrow for f in found), any(f.may_widen for f in found))

    def _compare_rest(self, rest: tuple[Any, Any], at: str) -> Iterator[Found]:
        pointer = append(at, "additionalProperties")
        old, new = rest
        if (old is False) == (new is False):
            yield from self.compare(old, new, pointer)
        elif new is False:
            fact = "Parameters that are not named were allowed and are refused now"
            yield Found("narrows", "closed", pointer, old, new, fact)
        else:
            fact = "Parameters that are not named were refused and are allowed now"
            detail = {"in": "old"} if new is True else {}
            yield Found("widens", "opened", pointer, old, new, fact, detail)

    def _compare_patterns(
        self, old: Schema, new: Schema, at: str, patterns: tuple[Schema, Schema]
    ) -> Iterator[Found]:
        """Names by pattern: decided only where the same names and patterns are declared."""
        before, after = patterns
        names = [_object(schema, "properties").keys() for schema in (old, new)]
        pointer = append(at, "patternProperties")
        if before.keys() != after.keys() or names[0] != names[1]:
            yield _unknown(pointer, before, after, "Names by pattern overlap with other names")
            return
        for pattern in before:
            yield from self.compare(before[pattern], after[pattern], append(pointer, pattern))

    # Arrays

    def _compare_array(self, old: Schema, new: Schema, at: str) -> Iterator[Found]:
        (first, rest), (second, other) = _items(old), _items(new)
        for index in range(max(len(first), len(second))):
            pair = (
                first[index] if index < len(first) else rest,
                second[index] if index < len(second) else other,
            )
            yield from self.compare(*pair, append(append(at, "prefixItems"), index))
        yield from self.compare(rest, other, append(at, "items"))

    # Alternatives, conjunctions, conditions

    def _compare_logic(self, old: Schema, new: Schema, at: str) -> Iterator[Found]:
        if "allOf" in old or "allOf" in new:
            yield from self._compare_all_of(old, new, at)
        for keyword in ("anyOf", "oneOf"):
            if keyword not in old and keyword not in new:
                continue
            before, after = _list(old, keyword), _list(new, keyword)
            if before is None or after is None:
                effect: Effect = "narrows" if before is None else "widens"
                word = "was added" if before is None else "is gone"
                yield Found(
                    effect,
                    "condition_changed",
                    append(at, keyword),
                    old.get(keyword),
                    new.get(keyword),
                    f"{keyword} {word}",
                )
            else:
                parts = ({keyword: old[keyword]}, {keyword: new[keyword]})
                yield from self._compare_alternatives(before, after, at, *parts)

    def _compare_alternatives(
        self, before: list[Any], after: list[Any], at: str, old: Schema, new: Schema
    ) -> Iterator[Found]:
        keyword = next((word for word in ("anyOf", "oneOf") if word in new), "")
        keyword = keyword or next((word for word in ("anyOf", "oneOf") if word in old), "type")
        pointer = append(at, keyword)
        exclusive = "oneOf" in old or "oneOf" in new
        if exclusive and not (are_disjoint(self.old, before) and are_disjoint(self.new, after)):
            yield from self._compare_one_of(before, after, pointer, old, new)
            return
        lost = [one for one in before if not any(self._holds(one, two, at) for two in after)]
        fresh = [two for two in after if not any(self._holds(one, two, at, True) for one in before)]
        for one, two in _pair_up(self, lost, fresh):
            lost.remove(one)
            fresh.remove(two)
            place = append(pointer, after.index(two)) if keyword in new else at
            yield from self.compare(one, two, place)
        for one in lost:
            fact = f"{_sketch(one)} is no longer an alternative"
            yield Found("narrows", "alternative_removed", pointer, one, None, fact)
        for two in fresh:
            fact = f"{_sketch(two)} is a further alternative"
            yield Found("widens", "alternative_added", pointer, None, two, fact)

    def _compare_one_of(
        self, before: list[Any], after: list[Any], pointer: str, old: Schema, new: Schema
    ) -> Iterator[Found]:
        """Alternatives that may overlap: a wider one takes values from its neighbours."""
        same = len(before) == len(after)
        found = [
            one
            for index, pair in enumerate(zip(before, after, strict=False))
            for one in self.compare(*pair, append(pointer, index))
        ]
        if same and all(one.effect in ("none", "wording") for one in found):
            yield from found
        else:
            fact = "Exactly one of several alternatives must fit, and they may overlap"
            yield _unknown(pointer, old.get("oneOf", old), new.get("oneOf", new), fact)

    def _holds(self, old: Any, new: Any, at: str, reverse: bool = False) -> bool:
        """Whether ``new`` admits all of ``old``; reversed, whether ``old`` all of ``new``."""
        found = self.compare(old, new, at)
        return not any(one.may_widen if reverse else one.may_narrow for one in found)

    def _compare_all_of(self, old: Schema, new: Schema, at: str) -> Iterator[Found]:
        before, after = _list(old, "allOf") or [], _list(new, "allOf") or []
        pointer = append(at, "allOf")
        if len(before) == len(after):
            for index, pair in enumerate(zip(before, after, strict=True)):
                yield from self.compare(*pair, append(pointer, index))
            return
        narrows = not all(any(self._holds(one, two, at) for one in before) for two in after)
        widens = not all(any(self._holds(one, two, at, True) for two in after) for one in before)
        fact = f"Of allOf there were {len(before)} parts and are {len(after)}"
        effect = effect_of(narrows, widens)
        yield Found(effect, "condition_changed", pointer, old.get("allOf"), new.get("allOf"), fact)

    def _compare_conditions(self, old: Schema, new: Schema, at: str) -> Iterator[Found]:
        for group in _CONDITIONS:
            before = {word: old[word] for word in group if word in old}
            after = {word: new[word] for word in group if word in new}
            if not before and not after:
                continue
            if before and after:
                if self._is_same(before, after):
                    continue
                effect: Effect = "unknown"
            else:
                effect = "widens" if before else "narrows"
            word = group[0] if group[0] in (before or after) else next(iter(before or after))
            fact = f"{' / '.join(before or after)} {'was added' if not before else 'differs'}"
            if before and not after:
                fact = f"{' / '.join(before)} is gone"
            pointer = append(at, word)
            yield Found(effect, "condition_changed", pointer, before or None, after or None, fact)


def _unknown(at: str, old: Any, new: Any, fact: str) -> Found:
    return Found("unknown", "schema_changed", at, old, new, fact)


def _compare_nothing(before: Any, after: Any, at: str, old: Any, new: Any) -> Iterator[Found]:
    if before is not False:
        yield Found("narrows", "schema_changed", at, old, new, "No value is allowed here now")
    elif after is not False:
        yield Found("widens", "schema_changed", at, old, new, "No value was allowed here")


def _checked(schema: Schema) -> dict[str, Any]:
    words = _NOTES | _SILENT | {"default"}
    return {key: value for key, value in schema.items() if key not in words or key == "$ref"}


def _compare_words(old: Schema, new: Schema, at: str) -> Iterator[Found]:
    """What a model reads and no validator checks."""
    for key in sorted(old.keys() | new.keys()):
        before, after = old.get(key), new.get(key)
        if before == after or (key in _KNOWN and key not in (*_DESCRIPTIONS, *_NOTES, "default")):
            continue
        what = "note_changed"
        if key in _DESCRIPTIONS:
            what = "parameter_description_changed"
        elif key == "default":
            what = "default_changed"
        word = "was added" if before is None else "is gone" if after is None else "differs"
        detail = {} if key in new else {"in": "old"}
        yield Found(
            "wording", what, append(at, key), before, after, f"{key} {word}".capitalize(), detail
        )


def _tell_rename(
    name: str,
    other: str,
    old: Any,
    new: Any,
    at: str,
    required: tuple[frozenset[str], frozenset[str]],
) -> Found:
    pointer = append(append(at, "properties"), other)
    is_required = other in required[1]
    fact = f"{name} is now called {other}{', and it is required' if is_required else ''}"
    detail = {"from": name, "to": other, "required": is_required}
    return Found("unknown", "parameter_renamed", pointer, old, new, fact, detail, lost=True)


def _compare_required(
    old: Schema,
    new: Schema,
    at: str,
    required: tuple[frozenset[str], frozenset[str]],
    told: set[str] | frozenset[str],
) -> Iterator[Found]:
    """Names that became required or optional, without those told as added, removed or renamed."""
    before, after = required
    declared = _object(old, "properties").keys()
    pointer = append(at, "required")
    is_object = "object" in types_of(old)
    for name in sorted(after - before):
        if name in told or (name not in declared and name in _object(new, "properties")):
            continue
        effect: Effect = "narrows" if is_object else "none"
        fact = f"{name} must be given now"
        yield Found(effect, "parameter_required", pointer, False, True, fact, {"name": name})
    for name in sorted(before - after):
        if name not in told:
            fact = f"{name} may be left out now"
            detail = {"name": name, "in": "old"}
            yield Found("widens", "parameter_optional", pointer, True, False, fact, detail)


def _object(schema: Schema, keyword: str) -> Schema:
    value = schema.get(keyword)
    return value if isinstance(value, Mapping) else {}


def _names(schema: Schema) -> frozenset[str]:
    value = schema.get("required")
    return frozenset(value) if isinstance(value, list) else frozenset()


def _list(schema: Schema, keyword: str) -> list[Any] | None:
    value = schema.get(keyword)
    return value if isinstance(value, list) else None


def _items(schema: Schema) -> tuple[list[Any], Any]:
    """The schemas of the first items, and that of all further ones."""
    if isinstance(schema.get("prefixItems"), list):
        return schema["prefixItems"], schema.get("items", True)
    if isinstance(schema.get("items"), list):
        return schema["items"], schema.get("additionalItems", True)
    return [], schema.get("items", True)


def _pair_up(comparison: Comparison, lost: list[Any], fresh: list[Any]) -> list[tuple[Any, Any]]:
    """The one alternative that went with the one that came, where they are of one type."""
    if len(lost) != 1 or len(fresh) != 1:
        return []
    before, after = comparison.old.resolve(lost[0]), comparison.new.resolve(fresh[0])
    if not isinstance(before, Mapping) or not isinstance(after, Mapping):
        return []
    is_alike = types_of(before) == types_of(after)
    return [(lost[0], fresh[0])] if is_alike else []


def _sketch(schema: Any) -> str:
    if not isinstance(schema, Mapping):
        return "Any value" if schema is not False else "No value"
    named = schema.get("title") or schema.get("$ref") or schema.get("type") or schema.get("const")
    return str(named or "One schema")[:80]

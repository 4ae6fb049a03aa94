"""Semantic diff: what changed between two definitions, and whom it breaks.

Pure: values in, values out. Arguments may only be widened, results may only be narrowed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from tools_registry import canonical
from tools_registry.diff.changes import CODES, KINDS, Change, Direction, Found, Kind, judge
from tools_registry.diff.references import Root
from tools_registry.diff.schemas import Comparison, TooLarge
from tools_registry.specs import ToolSpec

# MCP's hints: what holds without them, and the value that lets a caller rely on something.
_HINTS = {
    "readOnlyHint": (False, True),
    "destructiveHint": (True, False),
    "idempotentHint": (False, True),
    "openWorldHint": (True, False),
}


def compare(old: ToolSpec, new: ToolSpec) -> list[Change]:
    """Every change, the breaking ones first; [] where both mean the same.

    Where it calls all changes compatible or wording, no arguments valid before are invalid
    after. What cannot be decided is breaking and says "not provably compatible".
    """
    changes = [
        *_compare_head(old, new),
        *compare_schemas(old.parameters, new.parameters, "/parameters", "arguments"),
        *compare_schemas(old.output_schema, new.output_schema, "/output_schema", "results"),
        *_compare_annotations(old.annotations or {}, new.annotations or {}),
    ]
    return sorted(changes, key=lambda change: KINDS.index(change.kind))


def compare_schemas(
    old: Mapping[str, Any] | None,
    new: Mapping[str, Any] | None,
    at: str = "",
    direction: Direction = "arguments",
) -> list[Change]:
    """The changes of one schema; None admits everything."""
    return [judge(found, direction) for found in _find(old, new, at)]


def _find(old: Mapping[str, Any] | None, new: Mapping[str, Any] | None, at: str) -> list[Found]:
    try:
        before, after = Root({} if old is None else old), Root({} if new is None else new)
        if canonical.dumps(before.schema) == canonical.dumps(after.schema):
            return []
        if before.draft != after.draft:
            fact = f"The draft was {before.draft}, is {after.draft}"
            found = [
                Found("unknown", "draft_changed", f"{at}/$schema", before.draft, after.draft, fact)
            ]
            return found + list(_walk(before, after, at))
        return list(_walk(before, after, at))
    except (TooLarge, RecursionError, TypeError, ValueError, AttributeError, KeyError) as error:
        size = "They are too large to be compared" if isinstance(error, TooLarge) else ""
        fact = size or "A schema cannot be read"
        return [Found("unknown", "schema_changed", at, old, new, fact)]


def _walk(old: Root, new: Root, at: str) -> Iterator[Found]:
    return Comparison(old, new).compare(old.schema, new.schema, at)


def _compare_head(old: ToolSpec, new: ToolSpec) -> Iterator[Change]:
    if old.name != new.name:
        reason = f"{old.name} is now called {new.name}. Calls of the old name find no tool"
        yield Change("breaking", "tool_renamed", "/name", old.name, new.name, reason)
    if old.description != new.description:
        lengths = f"{len(old.description)} to {len(new.description)} characters"
        reason = f"Rewritten, {lengths}. A model may call the tool at other times"
        where = {} if new.description else {"in": "old"}
        before, after = old.description, new.description
        yield Change(
            "wording", "tool_description_changed", "/description", before, after, reason, where
        )
    if bool(old.strict) != bool(new.strict):
        what, word = ("strict_set", "on") if new.strict else ("strict_unset", "off")
        reason = f"Strict mode is {word}. It binds the model, and refuses no call by itself"
        where = {} if new.strict else {"in": "old"}
        yield Change("compatible", what, "/strict", old.strict, new.strict, reason, where)


def _compare_annotations(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Change]:
    for key in sorted(old.keys() | new.keys()):
        before, after = old.get(key), new.get(key)
        if before == after:
            continue
        where = {} if key in new else {"in": "old"}
        pointer = f"/annotations/{key.replace('~', '~0').replace('/', '~1')}"
        kind: Kind = "wording"
        what, reason = "annotation_changed", f"{key} differs. Nothing is checked otherwise"
        if key in _HINTS:
            usual, promise = _HINTS[key]
            held, holds = (before if key in old else usual), (after if key in new else usual)
            if held == promise != holds:
                kind, what = "breaking", "promise_withdrawn"
                reason = f"{key} was {held}, is {holds}. Callers that rely on it are wrong now"
            elif holds == promise != held:
                kind, what = "compatible", "promise_made"
                reason = f"{key} was {held}, is {holds}. Callers may rely on more than before"
        yield Change(kind, what, pointer, before, after, reason, where)


__all__ = ["CODES", "KINDS", "Change", "Kind", "compare", "compare_schemas"]

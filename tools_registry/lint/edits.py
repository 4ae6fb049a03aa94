"""A certain fix as replacements in the text that somebody is writing."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tools_registry.lint.problems import Fix
from tools_registry.validation import pointers
from tools_registry.validation.positions import scan

_DECODER = json.JSONDecoder()


@dataclass(frozen=True, slots=True)
class Edit:
    """Replace the characters from ``start`` to ``end``; counted as JavaScript does (UTF-16)."""

    start: int
    end: int
    text: str

    def to_json(self) -> dict[str, Any]:
        return {"from": self.start, "to": self.end, "insert": self.text}


def edits_of(text: str, fix: Fix, pointer: str) -> list[Edit]:
    """The replacements of ``fix`` at ``pointer`` of the text; [] where its place is not found."""
    offsets = scan(text).offsets
    if pointer not in offsets:
        edits = _add_member(text, fix, pointer, offsets)
    elif fix.is_key:
        edits = [
            _replace(text, offsets[pointer], fix.new),
            *_rename_required(text, fix, pointer, offsets),
        ]
    else:
        edits = [_replace(text, _value_at(text, offsets[pointer], pointer), fix.new)]
    return [_to_utf16(text, edit) for edit in edits]


def _replace(text: str, start: int, new: Any) -> Edit:
    _, end = _DECODER.raw_decode(text, start)
    return Edit(start, end, json.dumps(new, ensure_ascii=False))


def _value_at(text: str, offset: int, pointer: str) -> int:
    """Where a member's value begins, whose key begins at ``offset``; elements begin there."""
    if not pointer or pointer.rpartition("/")[2].isdecimal():
        return offset
    _, end = _DECODER.raw_decode(text, offset)
    while text[end] in " \t\r\n:":
        end += 1
    return end


def _rename_required(text: str, fix: Fix, pointer: str, offsets: Mapping[str, int]) -> list[Edit]:
    """The same name in the ``required`` of the object that declares it."""
    name = pointers.tokens(pointer)[-1]
    around = pointer.rpartition("/")[0].removesuffix("/properties")
    prefix = f"{around}/required/"
    found = [at for place, at in offsets.items() if place.startswith(prefix)]
    return [_replace(text, at, fix.new) for at in found if _DECODER.raw_decode(text, at)[0] == name]


def _add_member(text: str, fix: Fix, pointer: str, offsets: Mapping[str, int]) -> list[Edit]:
    parent, _, key = pointer.rpartition("/")
    if parent not in offsets:
        return []
    start = _value_at(text, offsets[parent], parent)
    if text[start] != "{":
        return []
    is_empty = text[start + 1 :].lstrip().startswith("}")
    member = f"{json.dumps(key)}: {json.dumps(fix.new)}{'' if is_empty else ', '}"
    return [Edit(start + 1, start + 1, member)]


def _to_utf16(text: str, edit: Edit) -> Edit:
    def units(offset: int) -> int:
        return len(text[:offset].encode("utf-16-le", "surrogatepass")) // 2

    return Edit(units(edit.start), units(edit.end), edit.text)

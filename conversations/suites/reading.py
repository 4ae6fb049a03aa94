"""Files of cases: one JSON object a line, or an array of them; each line told by itself. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from console.lib import json
from conversations.suites.cases import NO_CASE, BadCase, Entry, read_case, unknown_names

LONGEST_LINE = 2_000_000
_DEEPEST = "The JSON is nested too deep"


@dataclass(frozen=True, slots=True)
class Refusal:
    """A line that makes no case: its number from 1, its id if it has one, and what is wrong."""

    line: int
    key: str
    reason: str

    def to_json(self) -> dict[str, Any]:
        return {"line": self.line, "id": self.key, "detail": self.reason}


@dataclass(slots=True)
class Read:
    """What a file gave. ``remarks`` are of cases that were taken, and odd."""

    entries: list[Entry] = field(default_factory=list)
    refused: list[Refusal] = field(default_factory=list)
    remarks: list[Refusal] = field(default_factory=list)


def read_file(body: bytes) -> Read:
    """Every case of a file, and per line what was refused and why. Of an array, each entry counts
    as a line."""
    read, keys = Read(), dict[str, int]()
    text = body.removeprefix(b"\xef\xbb\xbf").strip()
    entries = _entries(read, text) if text.startswith(b"[") else _lines(read, text)
    for number, value in entries:
        _take(read, keys, number, value)
    return read


def _entries(read: Read, text: bytes) -> Iterator[tuple[int, Any]]:
    value = _load(read, 1, text)
    yield from enumerate(value if isinstance(value, list) else [], 1)


def _lines(read: Read, text: bytes) -> Iterator[tuple[int, Any]]:
    for number, line in enumerate(text.split(b"\n"), 1):
        if not line.strip():
            continue
        if len(line) > LONGEST_LINE:
            reason = f"The line is longer than {LONGEST_LINE:,} bytes"
            read.refused.append(Refusal(number, "", reason))
        elif (value := _load(read, number, line)) is not None:
            yield number, value


def _load(read: Read, number: int, text: bytes) -> Any:
    """The JSON value; None where there is none, which is then told."""
    try:
        value = json.load(text)
    except (ValueError, RecursionError) as error:
        said = _DEEPEST if isinstance(error, RecursionError) else f"This is no JSON: {error}"
        read.refused.append(Refusal(number, "", said))
        return None
    if value is None:
        read.refused.append(Refusal(number, "", str(BadCase("", NO_CASE))))
    return value


def _take(read: Read, keys: dict[str, int], number: int, value: Any) -> None:
    key = str(value.get("id", ""))[:300] if isinstance(value, dict) else ""
    try:
        entry = read_case(value)
    except BadCase as error:
        read.refused.append(Refusal(number, key, str(error)))
        return
    except RecursionError:
        read.refused.append(Refusal(number, key, _DEEPEST))
        return
    if entry.case.key and entry.case.key in keys:
        reason = f"Line {keys[entry.case.key]} has the same id. Give each case an id of its own"
        read.refused.append(Refusal(number, key, reason))
        return
    if entry.case.key:
        keys[entry.case.key] = number
    if missing := unknown_names(entry.case):
        names = ", ".join(missing[:5])
        remark = f"It expects {names}, which it does not offer: no answer can be right"
        read.remarks.append(Refusal(number, entry.case.key, remark))
    read.entries.append(entry)

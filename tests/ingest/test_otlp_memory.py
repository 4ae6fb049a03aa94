"""What the spans of a body have in common is read once, and reads as it would alone."""

from __future__ import annotations

import json
from typing import Any

import pytest

from conversations.ingest.notes import Note
from conversations.ingest.otlp.memory import Memory

FIRST = [{"role": "user", "content": "a"}, {"role": "user", "content": 12}]


def read(value: Any) -> tuple[list[Any], list[Note]]:
    return [{"read": value}], []


@pytest.mark.parametrize(
    "after",
    [
        json.dumps([*FIRST, {"role": "user", "content": "b"}]),
        json.dumps(FIRST, separators=(",", ":")),
        json.dumps(FIRST),
        json.dumps(FIRST) + " ",
        json.dumps(FIRST)[:-1] + " \n, 3 ]\n",
        json.dumps(FIRST)[:-1] + ",]",
        json.dumps(FIRST)[:-1] + "0]",
        json.dumps(FIRST)[:-1],
        json.dumps(FIRST)[:-1] + ", 3] 4",
        json.dumps(FIRST)[:-1] + ", 3], [4]",
        json.dumps(FIRST[:1]),
        "[1, 23]",
        "[12]",
        "[]",
        '{"a": 1}',
        "",
        "[" * 100_000,
    ],
)
def test_a_history_reads_the_same_whatever_was_read_before(after: str) -> None:
    memory = Memory()
    for before in (json.dumps(FIRST), "[1]", "[]", "[1, 2]"):
        memory.read_history("talk", before, read)
    assert memory.read_history("talk", after, read) == Memory().read_history("talk", after, read)


def test_messages_that_were_read_before_are_the_same_objects() -> None:
    memory = Memory()
    first = memory.read_history("talk", json.dumps(FIRST), read)
    more = memory.read_history("talk", json.dumps([*FIRST, {"role": "user"}]), read)
    assert first and first[0] and more and more[0]
    assert len(first[0]) == 2 and len(more[0]) == 3
    assert all(one is other for one, other in zip(first[0], more[0], strict=False))

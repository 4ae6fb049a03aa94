from __future__ import annotations

import json
from typing import Any

import pytest

from conversations.ingest.batch import read_batch
from conversations.ingest.record import BadRecord, Limits
from tests.ingest.samples import record

ODD = record(id='a"]},{[\\', conversation='ü\\" ] }')
ONE, TWO = json.dumps(record()).encode(), json.dumps(ODD, ensure_ascii=False).encode()


def outcomes(body: Any, content_type: str = "", **limits: int) -> list[tuple[int, str]]:
    """Line and id, or line and code."""
    entries = read_batch(body, content_type, limits=Limits(**limits))
    return [
        (entry.line, entry.item.code if isinstance(entry.item, BadRecord) else entry.item.id)
        for entry in entries
    ]


BODIES = [
    (b"[" + ONE + b"," + TWO + b"]", [(1, "turn-1"), (2, ODD["id"])]),
    (b" \n[ " + ONE + b" , " + TWO + b" ] \n", [(1, "turn-1"), (2, ODD["id"])]),
    (b"[" + ONE + b", oops ," + TWO + b"]", [(1, "turn-1"), (2, "not_json"), (3, ODD["id"])]),
    (b"[1," + ONE + b"]", [(1, "not_an_object"), (2, "turn-1")]),
    (b"[" + ONE + b"," + TWO[:40], [(1, "turn-1"), (2, "truncated")]),
    (b"[" + ONE + b',"a\\', [(1, "turn-1"), (2, "truncated")]),
    (ONE + b"\n\n" + TWO + b"\n", [(1, "turn-1"), (3, ODD["id"])]),
    (ONE + b"\r\n" + TWO, [(1, "turn-1"), (2, ODD["id"])]),
    (b"\xef\xbb\xbf" + ONE, [(1, "turn-1")]),
    (ONE + b"\n{nope\n" + TWO, [(1, "turn-1"), (2, "not_json"), (3, ODD["id"])]),
    (ONE + b"\n" + TWO[:30], [(1, "turn-1"), (2, "truncated")]),
    (b'{"a":' * 3000 + b"\n" + ONE, [(1, "too_deep"), (2, "turn-1")]),
    (b"\xff\xfe\n" + ONE, [(1, "not_utf8"), (2, "turn-1")]),
    (b"", []),
    (b"[]", []),
    (b" \n ", []),
]


@pytest.mark.parametrize(("body", "expected"), BODIES)
@pytest.mark.parametrize("size", [0, 1, 7])
def test_one_bad_record_does_not_fail_the_others(
    body: bytes, expected: list[tuple[int, str]], size: int
) -> None:
    chunks = [body[at : at + size] for at in range(0, len(body), size)] if size else body
    assert outcomes(chunks) == expected


def test_a_single_object_is_a_batch_of_one() -> None:
    assert outcomes(json.dumps(record(), indent=2).encode(), "application/json") == [(1, "turn-1")]


def test_lines_are_read_under_the_wrong_type_too() -> None:
    body = ONE + b"\n" + TWO
    expected = [(1, "turn-1"), (2, ODD["id"])]
    assert outcomes(body, "application/json; charset=utf-8") == expected


def test_a_record_that_is_too_large_is_skipped_and_its_head_kept() -> None:
    long = json.dumps(record(id="long", user="x" * 299, model="m" * 199)).encode()
    for body in (long + b"\n" + ONE, b"[" + long + b"," + ONE + b"]"):
        entries = list(read_batch([body], limits=Limits(max_record_bytes=400)))
        assert isinstance(entries[0].item, BadRecord) and entries[0].item.code == "too_large"
        assert f"{len(long):,} bytes" in entries[0].item.detail
        assert len(entries[0].raw) == 400
        assert not isinstance(entries[1].item, BadRecord)


def test_a_string_that_never_ends_costs_linear_time() -> None:
    body = b'["' + b'\\"' * 2_000_000
    assert outcomes(body) == [(1, "truncated")]

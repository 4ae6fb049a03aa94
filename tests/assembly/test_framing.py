"""Bytes to frames, by the WHATWG rules for server-sent events."""

from __future__ import annotations

import pytest

from conversations.assembly.framing import EventFraming, Frame, LineFraming


def read(body: bytes, *, step: int | None = None) -> list[Frame]:
    framing = EventFraming()
    step = step or len(body) or 1
    frames = [f for at in range(0, len(body), step) for f in framing.feed(body[at : at + step])]
    return frames + framing.finish()


@pytest.mark.parametrize("step", [None, 1, 2, 3])
@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"data: a\n\n", [Frame("a")]),
        (b"data:a\r\n\r\ndata: b\r\rdata:  c\n\n", [Frame("a"), Frame("b"), Frame(" c")]),
        (b"event: x\ndata: 1\ndata: 2\nid: 7\nretry: 10\n\n", [Frame("1\n2", "x")]),
        (b"\xef\xbb\xbfdata: a\n\n", [Frame("a")]),
        (b": ping\n\n:\n\ndata: a\n\n", [Frame("a")]),
        (b"event: x\n\ndata: a\n\n", [Frame("a")]),
        (b"data\n\ndata:\n\n", []),
        ("data: a\u2028b\x85c\n\n".encode(), [Frame("a\u2028b\x85c")]),
        ("data: 👋".encode() + b"\n\n", [Frame("👋")]),
        (b"data: a", [Frame("a", ended=False)]),
        (b"data: a\n", [Frame("a", ended=False)]),
        (b"data: \xff\n\n", [Frame("\ufffd", damaged=True)]),
        (b"oops\ndata: a\n\n", [Frame("oops", stray=True), Frame("a")]),
        ("data: 👋".encode()[:-1], [Frame("\ufffd", ended=False, damaged=True)]),
        (b"", []),
    ],
)
def test_events(body: bytes, expected: list[Frame], step: int | None) -> None:
    assert read(body, step=step) == expected


@pytest.mark.parametrize("step", [1, 4, 100])
def test_lines_of_json(step: int) -> None:
    body = b'{"a":1}\n\n{"b":"\xc3\xa4"}\r\n{"c"'
    framing = LineFraming()
    frames = [f for at in range(0, len(body), step) for f in framing.feed(body[at : at + step])]
    frames += framing.finish()
    assert frames == [Frame('{"a":1}'), Frame('{"b":"ä"}'), Frame('{"c"', ended=False)]

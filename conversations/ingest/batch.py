"""Many records in one body: a JSON array or one record a line, read piece by piece.

One bad record never fails the others: where a line or an element cannot be read, that is its
result and the next one is read.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from typing import Literal, NamedTuple, SupportsBytes

from conversations.ingest.arrays import (
    LARGEST,
    Cut,
    Element,
    Whole,
    open_array,
    read_at_once,
    read_elements,
)
from conversations.ingest.record import (
    LIMITS,
    BadRecord,
    Limits,
    TurnRecord,
    load_json,
    read_record,
)

Framing = Literal["array", "lines"]

INSIDE_STRING = re.compile(rb'[^"\\]*+(?:\\.[^"\\]*+)*+', re.DOTALL)
STRING = rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"'
# What may be passed over: to the next bracket, or between elements to the next comma, too.
WITHIN = re.compile(rb'(?:[^"\[\]{}]++|' + STRING + rb")*+", re.DOTALL)
BETWEEN = re.compile(rb'(?:[^"\[\]{},]++|' + STRING + rb")*+", re.DOTALL)
BOM = b"\xef\xbb\xbf"


class Piece(NamedTuple):
    """The bytes of one record. ``whole`` is False where the body ended inside it; ``size`` is of
    the record, more than ``len(raw)`` where it was too large to be kept."""

    line: int
    raw: bytes
    whole: bool
    size: int


class Entry(NamedTuple):
    """One record of a batch or why it is none. ``line`` counts from 1: lines, or elements;
    ``bytes(raw)`` is what it came as."""

    line: int
    item: TurnRecord | BadRecord
    raw: SupportsBytes


def read_batch(
    body: bytes | Iterable[bytes], content_type: str = "", *, limits: Limits = LIMITS
) -> Iterator[Entry]:
    """The records of a body, one after the other. A single object is a batch of one."""
    head, chunks = _read_ahead(iter([body] if isinstance(body, bytes) else body))
    is_small = len(head) <= min(LARGEST, limits.max_record_bytes)
    values = read_at_once(head, limits.max_depth) if is_small else None
    if values is not None:
        whole = Whole(head)
        for place, value in enumerate(values):
            yield Entry(place + 1, _read_shallow(value, limits), Cut(whole, place))
        return
    text = open_array(head) if is_small else None
    line, rest = 0, 0
    for element in read_elements(text) if text else ():
        line, rest = line + 1, element.rest
        yield Entry(line, _read_value(element, limits), element.raw)
    if rest < 0:
        return
    if text and rest:
        head = b"[" + text[rest:].encode()
    for piece in split_records(_chain(head, chunks), content_type, limits=limits):
        yield Entry(piece.line + line, read_piece(piece, limits), piece.raw)


def _read_ahead(chunks: Iterator[bytes]) -> tuple[bytes, Iterator[bytes]]:
    """The beginning of a body, as much as is read at once, and what follows it; where reading
    fails, that comes after what was read before."""
    parts: list[bytes] = []
    size = 0
    try:
        for chunk in chunks:
            parts.append(chunk)
            size += len(chunk)
            if size > LARGEST:
                break
    except Exception as error:
        return b"".join(parts), _fail(error)
    return b"".join(parts), chunks


def _fail(error: Exception) -> Iterator[bytes]:
    raise error
    yield b""


def _read_shallow(value: object, limits: Limits) -> TurnRecord | BadRecord:
    try:
        return read_record(value, limits=limits, shallow=True)
    except BadRecord as error:
        return error


def _read_value(element: Element, limits: Limits) -> TurnRecord | BadRecord:
    try:
        return read_record(element.value, limits=limits, raw=element.raw)
    except BadRecord as error:
        return error


def read_piece(piece: Piece, limits: Limits = LIMITS) -> TurnRecord | BadRecord:
    try:
        return read_record(load_piece(piece, limits), limits=limits, raw=piece.raw)
    except BadRecord as error:
        return error


def load_piece(piece: Piece, limits: Limits = LIMITS) -> object:
    """The JSON value of one piece; raises ``BadRecord``."""
    if piece.size > limits.max_record_bytes:
        raise BadRecord(
            "too_large",
            f"The record has {piece.size:,} bytes; at most {limits.max_record_bytes:,} are taken.",
        )
    return load_json(piece.raw, limits=limits, whole=piece.whole)


def split_records(
    body: bytes | Iterable[bytes], content_type: str = "", *, limits: Limits = LIMITS
) -> Iterator[Piece]:
    """The bytes of each record, unparsed.

    The body's first character says whether it is an array or lines. Only an object under
    ``application/json`` may also be one that spans lines.
    """
    chunks = iter([body] if isinstance(body, bytes) else body)
    head = b""
    for chunk in chunks:
        head += chunk
        if head.removeprefix(BOM).strip():
            break
    head = head.removeprefix(BOM)
    text = head.lstrip()
    if text.startswith(b"["):
        return _split_array(_chain(text[1:], chunks), limits.max_record_bytes)
    if content_type.split(";")[0].strip().lower() == "application/json":
        whole = b"".join(_chain(text, chunks))
        if _is_one_object(whole):
            return iter([Piece(1, whole.strip(), True, len(whole))])
        return _split_lines([whole], limits.max_record_bytes)
    return _split_lines(_chain(head, chunks), limits.max_record_bytes)


def _chain(first: bytes, rest: Iterable[bytes]) -> Iterator[bytes]:
    yield first
    yield from rest


def _is_one_object(whole: bytes) -> bool:
    """Is the text one object that spans lines, rather than an object a line?"""
    first, _, rest = whole.strip().partition(b"\n")
    if not rest:
        return True
    try:
        json.loads(first)
    except (ValueError, RecursionError):
        pass
    else:
        return False
    try:
        json.loads(whole)
    except (ValueError, RecursionError):
        return False
    return True


def _split_lines(chunks: Iterable[bytes], most: int) -> Iterator[Piece]:
    line, held = 1, _Held(most)
    for chunk in chunks:
        first, *others = chunk.split(b"\n")
        held.add(first)
        for other in others:
            yield from held.give(line, True)
            line += 1
            held.add(other)
    yield from held.give(line, False)


class _Held:
    """The bytes of the record at hand, no more of them than may be kept."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.parts: list[bytes] = []
        self.size = 0

    def add(self, part: bytes) -> None:
        if self.size <= self.most:
            self.parts.append(part)
        self.size += len(part)

    def give(self, line: int, whole: bool) -> Iterator[Piece]:
        raw = b"".join(self.parts).strip()
        size = self.size if self.size > self.most else len(raw)
        self.parts, self.size = [], 0
        if raw:
            yield Piece(line, raw[: self.most], whole, size)


def _split_array(chunks: Iterable[bytes], most: int) -> Iterator[Piece]:
    """The elements after an opening bracket, by their brackets and strings alone."""
    splitter = _Elements(most)
    for chunk in chunks:
        yield from splitter.feed(chunk)
        if splitter.closed:
            return
    yield from splitter.finish()


class _Elements:
    def __init__(self, most: int) -> None:
        self.line = 1
        self.depth = 0
        self.in_string = False
        self.closed = False
        self.held = _Held(most)
        self.rest = b""

    def feed(self, chunk: bytes) -> Iterator[Piece]:
        data, self.rest = self.rest + chunk, b""
        start = at = 0
        while at < len(data):
            if self.in_string:
                at = self._pass_string(data, at)
                continue
            passed = (WITHIN if self.depth else BETWEEN).match(data, at)
            mark = passed.end() if passed else at
            at = mark + 1
            if self._ends_element(data[mark:at]):
                self.held.add(data[start:mark])
                yield from self._give(True)
                start = at
                if self.closed:
                    return
        self.held.add(data[start : len(data) - len(self.rest)])

    def _ends_element(self, mark: bytes) -> bool:
        if mark == b'"':
            self.in_string = True
        elif mark in (b"[", b"{"):
            self.depth += 1
        elif mark == b",":
            return True
        elif mark and self.depth:
            self.depth -= 1
        elif mark:
            self.closed = True
        return self.closed

    def _pass_string(self, data: bytes, at: int) -> int:
        """Where the string ends, or the data; an escape that is cut waits in ``rest``."""
        match = INSIDE_STRING.match(data, at)
        end = match.end() if match else at
        if data[end : end + 1] == b'"':
            self.in_string = False
            return end + 1
        self.rest = data[end:]
        return len(data)

    def finish(self) -> Iterator[Piece]:
        self.held.add(self.rest)
        yield from self._give(False)

    def _give(self, whole: bool) -> Iterator[Piece]:
        yield from self.held.give(self.line, whole)
        self.line += 1

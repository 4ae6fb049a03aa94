"""Why a protobuf body cannot be parsed, and where: the parser itself does not say.

Walks the wire format along the message descriptors; only run on bodies that failed.
https://protobuf.dev/programming-guides/encoding/
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor

from conversations.ingest.compression import BadBody

DEEPEST = 100  # the protobuf runtime's own limit
FIXED = {1: 8, 5: 4}


@dataclass(frozen=True, slots=True)
class _Frame:
    descriptor: Descriptor
    end: int
    path: str


def explain(body: bytes, descriptor: Descriptor) -> BadBody:
    """The error of a body that its parser refused."""
    frames, at, counts = [_Frame(descriptor, len(body), "")], 0, dict[str, int]()
    while frames:
        frame = frames[-1]
        if at >= frame.end:
            frames.pop()
            continue
        tag, at = _varint(body, at)
        if tag is None:
            return _cut(frame.path, len(body))
        wire, field = tag & 7, frame.descriptor.fields_by_number.get(tag >> 3)
        size: int | None = FIXED.get(wire, 0)
        if wire == 0:
            value, at = _varint(body, at)
            if value is None:
                return _cut(frame.path, len(body))
        elif wire == 2:
            size, at = _varint(body, at)
        elif wire not in FIXED:
            return BadBody("not_protobuf", f"Byte {at} in {_where(frame.path)} is no protobuf.")
        if size is None or at + size > len(body):
            return _cut(_step(frame.path, field, counts), len(body))
        if at + size > frame.end:
            return BadBody(
                "not_protobuf",
                f"Byte {at}: {_where(_step(frame.path, field, counts))} is longer than what holds "
                "it.",
            )
        if wire == 2 and field is not None and field.type == FieldDescriptor.TYPE_MESSAGE:
            if len(frames) >= DEEPEST:
                return BadBody("too_deep", f"Values nest deeper than {DEEPEST} at byte {at}.")
            inner: Any = field.message_type
            frames.append(_Frame(inner, at + size, _step(frame.path, field, counts)))
            continue
        if wire == 2 and field is not None and field.type == FieldDescriptor.TYPE_STRING:
            try:
                body[at : at + size].decode()
            except UnicodeDecodeError:
                where = _where(_step(frame.path, field, counts))
                return BadBody("not_protobuf", f"The text {where} at byte {at} is no UTF-8.")
        at += size
    return BadBody("not_protobuf", "The body is no protobuf of this kind.")


def _varint(body: bytes, at: int) -> tuple[int | None, int]:
    value = shift = 0
    while at < len(body) and shift < 70:
        byte = body[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at
    return None, at


def _step(path: str, field: FieldDescriptor | None, counts: dict[str, int]) -> str:
    name = f"{path}.{field.name}" if field else f"{path}.?"
    counts[name] = counts.get(name, -1) + 1
    return f"{name}[{counts[name]}]" if field is not None and field.is_repeated else name


def _where(path: str) -> str:
    return path.strip(".") or "the request"


def _cut(path: str, length: int) -> BadBody:
    return BadBody(
        "truncated_protobuf", f"The body ends after {length:,} bytes, inside {_where(path)}."
    )

"""What every file format reads and gives: pieces of a file in, turn records out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from conversations.ingest.native.canonical import NativeRequest
from conversations.ingest.notes import Note
from conversations.ingest.record import BadRecord, TurnRecord


@dataclass(frozen=True, slots=True)
class Source:
    """What the caller knows of a file.

    ``at`` stands in where a record says no time, ``name`` where it names no conversation.
    ``inputs`` are the requests of an OpenAI batch by their custom id; ``prompts`` system prompts
    by the name that transcripts refer to them by.
    """

    at: datetime
    name: str = "file"
    inputs: Mapping[str, NativeRequest] = field(default_factory=dict)
    prompts: Mapping[str, str] = field(default_factory=dict)


Item = TurnRecord | BadRecord
Reader = Callable[[dict[str, Any], int, Source], Iterator[Item]]
TIME_UNKNOWN = Note(
    "time_unknown", "The source says no time; the time of the file or the import was taken."
)


@dataclass(frozen=True, slots=True)
class Format:
    """One file format: ``reads`` tells by a record's content whether it is of this format;
    ``read`` makes its turns. The number is the line's, for records without an id."""

    name: str
    label: str
    reads: Callable[[dict[str, Any]], bool]
    read: Reader

"""Notes: what a source lacked, or what of it could not be carried over, said on the turn.

A note is no finding: it judges the record, not the model. The codes are a closed list,
explained in ``docs/ingest.md``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

NOTES: dict[str, str] = {
    "attributes_dropped": "The span lost attributes to its limit",
    "events_dropped": "The span lost events to its limit",
    "attribute_limit_reached": "The span holds exactly as many attributes as its limit allows",
    "attribute_unreadable": "An attribute should hold JSON and does not",
    "content_not_recorded": "The instrumentation did not record the messages",
    "request_not_recorded": "The messages of the request are not in the source",
    "response_not_recorded": "The answer is not in the source",
    "calls_not_recorded": "The answer ended in tool calls, but the source does not hold them",
    "tools_not_recorded": "Calls were made, but the tools that were offered are not in the source",
    "arguments_as_object": "The source holds arguments as an object: their text is not the model's",
    "message_gap": "Messages are missing in between",
    "choices_left_out": "The model gave several answers; the first is stored",
    "part_not_carried": "A part of the request or the answer has no place in the record",
    "schema_normalised": "A tool's schema was rewritten into JSON Schema",
    "unknown_field": "A field of the record is not one that is stored",
    "time_unknown": "The source says no time; the time of the import was taken",
    "time_reversed": "The span ends before it begins",
    "model_unknown": "The source does not name the model",
    "response_incomplete": "The answer ended before the provider said that it was done",
    "response_unreadable": "The answer is in no form of its protocol",
    "request_unreadable": "The request is in no form of its protocol",
    "assembly_decision": "The provider left the plain path of its protocol",
    "trailing_messages": "Messages after the last answer belong to no turn",
    "results_unmatched": "A tool result matches no call of the turn",
    "expectation_unreadable": "What should have been called is in no form that we know",
    "clock_skew": "The clock of the source differs too much from ours",
    "guarded": "The proxy's guard changed what was asked or answered",
    "redacted": "Redaction rules replaced something before the turn was stored",
    "wire_dropped": "The raw bytes were not stored, because redaction changed the turn",
}


@dataclass(frozen=True, slots=True)
class Note:
    """``code`` is a key of ``NOTES``; ``detail`` is one sentence for people."""

    code: str
    detail: str

    def __post_init__(self) -> None:
        if self.code not in NOTES:
            raise ValueError(f"unknown note code {self.code!r}")

    def to_json(self) -> dict[str, Any]:
        return {"code": self.code, "detail": self.detail}

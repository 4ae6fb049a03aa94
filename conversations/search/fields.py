"""What a filter can ask for. This table is the documentation of the fields as well."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from tools_registry.validation.findings import CODES, LAYERS

Kind = Literal["calls", "turns", "conversations"]
KINDS: tuple[Kind, ...] = ("calls", "turns", "conversations")
Shape = Literal["choice", "name", "duration", "money", "count", "text", "time"]

VERDICTS = ("rejected", "flagged", "accepted")
SOURCES = ("playground", "otlp", "proxy", "api", "file", "replay", "demo")
CALL_STATUS = ("ok", "error", "timeout", "rate_limited", "unanswered")
TURN_STATUS = ("running", "finished", "failed", "cancelled", "interrupted")
LABELS = ("right", "wrong_tool", "wrong_arguments", "needless", "missing")
HAS = ("result", "error", "label", "stream", "cost", "definition")
ANY = "any"
NOWHERE = "none"
"""Of a finding without a pointer."""
MET = "met"
"""Of what was called, or not called, as expected."""

# Conduct and execution speak of what came after a call; what is flagged may well be right.
MISFIRES = tuple(
    name
    for name, code in CODES.items()
    if code.severity == "rejected" and code.layer not in ("conduct", "execution")
)


@dataclass(frozen=True, slots=True)
class Field:
    """One field: what its values are, and what it asks of a call (or of its turn)."""

    name: str
    shape: Shape
    summary: str
    example: str
    choices: tuple[str, ...] = ()

    @property
    def takes_prefix(self) -> bool:
        """May a value end in ``*``?"""
        return self.shape == "name" and self.name not in ("version", "id", "expected")

    @property
    def heeds_quotes(self) -> bool:
        """Does a value in quotes stand for itself where it else stands for more?"""
        return self.takes_prefix or self.name == "expected"

    @property
    def compares(self) -> bool:
        return self.shape in ("duration", "money", "count", "time")


def _table(*fields: Field) -> dict[str, Field]:
    return {field.name: field for field in fields}


FIELDS = _table(
    Field("tool", "name", "The name that was called", "tool:get_weather"),
    Field(
        "version",
        "name",
        "The tool version that was offered: its number, or tool@number",
        "version:get_weather@v7",
    ),
    Field("model", "name", "The model that was asked", "model:gpt-4*"),
    Field("provider", "name", "The provider, as the traffic names it", "provider:openai"),
    Field("verdict", "choice", "What the findings add up to", "verdict:rejected", VERDICTS),
    Field("finding", "choice", "A finding code", "finding:missing_required", tuple(CODES)),
    Field(
        "pointer",
        "name",
        "Where in a call's arguments a finding is, as a JSON pointer; none for the whole call."
        " Beside finding: of that finding",
        "pointer:/city",
    ),
    Field(
        "expected",
        "name",
        "In calls: the tool that should have been called instead, by a label or the record. In"
        " turns and conversations: the one that should have been called where no call was made;"
        " met for what was as expected",
        "expected:get_weather",
    ),
    Field("layer", "choice", "A finding of this layer", "layer:schema", LAYERS),
    Field(
        "misfire",
        "choice",
        "A call made wrongly, needlessly or not at all, by its kind; any for all kinds",
        "misfire:wrong_type",
        (ANY, *MISFIRES),
    ),
    Field(
        "status",
        "choice",
        "What became of the call (ok, error, timeout, …), or of its turn",
        "status:error",
        (*CALL_STATUS, *TURN_STATUS),
    ),
    Field(
        "latency",
        "duration",
        "In calls: until the tool answered. In turns and conversations: until the model did",
        "latency:>2s",
    ),
    Field(
        "first_token",
        "duration",
        "Until the first token of a streamed turn came; in calls, of their turn",
        "first_token:>800ms",
    ),
    Field(
        "cost",
        "money",
        "In calls: of the tool. In turns and conversations: of one model call",
        "cost:>0.01",
    ),
    Field(
        "nth",
        "count",
        "Which call of its tool in its conversation it is, 1 the first; a week is counted",
        "nth:>5",
    ),
    Field("tag", "name", "One of the tags", "tag:app:web"),
    Field("user", "name", "The application's user", "user:u_20931"),
    Field("environment", "name", "Such as production or staging", "environment:production"),
    Field(
        "label",
        "choice",
        "What a person said of the call, or of the turn; any for all labels",
        "label:wrong_tool",
        (ANY, *LABELS),
    ),
    Field("source", "choice", "The door that it came through", "source:otlp", SOURCES),
    Field("has", "choice", "Something that not every one has", "has:result", HAS),
    Field(
        "text",
        "text",
        "Words of the turn: what is new in its messages, the answer, the arguments of its calls",
        'text:"gare de Lyon"',
    ),
    Field(
        "id",
        "name",
        "Our id of a call, turn or conversation, or the one that came with it",
        "id:call_abc123",
    ),
    Field(
        "time",
        "time",
        "The last 15m, 2h or 7d; a day; a range of times in UTC",
        "time:2024-02-03T02:00..2024-02-03T03:00",
    ),
)

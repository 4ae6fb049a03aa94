"""The one call buffer: what every protocol is reduced to, and where calls come together.

A reader of a protocol says what its payloads mean (``text``, ``call``, ``close``, ``usage``,
``finish``, ``fail``); the buffer keeps the choices, decides which call a piece belongs to,
and emits the events.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from conversations.assembly.calls import Offer, OpenCall, Piece, Slot, continues
from conversations.assembly.fragments import Fragments, SurrogateMender
from conversations.parts import (
    Answer,
    CallCompleted,
    CallDelta,
    CallStarted,
    Choice,
    Decision,
    DecisionCode,
    Event,
    Failed,
    Finished,
    Part,
    ProviderError,
    Reasoning,
    Refusal,
    Text,
    TextDelta,
    Usage,
    UsageReported,
    WireProtocol,
)
from tools_registry.specs import ToolSpec
from tools_registry.validation.findings import Finding

TextKind = Literal["text", "reasoning", "refusal"]
_PARTS: dict[TextKind, type[Text] | type[Reasoning] | type[Refusal]] = {
    "text": Text,
    "reasoning": Reasoning,
    "refusal": Refusal,
}


@dataclass(slots=True)
class _OpenText:
    """A run of text of one kind."""

    kind: TextKind
    slot: Slot | None
    pieces: Fragments = field(default_factory=Fragments)
    details: dict[str, Any] = field(default_factory=dict)
    mender: SurrogateMender = field(default_factory=SurrogateMender)

    def snapshot(self) -> Part:
        return _PARTS[self.kind](self.pieces.joined(), provider_details=dict(self.details))


@dataclass(slots=True)
class _OpenChoice:
    index: int
    parts: list[_OpenText | OpenCall] = field(default_factory=list)
    calls: list[OpenCall] = field(default_factory=list)
    by_slot: dict[Slot, OpenCall] = field(default_factory=dict)
    by_id: dict[str, OpenCall] = field(default_factory=dict)
    finish_reason: str | None = None
    details: dict[str, Any] = field(default_factory=dict)


class Buffer:
    """Collects one answer. ``drain`` gives the events since the last time."""

    def __init__(
        self, protocol: WireProtocol, offered: Mapping[str, ToolSpec | None] | None
    ) -> None:
        self.model: str | None = None
        self.response_id: str | None = None
        self.details: dict[str, Any] = {}
        self.complete = False
        self.error: ProviderError | None = None
        self._protocol = protocol
        self._offer = Offer(offered)
        self._choices: dict[int, _OpenChoice] = {}
        self._usage: Usage | None = None
        self._decisions: dict[tuple[DecisionCode, int | None, int | None], Decision] = {}
        self._findings: list[Finding] = []
        self._events: list[Event] = []
        self._payload = 0
        self._ended = False

    # What readers say.

    def next_payload(self) -> None:
        """A new payload begins: two pieces of one payload without index are two calls."""
        self._payload += 1

    def choice(self, index: int) -> _OpenChoice:
        if index not in self._choices:
            self._choices[index] = _OpenChoice(index)
        return self._choices[index]

    def text(
        self,
        choice: int,
        text: str,
        *,
        kind: TextKind = "text",
        slot: Slot | None = None,
        details: Mapping[str, Any] | None = None,
    ) -> None:
        """Text goes on, or begins: after a part of another kind, or under another slot."""
        if not text and not details:
            return
        run = self._run(self.choice(choice), kind, slot)
        if details:
            merge(run.details, details)
        text = run.mender.mend(text)
        if text:
            run.pieces.append(text)
            self._say(choice, kind, text)

    def text_so_far(self, choice: int, kind: TextKind, prefix: str) -> str:
        """All text of this kind under the slots that begin with ``prefix``."""
        runs = (part for part in self.choice(choice).parts if isinstance(part, _OpenText))
        return "".join(
            run.pieces.joined()
            for run in runs
            if run.kind == kind and isinstance(run.slot, str) and run.slot.startswith(prefix)
        )

    def call(self, choice: int, piece: Piece) -> OpenCall:
        """A piece of a call, or a whole one. Returns the call that it was taken for."""
        call = self._call_for(self.choice(choice), piece)
        call.payload = self._payload
        merge(call.details, piece.details)
        if piece.id and not call.id:
            call.id = piece.id
            self.choice(choice).by_id[piece.id] = call
        if piece.name:
            self._add_name(choice, call, piece.name)
        if piece.arguments:
            self._add_arguments(choice, call, piece.arguments)
        return call

    @property
    def all_finished(self) -> bool:
        """Every choice so far has its finish reason."""
        return all(choice.finish_reason for choice in self._choices.values())

    def call_at(self, choice: int, slot: Slot) -> OpenCall | None:
        return self.choice(choice).by_slot.get(slot)

    def close(self, choice: int, call: OpenCall, *, cut: bool = False) -> None:
        """The provider said that this call is whole, or the stream ended (``cut``: too early)."""
        if call.closed:
            return
        self._finish_mending(choice, call)
        same_id = self.choice(choice).calls[: call.index]
        if call.id and any(other.id == call.id for other in same_id):
            call.findings.append(
                Finding("duplicate_call_id", f"An earlier call of this answer has the id {call.id}")
            )
        self._events.append(CallCompleted(call.close(stream_cut=cut), choice))

    def usage(self, usage: Usage) -> None:
        """The usage so far; the last one counts."""
        if usage != self._usage:
            self._usage = usage
            self._events.append(UsageReported(usage))

    def finish(self, choice: int, reason: str) -> None:
        self.choice(choice).finish_reason = reason

    def fail(self, error: ProviderError) -> None:
        """An error of the provider. The first one counts, later ones are kept beside it."""
        if self.error is None:
            self.error = error
            self._events.append(Failed(error))
        elif error.message != self.error.message:
            merge(self.details, {"errors": [{"code": error.code, "message": error.message}]})

    def decide(
        self, code: DecisionCode, message: str, choice: int | None = None, call: int | None = None
    ) -> None:
        """Note a decision, once for each place."""
        self._decisions.setdefault((code, choice, call), Decision(code, message, choice, call))

    def find(self, finding: Finding) -> None:
        self._findings.append(finding)

    def extra(self, details: Mapping[str, Any], *, choice: int | None = None) -> None:
        """What else the provider said, of the answer or of one choice."""
        if details:
            merge(self.details if choice is None else self.choice(choice).details, details)

    def begin_again(self, choice: int) -> None:
        """Another message begins in the same stream, with a numbering of its own.

        What is still open was cut. The usage of the message before is kept beside the last.
        """
        message = "The stream carries several messages; they are one answer, in order"
        self.decide("several_messages", message, choice)
        for call in self.choice(choice).calls:
            self.close(choice, call, cut=True)
        self.choice(choice).by_slot.clear()
        if self._usage is not None:
            self.extra({"earlier_usage": [dict(self._usage.raw)]})

    # The end, and what came of it.

    def close_all(self, *, cut: bool) -> None:
        for choice in self._choices.values():
            for call in choice.calls:
                self.close(choice.index, call, cut=cut)

    def end(self) -> None:
        """The stream ended: complete what is open and say how each choice finished."""
        if self._ended:
            return
        self._ended = True
        self.close_all(cut=not self.complete)
        if not self._choices and self.error is None:
            self.choice(0)
        for choice in self._sorted():
            for part in choice.parts:
                if isinstance(part, _OpenText) and (rest := part.mender.finish()):
                    part.pieces.append(rest)
                    self._say(choice.index, part.kind, rest)
            self._note_unpaired(choice)
            self._note_contradiction(choice)
            self._events.append(Finished(choice.finish_reason, choice.index))

    def drain(self) -> list[Event]:
        events, self._events = self._events, []
        return events

    def answer(self) -> Answer:
        return Answer(
            choices=tuple(
                Choice(
                    choice.index,
                    tuple(part.snapshot() for part in choice.parts),
                    choice.finish_reason,
                    dict(choice.details),
                )
                for choice in self._sorted()
            ),
            model=self.model,
            response_id=self.response_id,
            usage=self._usage,
            error=self.error,
            complete=self.complete,
            findings=tuple(self._findings),
            provider_details=dict(self.details),
            protocol=self._protocol,
            decisions=tuple(self._decisions.values()),
        )

    def _sorted(self) -> list[_OpenChoice]:
        return [self._choices[index] for index in sorted(self._choices)]

    # Text.

    def _run(self, choice: _OpenChoice, kind: TextKind, slot: Slot | None) -> _OpenText:
        last = choice.parts[-1] if choice.parts else None
        if isinstance(last, _OpenText) and last.kind == kind and last.slot == slot:
            return last
        run = _OpenText(kind, slot)
        choice.parts.append(run)
        return run

    def _say(self, choice: int, kind: TextKind, text: str) -> None:
        self._events.append(
            TextDelta(text, choice, reasoning=kind == "reasoning", refusal=kind == "refusal")
        )

    # Calls.

    def _call_for(self, choice: _OpenChoice, piece: Piece) -> OpenCall:
        call = self._candidate(choice, piece)
        if call is not None and not call.closed and continues(call, piece):
            if piece.id and call.id and piece.id != call.id:
                message = f"The id changed from {call.id} in the middle of the arguments"
                self.decide("id_changed", message, choice.index, call.index)
            return call
        return self._start(choice, piece)

    def _candidate(self, choice: _OpenChoice, piece: Piece) -> OpenCall | None:
        """The call that this piece goes on with, as far as slot and id tell."""
        last = choice.calls[-1] if choice.calls else None
        if piece.slot is not None:
            call = choice.by_slot.get(piece.slot)
            if call is None and not piece.name:
                call = choice.by_id.get(piece.id) if piece.id else None
                if call is None and not piece.id and last is not None and last.slot is None:
                    call = last
            return call
        if piece.id:
            known = choice.by_id.get(piece.id)
            unnamed = last is not None and not last.id and not last.arguments.length
            return known or (last if unnamed and not piece.name else None)
        if last is None or not piece.name:
            return last
        if last.payload == self._payload:
            return None
        repeated = piece.name == last.name and not last.has_whole_arguments
        return last if repeated or not last.arguments.length else None

    def _start(self, choice: _OpenChoice, piece: Piece) -> OpenCall:
        before = None if piece.slot is None else choice.by_slot.get(piece.slot)
        call = OpenCall(len(choice.calls), piece, self._offer)
        choice.calls.append(call)
        choice.parts.append(call)
        if piece.slot is not None:
            choice.by_slot[piece.slot] = call
        if before is not None:
            message = f"Another call began under the same index {piece.slot}"
            self.decide("index_reused", message, choice.index, call.index)
        elif piece.slot is None and not piece.begins:
            message = "The call came without an index and was told apart by its id, name and order"
            self.decide("index_missing", message, choice.index, call.index)
        self._events.append(CallStarted(call.index, choice.index, piece.id or None))
        return call

    def _add_name(self, choice: int, call: OpenCall, piece: str) -> None:
        offset, began = call.name_length, bool(call.arguments.length)
        before = call.name
        reading = call.add_name(piece)
        if reading == "repeat":
            message = "The name was repeated whole and is taken once"
            self.decide("name_repeated", message, choice, call.index)
            return
        if reading == "restate":
            message = f'The name went on as a longer whole, not as a part, after "{before}"'
            self.decide("name_restated", message, choice, call.index)
            piece = piece[len(before) :]
        if began:
            call.forget_schema()
            message = "The name went on after the arguments had begun"
            self.decide("name_after_arguments", message, choice, call.index)
        self._delta(choice, call, "name", piece, offset)

    def _add_arguments(self, choice: int, call: OpenCall, piece: str) -> None:
        piece = call.mender.mend(piece)
        if piece:
            offset = call.arguments.length
            call.add_arguments(piece)
            self._delta(choice, call, "arguments", piece, offset)

    def _finish_mending(self, choice: int, call: OpenCall) -> None:
        rest = call.mender.finish()
        if rest:
            offset = call.arguments.length
            call.add_arguments(rest)
            self._delta(choice, call, "arguments", rest, offset)

    def _delta(
        self,
        choice: int,
        call: OpenCall,
        of: Literal["name", "arguments"],
        piece: str,
        offset: int,
    ) -> None:
        self._events.append(
            CallDelta(call.index, of, piece, offset, call.name, choice, call.violation)
        )

    # Decisions at the end.

    def _note_unpaired(self, choice: _OpenChoice) -> None:
        for part in choice.parts:
            if part.mender.unpaired:
                index = part.index if isinstance(part, OpenCall) else None
                message = "Half of a surrogate pair stayed alone and became U+FFFD"
                self.decide("unpaired_surrogate", message, choice.index, index)

    def _note_contradiction(self, choice: _OpenChoice) -> None:
        reason = choice.finish_reason
        ours = [call for call in choice.calls if call.is_ours]
        if reason in ("tool_calls", "function_call", "tool_use") and not ours:
            message = f'The finish reason is "{reason}", but there is no call'
        elif reason in ("stop", "end_turn") and ours and self._protocol in _REASON_NAMES_CALLS:
            message = f'The finish reason is "{reason}", but there are calls'
        else:
            return
        self.decide("finish_reason_contradicts", message, choice.index)


# In the other protocols a plain stop is what they say after calls, too.
_REASON_NAMES_CALLS: frozenset[WireProtocol] = frozenset({"openai.chat", "anthropic.messages"})


def merge(into: dict[str, Any], more: Mapping[str, Any]) -> None:
    """Put ``more`` into ``into``: objects merge, lists grow, anything else replaces."""
    for key, value in more.items():
        known = into.get(key)
        if isinstance(known, dict) and isinstance(value, Mapping):
            merge(known, value)
        elif isinstance(known, list) and isinstance(value, list):
            known.extend(value)
        elif isinstance(value, Mapping):
            into[key] = {}
            merge(into[key], value)
        else:
            into[key] = list(value) if isinstance(value, list) else value

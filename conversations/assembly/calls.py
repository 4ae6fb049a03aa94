"""One tool call while it assembles, and what counts as its next piece."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from conversations.assembly.fragments import Fragments, SurrogateMender
from conversations.parts import Call
from tools_registry.specs import ToolSpec
from tools_registry.validation.findings import Finding
from tools_registry.validation.partial import LiveSchema, PartialCheck, compile_schema, unknown_tool
from tools_registry.validation.schema import owners_of

# Names are short. What goes beyond is kept, but no longer compared or repeated in events.
LONGEST_NAME = 1024

# Calls of the tools that we offered; the provider runs the others by itself.
_OFFERED_TYPES = frozenset({"function", "function_call", "tool_use", "functionCall"})
_FREE_FORM_TYPES = frozenset({"custom", "custom_tool_call"})

Slot = int | str


@dataclass(frozen=True, slots=True)
class Piece:
    """What one payload says of one call; None and "" mean that it says nothing.

    ``slot`` is the provider's own numbering. ``begins`` marks a call that the protocol
    starts explicitly, ``neighbour`` a piece that shares its payload with others.
    """

    slot: Slot | None = None
    id: str | None = None
    name: str | None = None
    arguments: str | None = None
    type: str = "function"
    begins: bool = False
    details: Mapping[str, Any] = field(default_factory=dict)


class Offer:
    """The tools that were offered, ready to judge calls; unknown where None was given."""

    def __init__(self, offered: Mapping[str, ToolSpec | None] | None) -> None:
        self._specs = offered
        self._schemas: dict[str, LiveSchema | None] = {}
        self._owners: dict[str, dict[str, list[str]]] = {}

    @property
    def names(self) -> list[str] | None:
        return None if self._specs is None else list(self._specs)

    def may_become(self, beginning: str) -> bool:
        """An offered name begins like this, or the offer is unknown."""
        return self._specs is None or any(name.startswith(beginning) for name in self._specs)

    def __contains__(self, name: str) -> bool:
        return self._specs is None or name in self._specs

    def schema(self, name: str) -> LiveSchema | None:
        spec = self._specs.get(name) if self._specs else None
        if spec is None:
            return None
        if name not in self._schemas:
            self._schemas[name] = compile_schema(spec.parameters)
        return self._schemas[name]

    def owners(self, name: str) -> dict[str, list[str]]:
        """The other offered tools by the parameters that they declare."""
        spec = self._specs.get(name) if self._specs else None
        if spec is None or self._specs is None:
            return {}
        if name not in self._owners:
            self._owners[name] = owners_of(spec, self._specs)
        return self._owners[name]


NameReading = Literal["append", "repeat", "restate"]


def read_name(so_far: str, piece: str, offer: Offer) -> NameReading:
    """How a further piece of a name is meant: its next part, the whole again, or a longer whole.

    The offer decides where it is known. Otherwise an equal piece is a repetition and any
    other piece is the next part.
    """
    if not so_far:
        return "append"
    joins = offer.names is not None and offer.may_become(so_far + piece)
    if piece == so_far:
        return "append" if joins and so_far not in offer else "repeat"
    if piece.startswith(so_far) and offer.names is not None and not joins:
        return "restate" if offer.may_become(piece) else "append"
    return "append"


class OpenCall:
    """A call that assembles: its pieces so far, and whether they can still become valid."""

    def __init__(self, index: int, piece: Piece, offer: Offer) -> None:
        self.index = index
        self.slot = piece.slot
        self.id: str | None = None
        self.name = ""
        self.type = piece.type
        self.details: dict[str, Any] = {}
        self.closed = False
        self.findings: list[Finding] = []
        self.arguments = Fragments()
        self.mender = SurrogateMender()
        self.payload = -1
        self._long_name: list[str] = []
        self._name_length = 0
        self._offer = offer
        self._check: PartialCheck | None = None
        self._by_name: Finding | None = None

    @property
    def is_free_form(self) -> bool:
        return self.type in _FREE_FORM_TYPES

    @property
    def has_whole_arguments(self) -> bool:
        """The arguments so far are one whole JSON value."""
        return self._check is not None and self._check.ended

    @property
    def violation(self) -> Finding | None:
        if self._by_name is not None:
            return self._by_name
        return self._check.violation if self._check else None

    @property
    def whole_name(self) -> str:
        return self.name + "".join(self._long_name)

    @property
    def name_length(self) -> int:
        return self._name_length

    def add_name(self, piece: str) -> NameReading:
        reading = read_name(self.name, piece, self._offer)
        if reading == "repeat" and not self._long_name:
            return reading
        if reading == "restate":
            piece = piece[len(self.name) :]
        self._name_length += len(piece)
        room = LONGEST_NAME - len(self.name)
        self.name += piece[:room]
        if piece[room:]:
            self._long_name.append(piece[room:])
        self._judge_name(whole=False)
        return reading

    def add_arguments(self, fragment: str) -> None:
        if self._check is None and not self.is_free_form:
            self._judge_name(whole=True)
            self._check = self._begin_check()
        self.arguments.append(fragment)
        if self._check is not None:
            self._check.feed(fragment)

    def _begin_check(self) -> PartialCheck:
        if self.type not in _OFFERED_TYPES:
            return PartialCheck(None)
        return PartialCheck(self._offer.schema(self.name), self._offer.owners(self.name))

    def forget_schema(self) -> None:
        """The name changed after the arguments had begun: only its JSON can still be judged."""
        check = PartialCheck(None)
        check.feed(self.arguments.joined())
        self._check = check
        self._judge_name(whole=False)

    @property
    def is_ours(self) -> bool:
        """A call of what we offered, not of a tool that the provider runs by itself."""
        return self.type in _OFFERED_TYPES or self.is_free_form

    def _judge_name(self, *, whole: bool) -> None:
        if self.type not in _OFFERED_TYPES or self._offer.names is None or not self.name:
            return
        fits = self.name in self._offer if whole else self._offer.may_become(self.name)
        if fits:
            self._by_name = None
        elif self._by_name is None or whole:
            self._by_name = unknown_tool(self.name, self._offer.names)

    def is_cut(self, *, stream_cut: bool) -> bool:
        """The arguments ended before their end. What can be no JSON at all is not only cut."""
        if self.is_free_form:
            return stream_cut
        if self._check is None or not self.arguments.joined().strip():
            return stream_cut
        return not self._check.ended and not self._check.broken

    def close(self, *, stream_cut: bool = False) -> Call:
        """The call as it stands. ``stream_cut``: the stream ended while the call was open."""
        if self.is_cut(stream_cut=stream_cut):
            self.findings.append(
                Finding("truncated_arguments", "The stream ended before these arguments did")
            )
        if not self.whole_name:
            self.findings.append(
                Finding("lost_arguments", "These arguments came without the name of a tool")
            )
        self.closed = True
        return self.snapshot()

    def snapshot(self) -> Call:
        return Call(
            index=self.index,
            id=self.id,
            name=self.whole_name,
            arguments=self.arguments.joined(),
            type=self.type,
            findings=tuple(self.findings),
            provider_details=dict(self.details),
        )


def continues(call: OpenCall, piece: Piece) -> bool:
    """Is this piece, which names the same slot or no other, the next one of this call?"""
    if piece.begins:
        return False
    if piece.id and call.id and piece.id != call.id:
        # Another id is another call, unless it comes bare in the middle of arguments.
        return bool(piece.arguments) and not piece.name and not call.has_whole_arguments
    begins_value = (piece.arguments or "").lstrip().startswith("{")
    return not (piece.name and begins_value and call.has_whole_arguments)

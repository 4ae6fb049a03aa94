"""What is kept of a turn beside its row, each part read when it is asked for."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from conversations import recording, timeline, wire
from conversations.models import ToolCall, Turn, TurnWire
from tools_registry.dialects import read_offer


@dataclass(frozen=True)
class Kept:
    turn: Turn

    @cached_property
    def row(self) -> TurnWire | None:
        return TurnWire.objects.filter(turn_id=self.turn.pk, project=self.turn.project).first()

    @cached_property
    def chunks(self) -> list[wire.Chunk]:
        return wire.unpack(self.row.chunks) if self.row else []

    @cached_property
    def raw_request(self) -> bytes:
        return wire.unpack_request(self.row.request) if self.row else b""

    @cached_property
    def request(self) -> dict[str, Any]:
        return recording.rebuild_request(self.turn)

    @cached_property
    def calls(self) -> list[ToolCall]:
        rows = ToolCall.objects.filter(turn_id=self.turn.pk, project=self.turn.project)
        return list(rows.select_related("tool_version").order_by("position"))

    @cached_property
    def stream_size(self) -> int:
        return sum(len(chunk) for _, chunk in self.chunks)

    @cached_property
    def timeline(self) -> timeline.Timeline | None:
        """The stream played again; None where none was kept."""
        if not self.chunks or self.turn.protocol not in timeline.PROTOCOLS:
            return None
        specs = read_offer(self.turn.toolset.tools) if self.turn.toolset else {}
        offered = {name: spec for name, spec in specs.items() if spec is not None}
        return timeline.replay(self.turn.protocol, self.chunks, offered)

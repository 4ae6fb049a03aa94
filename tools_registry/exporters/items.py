"""What an exporter is: definitions in, one text out, and what could not be held."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from tools_registry.importers.items import Note, Notes
from tools_registry.importers.names import take_name
from tools_registry.specs import ToolSpec


@dataclass
class Losses:
    """Notes by tool, in the order of the tools; pointers lead into ``spec.to_json()``."""

    by_tool: dict[str, Notes] = field(default_factory=dict)

    def of(self, spec: ToolSpec) -> Notes:
        return self.by_tool.setdefault(spec.name, Notes())

    def drop(self, spec: ToolSpec, *fields: str) -> None:
        """Note that these fields of the definition have no place in the dialect."""
        for name in fields:
            if getattr(spec, name):
                message = f"{name} has no place in this dialect"
                self.of(spec).add("lost", "not_kept", message, f"/{name}")

    def to_list(self) -> list[tuple[str, tuple[Note, ...]]]:
        return [(name, notes.to_tuple()) for name, notes in self.by_tool.items() if notes]


@dataclass(frozen=True)
class Export:
    """A finished text and what it does not hold, by tool; ``value`` is its JSON, if it is JSON."""

    dialect: str
    text: str
    notes: list[tuple[str, tuple[Note, ...]]]
    value: Any = None


Write = Callable[[Sequence[ToolSpec], Losses], Any]


@dataclass(frozen=True)
class Exporter:
    """``write`` gives a JSON value, or the text itself where ``suffix`` is not ``json``."""

    title: str
    write: Write
    suffix: str = "json"
    media: str = "application/json"


def rename(spec: ToolSpec, taken: set[str], losses: Losses) -> str:
    """The tool's name as every provider takes it, noted where it is another."""
    return take_name(spec.name, taken, "/name", losses.of(spec))


def tell_no_parameters(spec: ToolSpec, losses: Losses) -> None:
    if spec.parameters is None:
        message = "The dialect asks for a schema: an empty object stands for none"
        losses.of(spec).add("changed", "schema_added", message, "/parameters")

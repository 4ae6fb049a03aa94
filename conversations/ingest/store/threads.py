"""One conversation as far as new turns touch it: its newest turns and calls, and theirs."""

from __future__ import annotations

from dataclasses import dataclass, field
from uuid import UUID

from conversations.ingest.store.heads import Head
from conversations.ingest.store.lineage import Family, Link
from conversations.ingest.store.prepared import CallState, NewTurn


@dataclass(slots=True)
class Thread:
    """``links`` and ``held`` are stored, ``moved`` those of them that got another parent."""

    head: Head
    new: list[NewTurn]
    links: list[Link] = field(default_factory=list)
    held: list[CallState] = field(default_factory=list)
    family: Family = field(default_factory=Family)
    moved: list[tuple[Link, str]] = field(default_factory=list)
    is_whole: bool = False
    """All of its turns and calls are to be read, not the newest alone."""

    @property
    def calls(self) -> list[CallState]:
        own = [call for new in self.new for call in new.calls]
        return sorted([*self.held, *own], key=lambda one: (one.at, one.turn, one.position))

    @property
    def ordered(self) -> list[Link]:
        """The turns in the order of their numbers."""
        return sorted([*self.links, *(new.link for new in self.new)], key=lambda one: one.order)

    @property
    def is_late(self) -> bool:
        """Does a new turn belong before one that is stored?"""
        if not self.new:
            return False
        first = min(new.link.order for new in self.new)
        return any(link.order > first for link in self.links)

    @property
    def numbers(self) -> dict[UUID, int]:
        """The number of each turn, from that of the last one backwards."""
        ordered = self.ordered
        first = self.head.turn_count + len(self.new) - len(ordered) + 1
        return {link.id: number for number, link in enumerate(ordered, first)}

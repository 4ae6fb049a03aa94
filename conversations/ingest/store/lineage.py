"""Which turn a request goes on from: pure, and the same whatever the order of arrival.

A turn's parent is, among the turns of its conversation, one whose whole message list is the
longest beginning of its own. Of several with that list it is the latest before the turn, else
the first. Of equal lists the earlier one is the parent. So there are no circles, and a set of
turns has one tree only.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID


@dataclass(slots=True)
class Link:
    """A turn by its message list: how many messages, the list's name, and whose it goes on from.

    ``users`` counts the user's messages in it; ``called`` says whether the answer made a call.
    """

    id: UUID
    at: datetime
    count: int
    prefix: str
    parent: UUID | None = None
    inherited: int = 0
    users: int = 0
    called: bool = True

    @property
    def order(self) -> tuple[datetime, int, UUID]:
        """The turns of a conversation are numbered in this order."""
        return self.at, self.count, self.id

    @property
    def when(self) -> tuple[datetime, UUID]:
        return self.at, self.id


class Family:
    """The turns of one conversation by the names of their lists."""

    def __init__(self, links: Iterable[Link] = ()) -> None:
        self.by_id: dict[UUID, Link] = {}
        self.by_prefix: dict[str, list[Link]] = defaultdict(list)
        for link in links:
            self.add(link)

    def add(self, link: Link) -> None:
        self.by_id[link.id] = link
        if link.count:
            self.by_prefix[link.prefix].append(link)

    def parent_of(self, link: Link, names: Sequence[str], first: int = 1) -> Link | None:
        """The parent of a turn; ``names`` are those of its list after ``first`` messages, after
        the next one, and so on to the whole."""
        for offset in range(len(names) - 1, -1, -1):
            found = self.by_prefix.get(names[offset])
            if found and (chosen := _choose(link, found, first + offset == link.count)):
                return chosen
        return None

    def siblings(self, link: Link) -> list[Link]:
        """The turns with the same list, itself first."""
        others = [one for one in self.by_prefix.get(link.prefix, ()) if one.id != link.id]
        return [link, *sorted(others, key=lambda one: one.when)]


def _choose(link: Link, found: Iterable[Link], equal: bool) -> Link | None:
    others = [one for one in found if one.id != link.id]
    earlier = [one for one in others if one.when < link.when]
    if earlier:
        return max(earlier, key=lambda one: one.when)
    return min(others, key=lambda one: one.when) if others and not equal else None


def may_move(link: Link, added: Iterable[Link]) -> bool:
    """Could one of the turns that were added be a better parent of this one?"""
    return any(
        link.inherited <= one.count <= link.count
        and (one.count < link.count or one.prefix == link.prefix)
        for one in added
        if one.count
    )

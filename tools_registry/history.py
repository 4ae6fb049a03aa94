"""A tool's versions with what became of them: the rows of its timeline."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tools_registry.models import PolicyEvent, Tool, ToolVersion, VersionEvent

PAGE = 50


@dataclass(frozen=True)
class History:
    """The newest versions first, each with its events, the oldest first.

    ``older`` is the number to go on before; None where no version is left.
    """

    rows: Sequence[tuple[ToolVersion, Sequence[VersionEvent]]]
    older: int | None

    @property
    def versions(self) -> list[ToolVersion]:
        return [version for version, _ in self.rows]


def read_history(tool: Tool, *, before: int | None = None, size: int = PAGE) -> History:
    versions = tool.versions.select_related("created_by", "tool").order_by("-number")
    if before is not None:
        versions = versions.filter(number__lt=before)
    found = list(versions[: size + 1])
    events: dict[int, list[VersionEvent]] = {}
    rows = VersionEvent.objects.filter(version__in=found[:size]).select_related("by")
    for event in rows.order_by("at", "pk"):
        events.setdefault(event.version_id, []).append(event)
    older = found[size - 1].number if len(found) > size else None
    return History([(version, events.get(version.pk, [])) for version in found[:size]], older)


def read_policy_events(tool: Tool, size: int = PAGE) -> list[PolicyEvent]:
    """What became of the tool's policies, the newest first."""
    events = PolicyEvent.objects.filter(policy__tool=tool).select_related("policy", "by")
    return list(events.order_by("-at", "-pk")[:size])

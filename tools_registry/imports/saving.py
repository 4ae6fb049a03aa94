"""The ticked items of an import, published or kept as drafts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.db import transaction

from console.accounts.models import Project, User
from console.lib import json
from tools_registry import publishing, registry
from tools_registry.models import Tool
from tools_registry.specs import ToolSpec

SAVED = ("new", "version", "again", "unchanged", "draft")


class NoReason(Exception):
    """Some item has lint errors, and nobody said why it should be published all the same."""

    def __init__(self, names: list[str]) -> None:
        super().__init__(", ".join(names))
        self.names = names


@dataclass
class Saved:
    """How many tools and versions are new, there again, the same, or drafts now."""

    counts: Counter[str] = field(default_factory=Counter)
    versions: list[dict[str, Any]] = field(default_factory=list)


@transaction.atomic
def publish(
    project: Project,
    items: Collection[Mapping[str, Any]],
    *,
    user: User | None,
    note: str,
    reason: str = "",
    sender: str = "",
) -> Saved:
    """Each planned item as a published version. Raises ``NoReason`` for lint errors without."""
    wrong = [item["name"] for item in items if errors_of(item)]
    if wrong and not reason:
        raise NoReason(wrong)
    saved = Saved()
    for item in sorted(_saveable(items), key=lambda one: str(one["name"])):
        spec = ToolSpec.from_json(item["definition"])
        is_tool = Tool.objects.filter(project=project, name=spec.name).exists()
        errors = errors_of(item)
        version, is_new = registry.register(
            project,
            spec,
            user=user,
            note=note,
            sender=sender,
            reason=reason if errors else "",
            overrode=errors,
        )
        kind = ("version" if is_tool else "new") if is_new else str(item["fate"])
        saved.counts[kind if kind in SAVED else "unchanged"] += 1
        saved.versions.append({"name": spec.name, "version": version.number, "new": is_new})
    return saved


@transaction.atomic
def keep_drafts(
    project: Project, items: Collection[Mapping[str, Any]], *, user: User | None, note: str
) -> Saved:
    """Each planned item as an open draft; one that is in use already as it is needs none."""
    saved = Saved()
    for item in _saveable(items):
        if item["fate"] == "unchanged":
            saved.counts["unchanged"] += 1
            continue
        tool = publishing.find_tool(project, item["name"])
        draft = publishing.start_draft(
            project,
            json.pretty(item["definition"]),
            user=user,
            tool=tool,
            base=tool.current if tool else None,
            note=note,
        )
        saved.counts["draft"] += 1
        saved.versions.append({"name": item["name"], "draft": draft.pk, "new": True})
    return saved


def errors_of(item: Mapping[str, Any]) -> list[str]:
    """The lint errors that would be published over."""
    return [f"{one['code']} {one['pointer']}" for one in item["lint"] if one["severity"] == "error"]


def _saveable(items: Collection[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    return [item for item in items if item["definition"] is not None]

"""The ticked items of an import, published or kept as drafts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.db import transaction
from django.db.models import F

from console.accounts.models import Project, User
from console.lib import json
from tools_registry import publishing, registry
from tools_registry.imports.models import ToolImport
from tools_registry.models import Tool
from tools_registry.specs import ToolSpec

SAVED = {
    "new": ("new tool", "new tools"),
    "version": ("new version", "new versions"),
    "again": ("version published again", "versions published again"),
    "draft": ("draft", "drafts"),
    "unchanged": ("unchanged", "unchanged"),
}
"""What may become of an item, with the words for one and for several."""
_CHUNK = 10


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

    def tell(self) -> str:
        """The counts in words."""
        counts = [(self.counts[kind], words) for kind, words in SAVED.items() if self.counts[kind]]
        return ", ".join(f"{count} {words[count != 1]}" for count, words in counts)


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
    ask_reason(items, reason)
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


def save_all(pk: str) -> str:
    """Save what an import's row wants, a few at a time, until it is done or stopped.

    Begun anew after a worker was lost, it goes on where that one was. The state at the end.
    """
    row = ToolImport.objects.select_related("project", "user").filter(pk=pk, state="saving").first()
    if row is None:
        return "gone"
    wanted, planned = json.load(row.wanted), row.planned
    chosen = [planned[at] for at in wanted["items"]]
    saved, busy = Saved(Counter(wanted.get("counts", {}))), True
    done = row.done
    while busy and done < len(chosen):
        try:
            busy = _save_some(row, chosen[done : done + _CHUNK], wanted, saved)
        except Exception:
            _tell(row, state="failed", problem="Something went wrong here; the server's log has it")
            raise
        done += _CHUNK
    return "saved" if busy and _tell(row, state="saved") else "cancelled"


def _save_some(
    row: ToolImport, chosen: list[dict[str, Any]], wanted: Mapping[str, Any], saved: Saved
) -> bool:
    """Save a few and count them in ``saved``; False, and none, where somebody stopped it."""
    with transaction.atomic():
        saved.counts += save(row, chosen, wanted).counts
        text = json.dump({**wanted, "counts": saved.counts})
        done = F("done") + len(chosen)
        is_busy = _tell(row, done=done, wanted=text, outcome=saved.tell()[:300])
        transaction.set_rollback(not is_busy)
    return is_busy


def _tell(row: ToolImport, **changed: Any) -> bool:
    """False where somebody stopped it."""
    return bool(ToolImport.objects.filter(pk=row.pk, state="saving").update(**changed))


def save(
    row: ToolImport, chosen: Collection[Mapping[str, Any]], wanted: Mapping[str, Any]
) -> Saved:
    """These items of an import, as ``wanted`` says: drafts, or published with its reason."""
    note = f"Imported from {row.source}"[:300]
    if wanted["as"] == "drafts":
        return keep_drafts(row.project, chosen, user=row.user, note=note)
    return publish(row.project, chosen, user=row.user, note=note, reason=wanted["reason"])


def ask_reason(items: Collection[Mapping[str, Any]], reason: str) -> None:
    """Raises ``NoReason`` where some have lint errors and there is none."""
    wrong = [str(item["name"]) for item in items if errors_of(item)]
    if wrong and not reason:
        raise NoReason(wrong)


def errors_of(item: Mapping[str, Any]) -> list[str]:
    """The lint errors that would be published over."""
    return [f"{one['code']} {one['pointer']}" for one in item["lint"] if one["severity"] == "error"]


def _saveable(items: Collection[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    return [item for item in items if item["definition"] is not None]

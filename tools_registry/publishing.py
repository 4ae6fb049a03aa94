"""From draft to version: what keeps one from being published, publishing, and what was when."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from django.db import transaction
from django.urls import reverse
from django.utils import timezone

from console.accounts.models import Project, User
from tools_registry import diff, registry
from tools_registry.checking import Linted, lint_next
from tools_registry.dialects import UnreadableTool
from tools_registry.diff import Change
from tools_registry.drafts import Draft, Problem
from tools_registry.models import (
    OPEN,
    PolicyEvent,
    RouterVersion,
    Tool,
    ToolDraft,
    ToolVersion,
    VersionEvent,
)


class Blocked(Exception):
    """The draft cannot be published; the text says why and what to do."""


@dataclass(frozen=True)
class Review:
    """What a person weighs before publishing.

    ``problems`` keep it from being published, lint errors do unless there is a reason.
    ``changes`` are against ``current``: the published version, else what traffic brought last; None
    without one. ``same`` is the version that has this very definition already.
    """

    read: Draft
    problems: list[Problem]
    linted: Linted
    current: ToolVersion | None
    changes: list[Change] | None
    same: ToolVersion | None = None

    @property
    def is_done(self) -> bool:
        """Publishing would change nothing."""
        return self.same is not None and self.same.state == "published"


def review(draft: ToolDraft) -> Review:
    read = draft.read()
    problems = find_problems(draft, read)
    tool = draft.tool
    current = (tool.published or tool.current) if tool else None
    if read.spec is None:
        return Review(read, problems, Linted([]), current, None)
    linted = lint_next(draft.project, read.spec, tool)
    same = tool.versions.filter(hash=read.spec.hash).first() if tool else None
    changes = diff.compare(current.spec, read.spec) if current else None
    return Review(read, problems, linted, current, changes, same)


def find_problems(draft: ToolDraft, read: Draft) -> list[Problem]:
    """What keeps the draft from being published whatever the reason."""
    found = [*read.errors]
    if read.spec is None:
        return found
    if draft.tool and read.spec.name != draft.tool.name:
        message = f"A version keeps its tool's name, {draft.tool.name}. Another name is a new tool"
        found.append(Problem(message, "/name"))
    elif draft.tool is None and find_tool(draft.project, read.spec.name):
        message = f"{read.spec.name} exists already. Choose another name, or edit that tool"
        found.append(Problem(message, "/name"))
    return found


def find_tool(project: Project, name: str) -> Tool | None:
    return Tool.objects.filter(project=project, name=name).first()


@transaction.atomic
def publish(
    draft: ToolDraft,
    *,
    revision: int,
    user: User,
    note: str = "",
    reason: str = "",
    evidence: Sequence[Mapping[str, str]] = (),
) -> ToolVersion:
    """Make the draft an immutable, numbered version; one with its content is published again.

    ``revision`` is what was reviewed; ``evidence`` is kept with the event. Raises ``Blocked`` where
    another wrote since, where it is closed, where something is wrong, and for lint errors without
    a ``reason``.
    """
    held = ToolDraft.objects.select_for_update().filter(pk=draft.pk).filter(OPEN).first()
    if held is None:
        raise Blocked("This draft is published or discarded already")
    if held.revision != revision:
        who = held.updated_by or "Somebody"
        raise Blocked(f"{who} changed this draft since you opened it: look at it again")
    found = review(held)
    if found.problems or found.read.spec is None:
        raise Blocked(f"{found.problems[0].message}. Edit the draft first")
    errors = [f"{error.code} {error.pointer}" for error in found.linted.errors]
    if errors and not reason:
        raise Blocked("Lint reports errors: mend them, or say why to publish anyway")
    try:
        version, _ = registry.register(
            held.project,
            found.read.spec,
            user=user,
            note=note,
            reason=reason if errors else "",
            overrode=errors,
            evidence=evidence,
        )
    except UnreadableTool as error:
        raise Blocked(error.detail) from error
    held.version, held.tool = version, version.tool
    held.save(update_fields=["version", "tool"])
    return version


def retire(version: ToolVersion, *, user: User, note: str = "") -> None:
    """It is judged as before, and no longer offered in the playground."""
    if version.retired_at is None:
        registry.change_state(version, "retired", by=user, note=note)


def republish(version: ToolVersion, *, user: User, note: str = "") -> None:
    """A retired version, or one that traffic alone brought, becomes published."""
    if version.state != "published":
        registry.change_state(version, "published", by=user, note=note)


@dataclass(frozen=True, slots=True)
class Publication:
    """Something that a chart marks: ``kind`` is published, retired, or first_seen by traffic.

    ``subject`` says what became so: the version or the policy of ``tool``, or a router, which
    belongs to no tool. ``row`` is its id, ``name`` what people call it, ``url`` its page; ``by`` is
    the person or the program, "" for traffic.
    """

    at: datetime
    kind: str
    subject: Literal["version", "policy", "router"]
    row: int
    tool: str
    number: int
    name: str
    url: str
    by: str = ""
    note: str = ""


def publications(
    project: Project, since: datetime, until: datetime, *, tool: Tool | None = None
) -> list[Publication]:
    """What was published, retired or first seen within [since, until), the oldest first.

    ``tool`` asks for its versions and policies; routers are told of where no tool is named.
    """
    found = [
        *_of_versions(project, since, until, tool),
        *_of_policies(project, since, until, tool),
        *(() if tool else _of_routers(project, since, until)),
    ]
    return sorted(found, key=lambda one: (one.at, one.subject, one.row))


def _of_versions(
    project: Project, since: datetime, until: datetime, tool: Tool | None
) -> Iterator[Publication]:
    events = VersionEvent.objects.filter(project=project, at__gte=since, at__lt=until)
    seen = ToolVersion.objects.filter(
        project=project, first_seen_at__gte=since, first_seen_at__lt=until
    )
    if tool:
        events, seen = events.filter(version__tool=tool), seen.filter(tool=tool)
    for event in events.select_related("version__tool", "by"):
        by = event.sender or str(event.by or "")
        yield _tell(project, event.at, event.kind, event.version, by=by, note=event.note)
    for version in seen.select_related("tool"):
        if version.first_seen_at:
            yield _tell(project, version.first_seen_at, "first_seen", version)


def _tell(
    project: Project, at: datetime, kind: str, version: ToolVersion, *, by: str = "", note: str = ""
) -> Publication:
    tool, number = version.tool.name, version.number
    url = reverse("tools_registry:version-detail", args=[project.slug, tool, number])
    name = f"{tool} v{number}"
    return Publication(at, kind, "version", version.pk, tool, number, name, url, by, note)


def _of_policies(
    project: Project, since: datetime, until: datetime, tool: Tool | None
) -> Iterator[Publication]:
    events = PolicyEvent.objects.filter(project=project, at__gte=since, at__lt=until)
    if tool:
        events = events.filter(policy__tool=tool)
    for event in events.select_related("policy__tool", "by"):
        policy, by = event.policy, str(event.by or "")
        of, number, name = policy.tool.name, policy.number, f"{policy.tool.name} policy"
        url = reverse("tools_registry:policy-detail", args=[project.slug, of, number])
        yield Publication(
            event.at, event.kind, "policy", policy.pk, of, number, f"{name} {number}", url, by,
            policy.note,
        )  # fmt: skip


def _of_routers(project: Project, since: datetime, until: datetime) -> Iterator[Publication]:
    """A router's version is in force as soon as it is kept: it has no draft."""
    kept = RouterVersion.objects.filter(
        project=project, created_at__gte=since, created_at__lt=until
    )
    for one in kept.select_related("router", "created_by"):
        url = reverse("conversations:router", args=[project.slug, one.router_id])
        yield Publication(
            one.created_at, "published", "router", one.pk, "", one.number,
            f"router {one.router.name} v{one.number}", f"{url}?v={one.number}",
            str(one.created_by or ""), one.note,
        )  # fmt: skip


def open_drafts(project: Project, tool: Tool | None = None) -> list[ToolDraft]:
    """Those of a tool, or of all that have none yet; the latest written first."""
    rows = ToolDraft.objects.filter(OPEN, project=project, tool=tool)
    return list(rows.select_related("updated_by", "base", "tool").order_by("-updated_at")[:100])


def start_draft(
    project: Project,
    text: str,
    *,
    user: User | None,
    tool: Tool | None = None,
    base: ToolVersion | None = None,
    note: str = "",
) -> ToolDraft:
    """A draft with this text, open; ``tool`` is None for what would be a new one."""
    draft = ToolDraft(
        project=project, tool=tool, base=base, text=text, note=note[:300], created_by=user
    )
    spec = draft.read().spec
    draft.name = tool.name if tool else (spec.name[:256] if spec else "")
    draft.updated_by, draft.updated_at = user, timezone.now()
    draft.save()
    return draft

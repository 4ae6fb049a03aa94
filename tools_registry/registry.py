"""Keeping definitions: a version when its content is new, a toolset once by its content."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import F, Max, Q
from django.db.models.functions import Greatest, Least
from django.utils import timezone

from console.accounts.models import Project, User
from console.lib import json
from console.lib.fields import to_stored
from tools_registry.dialects import UnreadableTool, read_tools
from tools_registry.models import Tool, Toolset, ToolVersion, VersionEvent
from tools_registry.specs import ToolSpec

_SEEN_STEP = timedelta(minutes=1)


def register(
    project: Project,
    spec: ToolSpec,
    *,
    user: User | None = None,
    origin: str = "registered",
    note: str = "",
    sender: str = "",
    reason: str = "",
    overrode: Sequence[str] = (),
    evidence: Sequence[Mapping[str, str]] = (),
) -> tuple[ToolVersion, bool]:
    """The version of ``spec`` in the project, and whether it is new.

    It is new when no version of the tool has its hash. Safe against races: of two equal
    definitions one version is made, of two different ones both, one after the other.
    Registering publishes: a retired version and an archived tool come back, and the event keeps
    who did it (``user``, or ``sender`` for a program), ``note``, why ``reason`` it was done over
    the lint errors ``overrode``, and the ``evidence`` for it. Raises ``UnreadableTool`` for a name
    that cannot be stored.
    """
    if to_stored(spec.name) != spec.name:
        raise UnreadableTool("/name", "Take NULs and broken characters out of the name")
    definition = json.dump(spec.to_json())
    spec = ToolSpec.from_json(json.load(definition))
    with transaction.atomic():
        version, is_new = _find(project, spec), False
        if version is None:
            fields = {"created_by": user, "origin": origin, "note": note[:300]}
            version, is_new = _create(project, spec, definition, **fields)
        if origin == "registered":
            why = {"reason": reason, "overrode": overrode, "evidence": evidence}
            _publish(version, by=user, sender=sender, note=note, **why)
        return version, is_new


def _publish(version: ToolVersion, **event: Any) -> None:
    """Of a version that is published already nothing changes."""
    if version.tool.archived_at:
        version.tool.unarchive()
    if version.state != "published":
        change_state(version, "published", **event)


def change_state(
    version: ToolVersion,
    kind: str,
    *,
    by: User | None = None,
    sender: str = "",
    note: str = "",
    reason: str = "",
    overrode: Sequence[str] = (),
    evidence: Sequence[Mapping[str, str]] = (),
) -> None:
    """Publish or retire the version, and keep who did it, when and why."""
    at = timezone.now()
    if kind == "published":
        version.published_at, version.retired_at = at, None
    else:
        version.retired_at = at
    version.save(update_fields=["published_at", "retired_at"])
    VersionEvent.objects.create(
        project_id=version.project_id,
        version=version,
        kind=kind,
        at=at,
        by=by,
        sender=sender[:100],
        note=note[:300],
        reason=reason[:500],
        overrode=list(overrode),
        evidence=list(evidence),
    )


def _find(project: Project, spec: ToolSpec) -> ToolVersion | None:
    return (
        ToolVersion.objects.select_related("tool")
        .filter(tool__project=project, tool__name=spec.name, hash=spec.hash)
        .first()
    )


def _create(
    project: Project, spec: ToolSpec, definition: str, **fields: Any
) -> tuple[ToolVersion, bool]:
    Tool.objects.get_or_create(project=project, name=spec.name)
    tool = Tool.objects.select_for_update().get(project=project, name=spec.name)
    found = _find(project, spec)  # another may have made it before the lock was ours
    if found:
        return found, False
    highest = tool.versions.aggregate(highest=Max("number"))["highest"] or 0
    version = ToolVersion.objects.create(
        project=project,
        tool=tool,
        number=highest + 1,
        hash=spec.hash,
        definition=definition,
        **fields,
    )
    return version, True


def current_versions(tools: Sequence[Tool]) -> dict[int, ToolVersion]:
    """The newest version of each tool that is not retired, else the newest, by the tool's id."""
    versions = (
        ToolVersion.objects.select_related("tool", "created_by")
        .filter(tool__in=tools)
        .order_by("tool_id", F("retired_at").desc(nulls_first=True), "-number")
        .distinct("tool_id")
    )
    return {version.tool_id: version for version in versions}


def record_toolset(
    project: Project, tools: Sequence[Any], *, at: datetime | None = None
) -> Toolset:
    """The toolset of a request's ``tools`` array, stored once for equal JSON text.

    Definitions not seen before become *observed* versions; ``at`` (aware, now by default) is
    when they were offered. Entries that are no function, or cannot be read, count as 0.
    """
    toolset = keep_toolset(project, tools)
    _mark_seen(toolset.versions, at or timezone.now())
    return toolset


def keep_toolset(project: Project, tools: Sequence[Any]) -> Toolset:
    """The same, for a caller that itself keeps when the versions were offered."""
    wire = json.dump(list(tools))
    digest = hashlib.sha256(wire.encode()).hexdigest()
    toolset = Toolset.objects.filter(project=project, hash=digest).first()
    if toolset is None:
        versions = _record_versions(project, json.load(wire))
        toolset = Toolset(project=project, hash=digest, wire=wire, versions=versions)
        # In one statement; where another made it meanwhile, its row is given.
        Toolset.objects.bulk_create(
            [toolset],
            update_conflicts=True,
            unique_fields=["project", "hash"],
            update_fields=["hash"],
        )
    return toolset


def _record_versions(project: Project, tools: list[Any]) -> list[int]:
    """The id of each entry's version. In the order of names, so that no two wait in a circle."""
    specs = [spec for entry in tools for spec in _read_entry(entry)]
    known = _known_versions(project, [spec for spec in specs if spec])
    ids: dict[int, int] = {}
    for index, spec in sorted(enumerate(specs), key=lambda pair: pair[1].name if pair[1] else ""):
        if spec is None or (spec.name, spec.hash) in known:
            ids[index] = known[spec.name, spec.hash] if spec else 0
            continue
        try:
            ids[index] = register(project, spec, origin="observed")[0].pk
        except UnreadableTool:
            ids[index] = 0
    return [ids[index] for index in range(len(specs))]


def _known_versions(project: Project, specs: Sequence[ToolSpec]) -> dict[tuple[str, str], int]:
    """The versions that these definitions have already, by name and hash."""
    found = ToolVersion.objects.filter(
        project=project, tool__project=project, hash__in={spec.hash for spec in specs}
    )
    return {
        (name, digest): pk for name, digest, pk in found.values_list("tool__name", "hash", "pk")
    }


def _read_entry(entry: Any) -> list[ToolSpec | None]:
    try:
        return read_tools([entry])
    except UnreadableTool:
        return [None]


def _mark_seen(versions: Sequence[int], at: datetime) -> None:
    """Widen the versions' time of sight to ``at``, to the minute."""
    unseen = Q(last_seen_at=None) | Q(last_seen_at__lt=at - _SEEN_STEP) | Q(first_seen_at__gt=at)
    ids = {pk for pk in versions if pk}
    with transaction.atomic():
        # Locked in one order, so that no two writers wait in a circle.
        rows = ToolVersion.objects.select_for_update().filter(unseen, pk__in=ids).order_by("pk")
        # LEAST and GREATEST of PostgreSQL pass over NULL.
        ToolVersion.objects.filter(pk__in=list(rows.values_list("pk", flat=True))).update(
            first_seen_at=Least("first_seen_at", at), last_seen_at=Greatest("last_seen_at", at)
        )

"""Keeping definitions: a version when its content is new, a toolset once by its content."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Max, Q
from django.db.models.functions import Greatest, Least
from django.utils import timezone

from console.accounts.models import Project, User
from console.lib import json
from console.lib.fields import to_stored
from tools_registry.dialects import UnreadableTool, read_tools
from tools_registry.models import Tool, Toolset, ToolVersion
from tools_registry.specs import ToolSpec

_SEEN_STEP = timedelta(minutes=1)


def register(
    project: Project,
    spec: ToolSpec,
    *,
    user: User | None = None,
    origin: str = "registered",
    note: str = "",
) -> tuple[ToolVersion, bool]:
    """The version of ``spec`` in the project, and whether it is new.

    It is new when no version of the tool has its hash. Safe against races: of two equal
    definitions one version is made, of two different ones both, one after the other.
    Registering by a person brings an archived tool back. Raises ``UnreadableTool`` for a name
    that cannot be stored.
    """
    if to_stored(spec.name) != spec.name:
        raise UnreadableTool("/name", "Take NULs and broken characters out of the name")
    definition = json.dump(spec.to_json())
    spec = ToolSpec.from_json(json.load(definition))
    with transaction.atomic():
        found = _find(project, spec)
        if found is None:
            fields = {"created_by": user, "origin": origin, "note": note[:300]}
            return _create(project, spec, definition, **fields)
        if origin == "registered" and found.tool.archived_at:
            found.tool.unarchive()
        return found, False


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
    if fields["origin"] == "registered" and tool.archived_at:
        tool.unarchive()
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


def newest_versions(tools: Sequence[Tool]) -> dict[int, ToolVersion]:
    """The newest version of each tool, by the tool's id, with its author."""
    versions = (
        ToolVersion.objects.select_related("tool", "created_by")
        .filter(tool__in=tools)
        .order_by("tool_id", "-number")
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
    at = at or timezone.now()
    wire = json.dump(list(tools))
    digest = hashlib.sha256(wire.encode()).hexdigest()
    toolset = Toolset.objects.filter(project=project, hash=digest).first()
    if toolset is None:
        versions = _record_versions(project, json.load(wire))
        toolset, _ = Toolset.objects.get_or_create(
            project=project, hash=digest, defaults={"wire": wire, "versions": versions}
        )
    _mark_seen(toolset.versions, at)
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
    ids = sorted({pk for pk in versions if pk})
    # LEAST and GREATEST of PostgreSQL pass over NULL.
    ToolVersion.objects.filter(unseen, pk__in=ids).update(
        first_seen_at=Least("first_seen_at", at), last_seen_at=Greatest("last_seen_at", at)
    )

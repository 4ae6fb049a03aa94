"""Parts of a replay's pages as values: what a variant changes in words, and the filter's links."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from console.accounts.models import Project
from conversations.incidents.publishing import Change, changes_of
from conversations.models import Connection
from conversations.replay.matrix import LABELS, SHOWS, Row, count_shows
from conversations.replay.records import Replay, ReplayVariant
from conversations.replay.sources import name_of
from conversations.replay.variants import Tool, Variant
from tools_registry.models import RouterVersion, ToolDraft, ToolVersion
from tools_registry.publishing import find_tool, open_drafts

_SHOWN = {"all": "All", "differ": "Where variants differ", "unsettled": "To be settled"}


def shows_of(
    rows: Sequence[Row], asked: Mapping[str, str], address: str
) -> list[tuple[str, str, int, str]]:
    """The filters that find anything, as (name, label, count, address)."""
    found = []
    variant = int(asked["in"]) if asked["in"] else None
    counts = count_shows(rows, variant)
    for name in SHOWS:
        count = counts[name]
        if count or name in ("all", asked["show"]):
            kept = {"show": "" if name == "all" else name, "order": asked["order"]}
            kept |= {"in": asked["in"], "find": asked["find"]}
            if kept["order"] == "pressing":
                kept["order"] = ""
            query = urlencode({key: value for key, value in kept.items() if value})
            label = _SHOWN.get(name) or LABELS[name]
            found.append((name, label, count, f"{address}?{query}#cases"))
    return found


def describe_change(project: Project, variant: Variant) -> str:
    """What a variant changes, in words."""
    if variant.is_unchanged:
        return "nothing, the control"
    numbers = _read_numbers(project, variant)
    said = [f"{name} → {_name(tool, numbers, name)}" for name, tool in variant.replaced.items()]
    said += [f"with {_name(tool, numbers, '')}" for tool in variant.added]
    said += [f"without {name}" for name in variant.removed]
    if variant.toolset is not None:
        said.append(f"only {', '.join(_name(one, numbers, '') for one in variant.toolset) or '-'}")
    said += [
        f"{name} by {'another' if policy else 'no'} policy"
        for name, policy in variant.policies.items()
    ]
    if variant.router:
        row = RouterVersion.objects.filter(project=project, pk=variant.router).first()
        said.append(f"tools by router {row}" if row else "tools by a router")
    if variant.system_prompt is not None:
        said.append("another system prompt" if variant.system_prompt else "no system prompt")
    said += [one for one in (variant.model, _name_connection(project, variant)) if one]
    said += [f"{name} {value}" for name, value in variant.parameters.items()]
    return ", ".join(said)


def _read_numbers(project: Project, variant: Variant) -> dict[int, tuple[str, int]]:
    rows = ToolVersion.objects.filter(project=project, pk__in=variant.versions)
    return {row.pk: (row.tool.name, row.number) for row in rows.select_related("tool")}


def _name(tool: Tool, numbers: Mapping[int, tuple[str, int]], old: str) -> str:
    if not isinstance(tool, int):
        name = name_of(tool)
        return "an edited definition" if name == old else f"{name}, edited"
    name, number = numbers.get(tool, ("a deleted version", 0))
    return f"v{number}" if name == old else f"{name} v{number}"


def _name_connection(project: Project, variant: Variant) -> str:
    if variant.connection is None:
        return ""
    row = Connection.objects.filter(project=project, pk=variant.connection).first()
    return f"over {row.name}" if row else "over a deleted connection"


# ---- what may be published of the variant that won


@dataclass(frozen=True)
class Fix:
    """The definitions that the best variant offers and nobody published; ``draft`` is an open one
    of the first, where there is one."""

    variant: ReplayVariant
    open: Sequence[Change]
    draft: ToolDraft | None = None


def find_fix(row: Replay, best: ReplayVariant | None) -> Fix | None:
    """What is left to be published of a replay that is over; None where it is nothing."""
    if best is None or row.is_open:
        return None
    changes = [one for one in changes_of(row.project, best.value) if not one.is_published]
    if not changes or any(one.errors for one in changes):
        return None
    first = changes[0].spec
    tool = find_tool(row.project, first.name)
    drafts = open_drafts(row.project, tool)
    same = (one for one in drafts if (spec := one.read().spec) and spec.hash == first.hash)
    return Fix(best, changes, next(same, None))

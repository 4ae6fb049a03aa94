"""Suspects as people read them: a name, the evidence line by line, and the diff beside it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from django.urls import reverse

from console.accounts.models import Project
from console.lib import json
from conversations.incidents.evidence import Judged
from conversations.incidents.series import Share
from conversations.incidents.suspects import Suspect
from conversations.incidents.weighing import Definition, read_definition
from tools_registry.diff.lines import Row, split_rows
from tools_registry.models import Policy, RouterVersion, Toolset, ToolVersion

SHOWN = 3
MOST = 5
_DIFF = 4
"""Changed lines that a card shows."""
_KINDS = {
    "model": "Model", "provider": "Provider", "environment": "Environment", "tag": "Tag",
    "source": "Door", "user": "User", "conversation": "Conversation", "toolset": "Toolset",
    "router": "Router", "policy": "Policy", "retired": "Retired", "version": "",
}  # fmt: skip
_NOUNS = {
    "version": "tool versions", "model": "models", "provider": "providers",
    "environment": "environments", "tag": "tags", "source": "doors",
    "router": "router versions", "policy": "policies",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Line:
    """One piece of evidence; ``tag`` names its kind, ``tone`` is the tag's class."""

    icon: str
    text: str
    tag: str = ""
    tone: str = ""
    url: str = ""
    link: str = ""


@dataclass(frozen=True, slots=True)
class Card:
    """``kind`` and ``name`` say what it is, ``name`` as it came over the wire."""

    suspect: Suspect
    rank: int
    kind: str
    name: str
    number: int | None = None
    url: str = ""
    origin: str = ""
    lines: Sequence[Line] = ()
    diff: Sequence[Row] = ()
    definition: Definition | None = field(default=None, repr=False)

    @property
    def is_whole(self) -> bool:
        """Is it shown with all its evidence?"""
        return self.suspect.grade != "ruled out" and self.suspect.along is None


def deal(project: Project, judged: Judged) -> list[Card]:
    """The suspects that are worth reading, the best first: what may have done it, and of what did
    not the one of each kind that has most of the calls."""
    chosen = _choose(judged.ranking.suspects)
    names = _Names(project, chosen)
    return [
        _make(project, judged, suspect, rank, names) for rank, suspect in enumerate(chosen, start=1)
    ]


def _choose(suspects: Sequence[Suspect]) -> list[Suspect]:
    serious = [one for one in suspects if one.grade != "ruled out" and not _is_implied(one)][:MOST]
    kinds = {one.kind for one in serious} | {"conversation", "user", "toolset"}
    others = sorted(
        (one for one in suspects if one.grade == "ruled out"), key=lambda one: -one.covered.part
    )
    for one in others:
        if len(serious) < SHOWN and one.kind not in kinds:
            serious.append(one)
            kinds.add(one.kind)
    return serious


def _is_implied(suspect: Suspect) -> bool:
    """A toolset with a new version in it says nothing that the version does not."""
    return suspect.along is not None and suspect.kind == "toolset"


class _Names:
    """What the keys of suspects stand for."""

    def __init__(self, project: Project, suspects: Sequence[Suspect]) -> None:
        keys = {
            kind: {int(s.key) for s in suspects if s.kind == kind}
            for kind in ("version", "retired", "toolset", "router", "policy")
        }
        versions = ToolVersion.objects.select_related("tool", "project", "created_by")
        self.versions = versions.filter(project=project).in_bulk(keys["version"] | keys["retired"])
        routers = RouterVersion.objects.filter(project=project).select_related("router")
        self.routers = routers.in_bulk(keys["router"])
        policies = Policy.objects.filter(project=project).select_related("tool")
        self.policies = policies.in_bulk(keys["policy"])
        self.toolsets = Toolset.objects.filter(project=project).in_bulk(keys["toolset"])


def _make(project: Project, judged: Judged, suspect: Suspect, rank: int, names: _Names) -> Card:
    place = [project.slug]
    head: dict[str, Any] = {"kind": _KINDS[suspect.kind], "name": suspect.key}
    definition: Definition | None = None
    if suspect.kind in ("version", "retired") and (version := names.versions.get(int(suspect.key))):
        definition = read_definition(version)
        args = [project.slug, version.tool.name, version.number]
        head |= {"name": version.tool.name, "number": version.number}
        head["url"] = reverse("tools_registry:version-detail", args=args)
        head["origin"] = _origin(version)
    elif suspect.kind == "router" and (router := names.routers.get(int(suspect.key))):
        head |= {"name": router.router.name, "number": router.number}
        head["url"] = reverse("conversations:router", args=[*place, router.router_id])
    elif suspect.kind == "policy" and (policy := names.policies.get(int(suspect.key))):
        head |= {"name": policy.tool.name, "number": policy.number}
        args = [*place, policy.tool.name, policy.number]
        head["url"] = reverse("tools_registry:policy-detail", args=args)
    elif suspect.kind == "toolset" and (toolset := names.toolsets.get(int(suspect.key))):
        head["name"] = f"ts_{toolset.hash[:8]}, {len(toolset.versions)} tools"
        head["url"] = f"{reverse('tools_registry:toolset-lint', args=place)}?toolset={toolset.pk}"
    elif suspect.kind == "conversation":
        head["url"] = reverse("conversations:conversation", args=[*place, suspect.key])
    return Card(
        suspect=suspect,
        rank=rank,
        **head,
        lines=list(_tell(project, judged, suspect, definition)),
        diff=_diff(definition) if suspect.grade != "ruled out" else (),
        definition=definition,
    )


def _origin(version: ToolVersion) -> str:
    if version.origin == "observed":
        return "observed in traffic, no author"
    return f"registered by {version.created_by}" if version.created_by else "registered"


# ---- evidence


def _tell(
    project: Project, judged: Judged, suspect: Suspect, definition: Definition | None
) -> Iterator[Line]:
    if suspect.grade == "ruled out":
        yield Line("chart-dots", _why_not(suspect))
        return
    yield Line("clock", _tell_time(judged, suspect))
    if definition:
        yield from _tell_definition(project, definition)
    yield Line("chart-dots", _tell_shares(suspect))


def _tell_time(judged: Judged, suspect: Suspect) -> str:
    if suspect.first_seen is None:
        return ""
    others = [
        one
        for one in judged.ranking.suspects
        if one.is_new
        and one.along is None
        and one.trait != suspect.trait
        and one.kind not in ("conversation", "user")
        and one.first_seen
        and one.first_seen <= suspect.first_seen
    ]
    if not suspect.is_new:
        return f"There before {write_time(suspect.first_seen)}; only its calls went wrong."
    verb = "Changed" if suspect.kind in ("router", "policy", "retired") else "First seen"
    said = f"{verb} {write_time(suspect.first_seen)}"
    if suspect.lag is not None:
        came = "a bad call came within" if judged.is_sample else "the first bad call came after"
        said += f"; {came} {write_span(suspect.lag)}"
    hours = (suspect.first_seen - judged.since).total_seconds() // 3600
    if not others and hours >= 1:
        said += f". Nothing else changed in the {hours:.0f} h before"
    return said + "."


def write_time(at: Any) -> str:
    return f"{at:%H:%M:%S} on {at.day} {at:%b}"


def write_span(span: timedelta) -> str:
    """A length of time for people: its largest unit, or two."""
    seconds = int(abs(span).total_seconds())
    if seconds < 120:
        return f"{seconds} s"
    minutes = seconds // 60
    if minutes < 120:
        return f"{minutes} min"
    hours = minutes // 60
    return f"{hours} h" if hours < 48 else f"{hours // 24} days"


def _tell_definition(project: Project, definition: Definition) -> Iterator[Line]:
    version, previous = definition.version, definition.previous
    if previous is None:
        yield Line("git-compare", "The first version of this tool.")
    elif definition.changes:
        worst = definition.changes[0]
        url = reverse("tools_registry:version-diff", args=[project.slug, version.tool.name])
        tone = {"breaking": "bad", "compatible": "ok"}.get(worst.kind, "")
        yield Line(
            "git-compare",
            f"{worst.reason}.",
            worst.kind,
            tone,
            f"{url}?from={previous.number}&to={version.number}",
            "Full diff",
        )
    problems = definition.errors or [p for p in definition.problems if p.severity == "warning"]
    for problem in problems[:1]:
        tone = "bad" if problem.severity == "error" else "warn"
        would = " CI would have exited 1." if problem.severity == "error" else ""
        yield Line("writing", f"{problem.message}.{would}", "lint", tone)


def _tell_shares(suspect: Suspect) -> str:
    inside = f"With it {write_share(suspect.inside)}"
    if suspect.outside.whole:
        return f"{inside}, without it in the same time {write_share(suspect.outside)}."
    return f"{inside}; every call since has it."


def _why_not(suspect: Suspect) -> str:
    if suspect.along:
        return "The same calls as a better suspect above."
    if not suspect.is_new and not suspect.outside.whole:
        if not suspect.earlier.whole:
            return "All calls that were compared have it, so it tells nothing."
        return f"It was there before: {write_share(suspect.earlier)} were bad then. Ruled out."
    if suspect.outside.whole:
        return (
            f"With it {write_share(suspect.inside)}, without it {write_share(suspect.outside)}:"
            " no difference that explains the rise."
        )
    return (
        f"Since then {write_share(suspect.inside)}, before {write_share(suspect.earlier)}:"
        " it does not fit the time of the rise."
    )


def write_share(share: Share) -> str:
    return f"{share.part:,} of {share.whole:,} calls ({100 * share.value:.1f}%)"


def _diff(definition: Definition | None) -> list[Row]:
    """The first lines that differ, those that lint or the diff speak of first in the text."""
    if definition is None or definition.previous is None:
        return []
    texts = [json.pretty(v.spec.to_json()) for v in (definition.previous, definition.version)]
    changed = [
        row
        for row in split_rows(*texts)
        if (row.left and row.left.is_changed) or (row.right and row.right.is_changed)
    ]
    return changed[:_DIFF]


def name_compared(judged: Judged) -> str:
    """What was looked at, for people: "2 tool versions, 1 model and 3 tags"."""
    counts = judged.ranking.compared
    parts = [
        f"{counts[kind]:,} {_one(noun) if counts[kind] == 1 else noun}"
        for kind, noun in _NOUNS.items()
        if counts.get(kind)
    ]
    return f"{', '.join(parts[:-1])} and {parts[-1]}" if len(parts) > 1 else "".join(parts)


def _one(noun: str) -> str:
    return f"{noun.removesuffix('ies')}y" if noun.endswith("ies") else noun.removesuffix("s")

"""What could be typed next: names of fields, and values that are there."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from console.accounts.models import Project
from conversations.models import ToolCall, Turn
from conversations.search.fields import FIELDS, NOWHERE, Field
from conversations.search.query import Term
from tools_registry.models import Tool, ToolVersion

MOST = 12
RECENT = 2000
"""Rows whose values are suggested."""
TIMES = ("15m", "1h", "24h", "7d", "30d")
COMPARED = {
    "latency": (">1s", ">5s", ">30s"),
    "first_token": (">500ms", ">1s", ">5s"),
    "cost": (">0.01", ">0.1", ">1"),
    "nth": (">1", ">5", ">20"),
}


@dataclass(frozen=True, slots=True)
class Suggestion:
    """The whole term as it would be typed, and a word on it."""

    text: str
    note: str = ""

    def to_json(self) -> dict[str, str]:
        return {"text": self.text, "note": self.note}


def suggest(
    project: Project, typed: str, fields: Collection[str] = tuple(FIELDS)
) -> list[Suggestion]:
    """What the term that is being typed may become, of these fields alone; the best first."""
    typed = typed[:300].replace("\0", "")
    sign = "-" if typed.startswith("-") else ""
    name, colon, value = typed.removeprefix("-").partition(":")
    field = FIELDS.get(name.lower())
    if not colon:
        known = [one for one in FIELDS.values() if one.name in fields]
        return _suggest_fields(sign, name.lower(), known)
    if field is None or field.name not in fields:
        return []
    *before, last = value.split(",")
    begun = "".join(f"{one}," for one in before)
    last = last.removeprefix('"')
    return [
        Suggestion(f"{sign}{field.name}:{begun}{_write(field, text)}", note)
        for text, note in _values(project, field, last)[:MOST]
        if text not in before
    ]


def _suggest_fields(sign: str, begun: str, known: Sequence[Field]) -> list[Suggestion]:
    found = [field for field in known if field.name.startswith(begun)]
    found += [field for field in known if begun in field.name and field not in found]
    if sign:
        found = [field for field in found if field.shape != "time"]
    return [Suggestion(f"{sign}{field.name}:", field.summary) for field in found[:MOST]]


def _write(field: Field, text: str) -> str:
    if field.compares:
        return text
    literal = frozenset([text]) if text.endswith("*") else frozenset()
    return Term(field.name, (text,), literal=literal).text.partition(":")[2]


def _values(project: Project, field: Field, begun: str) -> list[tuple[str, str]]:
    low = begun.lower()
    if field.shape == "choice":
        return [(choice, "") for choice in field.choices if low in choice]
    if field.name == "time":
        return [(span, "back from now") for span in TIMES if span.startswith(low)]
    if field.compares:
        return [(text, "") for text in COMPARED[field.name] if text.startswith(low)]
    if field.name == "version":
        return _versions(project, begun)
    if field.name in ("text", "id"):
        return []
    recent = _recent(project, field.name)
    if field.name in ("tool", "expected"):
        rows = Tool.objects.filter(project=project, name__icontains=begun).order_by("name")
        recent.update(dict.fromkeys(rows.values_list("name", flat=True)[: 2 * MOST], 0))
    found = [(text, count) for text, count in recent.items() if low in text.lower()]
    found.sort(key=lambda item: (not item[0].lower().startswith(low), -item[1], item[0]))
    return [
        (text, f"{count:,} of the last {RECENT:,}" if count else "") for text, count in found[:MOST]
    ]


def _recent(project: Project, name: str) -> Counter[str]:
    """How often each value occurs in the newest rows."""
    calls = ToolCall.objects.filter(project=project).order_by("-id")
    if name in ("tool", "expected"):
        return Counter(calls.values_list("name", flat=True)[:RECENT])
    if name == "pointer":
        judged = calls.exclude(codes=[]).only("findings")[:RECENT]
        return Counter(place for call in judged for place in _places(call))
    turns = Turn.objects.filter(project=project).order_by("-id")
    if name == "tag":
        return Counter(
            tag for tags in turns.values_list("tags", flat=True)[:RECENT] for tag in tags
        )
    return Counter(value for value in turns.values_list(name, flat=True)[:RECENT] if value)


def _places(call: ToolCall) -> set[str]:
    return {finding.pointer or NOWHERE for finding in call.found}


def _versions(project: Project, begun: str) -> list[tuple[str, str]]:
    name, _, number = begun.rpartition("@")
    rows = ToolVersion.objects.filter(project=project).select_related("tool")
    rows = rows.filter(tool__name__icontains=name or number.lstrip("v")) if begun else rows
    ordered = rows.order_by("tool__name", "-number")[: 4 * MOST]
    texts = [(f"{row.tool.name}@v{row.number}", row.origin) for row in ordered]
    return [(text, note) for text, note in texts if begun.lower() in text.lower()]

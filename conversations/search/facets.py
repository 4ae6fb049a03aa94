"""How the newest matches divide: never all of them are counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from console.accounts.models import Project
from conversations.models import Conversation, ToolCall, Turn
from conversations.search.fields import VERDICTS, Kind
from conversations.search.query import Query, Term
from conversations.search.reading import Hit, find_counted
from conversations.search.rows import within

COUNTED = 10_000
"""Matches beyond which nothing is counted: the page says 10,000+."""
DIVIDED = 1000
"""The newest matches, of which facets are made."""
BUDGET = 1.0
SHOWN = 6
_LABELS = {"finding": "Finding", "version": "Tool version", "tag": "Tag", "tool": "Tool"}


@dataclass(frozen=True, slots=True)
class Value:
    """A value of a facet, how many have it, and the filter with it added or taken away."""

    text: str
    count: int
    chosen: bool
    query: str


@dataclass(frozen=True, slots=True)
class Facet:
    field: str
    label: str
    values: Sequence[Value]


@dataclass(frozen=True, slots=True)
class Facets:
    """``count`` ends at COUNTED; ``is_more`` says that there are more than it, or may be."""

    count: int
    is_more: bool
    divided: int
    facets: Sequence[Facet]

    @property
    def count_text(self) -> str:
        return f"{self.count:,}{'+' if self.is_more else ''}"

    @property
    def divided_text(self) -> str:
        return f"{self.divided:,}"


def divide(project: Project, query: Query, kind: Kind) -> Facets:
    """Facets of the newest matches, and how many matches there are."""
    newest, count, is_more = find_counted(
        project, query, kind, size=DIVIDED, most=COUNTED, budget=BUDGET
    )
    counts = _count(kind, newest) if newest else {}
    facets = [
        Facet(name, _LABELS.get(name, name.capitalize()), _values(query, name, counter))
        for name, counter in counts.items()
        if counter
    ]
    return Facets(count, is_more, len(newest), facets)


def _count(kind: Kind, hits: Sequence[Hit]) -> dict[str, Counter[str]]:
    names = ("verdict", "finding", "tool", "version", "model", "environment", "source", "tag")
    counts: dict[str, Counter[str]] = {name: Counter() for name in names}
    if kind == "conversations":
        own = Conversation.objects.filter(pk__in=[hit.conversation for hit in hits])
        for verdict, environment, source, tags in own.values_list(
            "verdict", "environment", "source", "tags"
        ):
            _add(counts, verdict=[verdict], environment=[environment], source=[source], tag=tags)
    if kind != "calls":
        _count_turns(kind, hits, counts)
    _count_calls(kind, hits, counts)
    return counts


def _count_turns(kind: Kind, hits: Sequence[Hit], counts: dict[str, Counter[str]]) -> None:
    rows = Turn.objects.filter(**within(hits))
    for verdict, codes, model, environment, source, tags in rows.values_list(
        "verdict", "codes", "model", "environment", "source", "tags"
    ):
        _add(counts, finding=codes, model=[model])
        if kind == "turns":
            _add(counts, verdict=[verdict], environment=[environment], source=[source], tag=tags)


def _count_calls(kind: Kind, hits: Sequence[Hit], counts: dict[str, Counter[str]]) -> None:
    if kind == "calls":
        rows = ToolCall.objects.filter(**within(hits))
    else:
        ids = within(hits)["id__in"]
        rows = ToolCall.objects.filter(turn_id__in=ids)
    for name, number, verdict, codes, model, environment, source, tags in rows.values_list(
        "name", "tool_version__number", "verdict", "codes", "model", "environment", "source", "tags"
    ):
        version = [] if number is None else [f"{name}@v{number}"]
        _add(counts, tool=[name], version=version)
        if kind == "calls":
            _add(counts, verdict=[verdict], finding=codes, model=[model])
            _add(counts, environment=[environment], source=[source], tag=tags)


def _add(counts: dict[str, Counter[str]], **values: Iterable[str]) -> None:
    for name, found in values.items():
        counter = counts[name]
        for value in set(found):
            if value:
                counter[value] += 1


def _values(query: Query, name: str, counter: Counter[str]) -> list[Value]:
    chosen = {value for term in query.of(name) if not term.negated for value in term.values}
    ranked = sorted(counter.items(), key=lambda item: (-item[1], item[0]))
    if name == "verdict":
        ranked.sort(key=lambda item: VERDICTS.index(item[0]))
    shown = ranked[:SHOWN] + [item for item in ranked[SHOWN:] if item[0] in chosen]
    missing = sorted(value for value in chosen if value not in counter)
    return [
        Value(text, count, text in chosen, toggle(query, name, text).text)
        for text, count in [*shown, *((value, 0) for value in missing)]
    ]


def toggle(query: Query, name: str, value: str) -> Query:
    """The filter with the value among those of the field, or without it."""
    plain = [term for term in query.of(name) if not term.negated and term.comparison == "="]
    values = [text for term in plain for text in term.values]
    rest = query.without(*plain)
    kept = [text for text in values if text != value] if value in values else [*values, value]
    if not kept:
        return rest
    literal = {text for term in plain for text in term.literal}
    literal |= {value} if value.endswith("*") else set()
    return rest.having(Term(name, tuple(kept), literal=frozenset(literal & set(kept))))

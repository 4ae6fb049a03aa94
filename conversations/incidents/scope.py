"""What an incident's filter asks: what is bad, of what, and what is compared with what."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from conversations.incidents.records import Incident
from conversations.search.fields import Kind
from conversations.search.query import Query, Term, parse

SYMPTOMS = frozenset(
    [
        "verdict", "finding", "pointer", "expected", "layer", "misfire", "status", "label", "has",
        "text", "latency", "first_token", "cost", "nth",
    ]
)  # fmt: skip
"""Fields that say what went wrong; the others say where."""
_PLACES = frozenset(["environment", "source"])


@dataclass(frozen=True, slots=True)
class Scope:
    """``bad`` finds what went wrong, ``base`` what it is counted of. ``wide`` is what suspects are
    looked for in, ``wide_bad`` the bad ones of that: without version, model, tag and user, so that
    one value can be held against the others."""

    kind: Kind
    bad: Query
    base: Query
    wide: Query
    wide_bad: Query


def scope_of(incident: Incident, tools: Iterable[str] = ()) -> Scope:
    """``tools`` are the names that the incident's calls have, for one without a filter."""
    kind: Kind = "calls" if incident.kind == "calls" else "turns"
    query = parse(incident.query)
    if not query:
        named = tuple(dict.fromkeys(name for name in tools if name.strip()))[:20]
        wide = Query((Term("tool", named, literal=frozenset(named)),)) if named else Query()
        return Scope(kind, Query(), wide, wide, Query())
    symptoms = tuple(term for term in query.terms if term.field in SYMPTOMS)
    if not symptoms:
        wide = _only(query, _PLACES)
        return Scope(kind, query, wide, wide, query)
    wide = _only(query, _PLACES | {"tool"})
    return Scope(kind, query, query.without(*symptoms), wide, wide.having(*symptoms))


def _only(query: Query, fields: frozenset[str]) -> Query:
    return Query(tuple(term for term in query.terms if term.field in fields))


def within(query: Query, since: datetime, until: datetime | None) -> Query:
    """The filter over [since, until), to the second."""
    terms = [Term("time", (_write(since),), comparison=">=")]
    if until is not None:
        terms.append(Term("time", (_write(until + timedelta(seconds=1)),), comparison="<"))
    return query.replacing("time", *terms)


def _write(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%S}Z"

"""The lists' filter language over rollups: the fields that rollups are divided by."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from analytics.definitions import OF_CALLS
from analytics.definitions import OF_TURNS as OF_TURNS
from console.accounts.models import Project
from console.lib.fields import to_stored
from conversations.search.names import find_names
from conversations.search.query import BadQuery, Query, Term, parse

COLUMNS = OF_CALLS
"""Fields that a filter of analytics may ask for: the dimensions that every row has."""
LONGEST = 200
"""Characters of a dimension's value."""


@dataclass(frozen=True, slots=True)
class Filter:
    """Conditions on the columns of a rollup, with their parameters."""

    query: Query = Query()
    conditions: tuple[tuple[str, str, tuple[Any, ...]], ...] = field(default=())
    """Each with its column."""

    def where(self, columns: Iterable[str] = COLUMNS) -> tuple[str, list[Any]]:
        """SQL that begins with AND, or is empty, of the conditions on these columns."""
        wanted = set(columns)
        kept = [one for one in self.conditions if one[0] in wanted]
        text = "".join(f" AND {condition}" for _, condition, _ in kept)
        return text, [value for _, _, values in kept for value in values]

    def among(self, wanted: Mapping[str, Sequence[Any]]) -> Filter:
        """The filter with the only values that columns may have."""
        more = [
            (
                name.removesuffix("_id"),
                f"{name} = ANY(%s)",
                ([to_stored(v) if isinstance(v, str) else v for v in values],),
            )
            for name, values in wanted.items()
        ]
        return replace(self, conditions=(*self.conditions, *more))

    def only(self, fields: Iterable[str]) -> Filter:
        """What it asks of these fields alone."""
        wanted = set(fields)
        others = [term for term in self.query.terms if term.field not in wanted]
        if not others:
            return self
        kept = tuple(one for one in self.conditions if one[0] in wanted)
        return Filter(self.query.without(*others), kept)

    @property
    def columns(self) -> frozenset[str]:
        """The fields that it asks for."""
        return frozenset(column for column, _, _ in self.conditions)

    @property
    def asks_for_tools(self) -> bool:
        """Does it ask for what turns do not have?"""
        return any(column not in OF_TURNS for column, _, _ in self.conditions)


def read_filter(project: Project, text: str) -> Filter:
    """The filter of a text. Raises BadQuery, also for fields that rollups do not have."""
    query = parse(text)
    for term in query.terms:
        if term.field not in COLUMNS:
            known = ", ".join(COLUMNS)
            problem = (
                f"Analytics is divided by {known}. Filter calls by other fields in their list."
            )
            raise BadQuery(term.text, problem, instead="")
    return Filter(query, tuple(_condition(project, query, term) for term in query.terms))


def _condition(project: Project, query: Query, term: Term) -> tuple[str, str, tuple[Any, ...]]:
    values: tuple[Any, ...]
    if term.field == "version":
        found = find_names(project, query.without(*query.of("id"))).versions
        ids = [pk for value in term.values for pk in found.get(value, ())]
        sql, values = "version_id = ANY(%s)", (ids,)
    else:
        whole = [to_stored(v)[:LONGEST] for v in term.values if term.prefix(v) is None]
        begins = [to_stored(p) for v in term.values if (p := term.prefix(v)) is not None]
        options = [f"{term.field} = ANY(%s)"] if whole else []
        options += [f"starts_with({term.field}, %s)"] * len(begins)
        sql, values = f"({' OR '.join(options)})", (*([whole] if whole else []), *begins)
    return term.field, f"NOT {sql}" if term.negated else sql, values


def write_term(field: str, value: str, others: Iterable[str] = ()) -> str:
    """The term for one value of a field, whatever its characters. What has no value, "", is told
    by the ``others`` that it does not have."""
    if value:
        return Term(field, (value,), literal=frozenset([value] if value.endswith("*") else [])).text
    named = tuple(other for other in others if other)
    return Term(field, named, negated=True).text if named else ""

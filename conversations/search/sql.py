"""A filter as SQL over one stretch of keys: values are always parameters.

Two tables hold what is asked for: a turn and its calls have keys of the same time, so that a
stretch of keys holds both. Each table has one inverted index
(``conversations_call_terms``, ``conversations_turn_terms``): which *terms* a row has, and in
which stretches of time it lies. The index finds candidates; the conditions on the columns decide.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

from conversations.search.fields import (
    ANY,
    CALL_STATUS,
    MISFIRES,
    SOURCES,
    TURN_STATUS,
    VERDICTS,
    Kind,
)
from conversations.search.index_sql import terms_of
from conversations.search.query import Query, Term, read_duration, read_money
from tools_registry.validation.findings import CODES

_LONGEST = 200
"""Characters of a value in the index."""
_COLUMNS = {"tool": "name", "environment": "environment", "user": '"user"'}
_SHARED = ("model", "provider", "source", "user", "environment", "tag")
"""What a call has of its turn: asked of the side that the index can join it with more."""
_OF_CALLS = ("tool", "version")
_CHOICES = {"verdict": VERDICTS, "source": SOURCES}
_LEVELS = (7, 6, 5, 4)
"""Hexadecimal digits of a key that name a stretch: of 17 min, 4.7 h, 3.1 days and 50 days."""
_STRETCHES = 12
_BESIDE = 60_000
"""Milliseconds that the keys of a turn and its calls may lie apart."""
_VERSIONS = 24
"""More alternatives than this cost the index more than reading on does."""
_EXPECTING = {"c": "wrong_tool", "t": "missed_call"}
"""Codes of the findings that suggest the tool that was expected."""
# Escapes that jsonb refuses; a backslash that is itself escaped begins none.
_REFUSED = r"(?<!\\)((?:\\\\)*)\\u(?:0000|[dD][89a-fA-F][0-9a-fA-F]{2})"
_BUCKETS = {"latency": 24, "cost": 30}
"""The last power of two that the index tells apart: of milliseconds, of millionths of a dollar."""


@dataclass(frozen=True, slots=True)
class Names:
    """What values of ``version`` and ``id`` stand for in the project."""

    versions: Mapping[str, Sequence[int]] = field(default_factory=dict)
    ids: Mapping[str, Sequence[UUID]] = field(default_factory=dict)
    turns: Mapping[UUID, UUID] = field(default_factory=dict)
    """The turn of each call among the ids."""


@dataclass(slots=True)
class _Side:
    """What is asked of one table: conditions, and lexemes of its index."""

    alias: str
    conditions: list[str] = field(default_factory=list)
    values: list[Any] = field(default_factory=list)
    lexemes: list[str] = field(default_factory=list)
    words: list[tuple[str, str]] = field(default_factory=list)
    """Pieces of a tsquery, each with its parameter."""

    def add(self, condition: str, *values: Any) -> None:
        self.conditions.append(condition)
        self.values += values

    @property
    def is_asked(self) -> bool:
        return bool(self.conditions or self.lexemes or self.words)

    @property
    def is_indexed(self) -> bool:
        return bool(self.lexemes or self.words)


@dataclass(frozen=True, slots=True)
class Statement:
    """SQL with its parameters; rows are (id, conversation)."""

    sql: str
    values: list[Any]


class Finder:
    """One filter over one kind of rows of a project."""

    def __init__(self, query: Query, kind: Kind, project: int, names: Names) -> None:
        self.kind, self.project, self.names = kind, project, names
        self._calls, self._turns = _Side("c"), _Side("t")
        self._without: list[tuple[str, str]] = []
        self.is_few = False
        """The rows are named elsewhere, so that looking them up beats reading on."""
        self._of_calls = kind == "calls" or any(query.of(name) for name in _OF_CALLS)
        self.driver: _Side | None = None
        """The side that alone is looked up, where both could be; None for both."""
        self._shared = self.main
        if kind != "calls" and any(map(_is_of_call, query.terms)):
            self._shared = self._calls
        if any(not term.negated for term in query.of("text")):
            self._shared = self._turns
        for term in query.terms:
            if term.field != "time":
                self._place(term)

    @property
    def main(self) -> _Side:
        return self._calls if self.kind == "calls" else self._turns

    @property
    def other(self) -> _Side:
        return self._turns if self.kind == "calls" else self._calls

    @property
    def has_words(self) -> bool:
        """Words are looked up, never read row by row."""
        return bool(self._turns.words or self._without)

    @property
    def is_indexed(self) -> bool:
        return self.is_few or self.main.is_indexed or self.other.is_indexed

    @property
    def has_choice(self) -> bool:
        """May either of the two sides be looked up, and the other be read row by row?"""
        return self.main.is_indexed and self.other.is_indexed and not self.has_words

    # ---- statements

    def estimate(self, side: _Side, low: UUID, high: UUID) -> Statement:
        """The plan for one side's conditions within [low, high), with how many rows it expects."""
        where, values = self._where(side, low, high, indexed=False)
        return Statement(
            f"EXPLAIN (FORMAT JSON) SELECT FROM {_table(side.alias)} WHERE {where}", values
        )

    def walk(self, low: UUID, high: UUID, size: int, columns: str = "") -> Statement:
        """The newest matches within [low, high), read in order: for a short stretch, or where most
        rows match. ``columns`` of the kind's table stand in place of the usual ones."""
        sql, values = self._select(low, high, indexed=False, columns=columns)
        return Statement(f"{sql} ORDER BY id DESC LIMIT {size:d}", values)

    def every(self, low: UUID, high: UUID, columns: str) -> Statement:
        """``columns`` of all matches within [low, high), in no order."""
        return Statement(*self._select(low, high, indexed=False, columns=columns))

    def look_up(self, low: UUID, high: UUID, most: int) -> Statement:
        """Up to ``most`` matches within [low, high) through the index, newest first: they are all
        there are only if they are fewer."""
        sql, values = self._select(low, high, indexed=True)
        return Statement(
            f"WITH hit AS MATERIALIZED ({sql} LIMIT {most:d}) SELECT * FROM hit ORDER BY id DESC",
            values,
        )

    def count(self, low: UUID, high: UUID) -> Statement:
        """How many matches there are within [low, high)."""
        sql, values = self._select(low, high, indexed=self.is_indexed)
        return Statement(f"SELECT count(*) FROM ({sql}) AS hit", values)

    def shown_before(self, conversations: Sequence[UUID], low: UUID, high: UUID) -> Statement:
        """Which of the conversations have a match within [low, high): an earlier page had them."""
        sql, values = self._select(low, high, indexed=False)
        sql += f" AND {self.main.alias}.conversation_id = ANY(%s)"
        return Statement(sql, [*values, list(conversations)])

    def _select(
        self, low: UUID, high: UUID, *, indexed: bool, columns: str = ""
    ) -> tuple[str, list[Any]]:
        main, other = self.main, self.other
        where, values = self._where(main, low, high, indexed=indexed and self.driver is not other)
        if other.is_asked:
            looked_up = (indexed and self.driver is not main) or self.has_words
            inner, more = self._where(other, low, high, indexed=looked_up)
            own, its = ("turn_id", "id") if self.kind == "calls" else ("id", "turn_id")
            table = _table(other.alias)
            where += (
                f" AND {main.alias}.{own} IN"
                f" (SELECT {other.alias}.{its} FROM {table} WHERE {inner})"
            )
            values += more
        for words in self._without:
            inner, more = self._where(_Side("x", words=[words]), low, high, indexed=True)
            own = "turn_id" if self.kind == "calls" else "id"
            where += (
                f" AND {main.alias}.{own} NOT IN"
                f" (SELECT x.id FROM conversations_turn x WHERE {inner})"
            )
            values += more
        columns = columns or f"{main.alias}.id, {main.alias}.conversation_id"
        return f"SELECT {columns} FROM {_table(main.alias)} WHERE {where}", values

    def _where(self, side: _Side, low: UUID, high: UUID, *, indexed: bool) -> tuple[str, list[Any]]:
        a = side.alias
        parts = [f"{a}.project_id = %s", f"{a}.id >= %s", f"{a}.id < %s", *side.conditions]
        # A turn and its calls have one time, or nearly: the other side may lie a little beside.
        if side is not self.main:
            low, high = _floor(low), _ceiling(high)
        values = [self.project, low, high, *side.values]
        if side.words or (indexed and side.is_indexed):
            asked = [f"({self._stretches(low, high)})", *side.lexemes]
            wanted = ["%s::tsquery", *(piece for piece, _ in side.words)]
            parts.append(f"{terms_of(a, calls=a == 'c')} @@ ({' && '.join(wanted)})")
            values += [" & ".join(asked), *(word for _, word in side.words)]
        return " AND ".join(parts), values

    def _stretches(self, low: UUID, high: UUID) -> str:
        return " | ".join(
            f"'{self.project:d}@{stretch}'" for stretch in cover(low, UUID(int=high.int - 1))
        )

    # ---- terms

    def _place(self, term: Term) -> None:
        getattr(self, f"_place_{term.field}", self._place_column)(term)

    def _side_of(self, term: Term) -> _Side:
        """Verdicts and findings are those of the call wherever a call is asked for."""
        if term.field in _OF_CALLS:
            return self._calls
        if term.field in _SHARED:
            return self._shared
        if term.field in ("verdict", "finding", "layer", "misfire"):
            return self._calls if self._of_calls else self._turns
        return self.main

    def _place_column(self, term: Term) -> None:
        """tool, model, provider, user, environment, and what has a closed list of values."""
        side = self._side_of(term)
        column = f"{side.alias}.{_COLUMNS.get(term.field, term.field)}"
        choices = _CHOICES.get(term.field)
        values, negated = term.values, term.negated
        if choices and negated:  # the others: an index knows what is there, not what is not
            values, negated = tuple(v for v in choices if v not in term.values), False
        self._match(side, column, term, values, negated=negated)

    def _match(
        self, side: _Side, column: str, term: Term, values: Sequence[str], *, negated: bool
    ) -> None:
        whole = [value for value in values if term.prefix(value) is None]
        begins = [p for value in values if (p := term.prefix(value)) is not None]
        options, given = [f"{column} = ANY(%s)"] if whole else [], [whole] if whole else []
        options += [f"starts_with({column}, %s)"] * len(begins)
        condition = f"({' OR '.join(options) or 'false'})"
        side.add(f"NOT {condition}" if negated else condition, *given, *begins)
        if not negated:
            self._add_lexemes(side, term.field, whole, begins)

    def _add_lexemes(
        self, side: _Side, name: str, whole: Sequence[str], begins: Sequence[str] = ()
    ) -> None:
        found = [self._lexeme(name, value) for value in whole]
        found += [f"{self._lexeme(name, value)}:*" for value in begins]
        if found:
            side.lexemes.append(f"({' | '.join(found)})")

    def _lexeme(self, name: str, value: str) -> str:
        return lexeme_of(self.project, name, value)

    def _place_version(self, term: Term) -> None:
        found = sorted({pk for value in term.values for pk in self.names.versions.get(value, ())})
        condition = "c.tool_version_id = ANY(%s)"
        if term.negated:
            condition = f"({condition}) IS NOT TRUE"
        elif len(found) <= _VERSIONS:
            self._add_lexemes(self._calls, "version", [str(pk) for pk in found] or ["none"])
        self._calls.add(condition, found)

    def _place_finding(self, term: Term) -> None:
        self._place_codes(term, term.values)

    def _place_layer(self, term: Term) -> None:
        self._place_codes(term, [n for n, code in CODES.items() if code.layer in term.values])

    def _place_misfire(self, term: Term) -> None:
        self._place_codes(term, MISFIRES if ANY in term.values else term.values)

    def _place_expected(self, term: Term) -> None:
        """Findings name it: those with their code are found first, and read."""
        side = self._calls if self._of_calls else self._turns
        code, a = _EXPECTING[side.alias], side.alias
        wanted = [json.dumps([{"code": code, "suggestion": value}]) for value in term.values]
        condition = (
            f"CASE WHEN {a}.codes && %s::varchar[] AND {a}.findings IS JSON ARRAY THEN"
            f" {findings_as_json(a)} @> ANY(%s::jsonb[])"
            " ELSE false END"
        )
        side.add(f"NOT {condition}" if term.negated else condition, [code], wanted)
        if not term.negated:
            self._add_lexemes(side, "finding", [code])

    def _place_codes(self, term: Term, codes: Sequence[str]) -> None:
        side = self._side_of(term)
        condition = f"{side.alias}.codes && %s::varchar[]"
        side.add(f"NOT {condition}" if term.negated else condition, list(codes))
        if not term.negated:
            self._add_lexemes(side, "finding", codes)

    def _place_tag(self, term: Term) -> None:
        side = self._side_of(term)
        whole = [value for value in term.values if term.prefix(value) is None]
        begins = [p for value in term.values if (p := term.prefix(value)) is not None]
        options = [f"{side.alias}.tags && %s::varchar[]"] if whole else []
        options += [
            f"EXISTS (SELECT FROM unnest({side.alias}.tags) AS tag WHERE starts_with(tag, %s))"
        ] * len(begins)
        condition = f"({' OR '.join(options)})"
        given = [whole] if whole else []
        side.add(f"NOT {condition}" if term.negated else condition, *given, *begins)
        if not term.negated:
            self._add_lexemes(side, "tag", whole, begins)

    def _place_status(self, term: Term) -> None:
        of_call = term.values[0] in CALL_STATUS
        side, choices = (self._calls, CALL_STATUS) if of_call else (self._turns, TURN_STATUS)
        values = [v for v in choices if (v in term.values) != term.negated]
        kept = ["" if value == "unanswered" else value for value in values]
        side.add(f"{side.alias}.status = ANY(%s)", kept)
        self._add_lexemes(side, "status", kept)

    def _place_label(self, term: Term) -> None:
        """Labels are few: those of the project are looked through first."""
        column = "call_id" if self.kind == "calls" else "turn_id"
        condition = (
            f"{self.main.alias}.id IN (SELECT l.{column} FROM conversations_label l WHERE"
            f" l.project_id = %s AND l.superseded_at IS NULL AND l.kind <> 'withdrawn'"
            f" AND l.{column} IS NOT NULL"
        )
        given: list[Any] = [self.project]
        if ANY not in term.values:
            condition += " AND l.kind = ANY(%s)"
            given.append(list(term.values))
        self.main.add(f"{'NOT ' if term.negated else ''}({condition}))", *given)
        self.is_few = self.is_few or not term.negated

    def _place_has(self, term: Term) -> None:
        if term.values[0] == "label":
            self._place_label(replace(term, values=(ANY,)))
            return
        side, condition = {
            "result": (self._calls, "c.result IS NOT NULL"),
            "definition": (self._calls, "c.tool_version_id IS NOT NULL"),
            "stream": (self._turns, "t.first_token_ms IS NOT NULL"),
            "cost": (self.main, f"{self.main.alias}.cost IS NOT NULL"),
            "error": (
                self.main,
                "c.status = 'error'" if self.kind == "calls" else "t.error <> ''",
            ),
        }[term.values[0]]
        side.add(f"NOT ({condition})" if term.negated else f"({condition})")
        self._add_lexemes(side, "lacks" if term.negated else "has", term.values)

    def _place_latency(self, term: Term) -> None:
        ends = [read_duration(value) or 0.0 for value in term.values]
        self._place_range(term, "latency_ms", ends, ends)

    def _place_cost(self, term: Term) -> None:
        texts = [read_money(value) or "0" for value in term.values]
        self._place_range(term, "cost", texts, [float(text) * 1e6 for text in texts])

    def _place_range(
        self, term: Term, column: str, ends: Sequence[Any], sizes: Sequence[float]
    ) -> None:
        side = self.main
        name = f"{side.alias}.{column}"
        if term.comparison == "..":
            condition, given = f"{name} BETWEEN %s AND %s", list(ends)
        else:
            condition, given = f"{name} {term.comparison} %s", [ends[0]]
        if term.negated:
            side.add(f"({condition}) IS NOT TRUE", *given)
            return
        side.add(f"({condition})", *given)
        top = _BUCKETS[term.field]
        least = 0 if term.comparison in ("<", "<=") else bucket(sizes[0], top) - 1
        most = top if term.comparison in (">", ">=") else bucket(sizes[-1], top) + 1
        buckets = range(max(least, 0), min(most, top) + 1)
        self._add_lexemes(side, term.field, [str(number) for number in buckets])

    def _place_text(self, term: Term) -> None:
        value = term.values[0]
        begins = term.prefix(value)
        if begins is not None:
            words = "%s::tsquery", f"{_lexeme(begins.lower())}:*"
        else:
            words = "plainto_tsquery('pg_catalog.simple', %s)", value
        if term.negated:
            self._without.append(words)
            return
        self._turns.words.append(words)
        if (value in term.literal and not value.isalnum()) or not any(map(str.isalnum, value)):
            once = json.dumps(value.lower(), ensure_ascii=False)[1:-1]
            twice = json.dumps(once, ensure_ascii=False)[1:-1]
            self._turns.add(
                "(position(%s in lower(t.messages || ' ' || t.response)) > 0"
                " OR position(%s in lower(t.response)) > 0)",
                once,
                twice,
            )

    def _place_id(self, term: Term) -> None:
        found = [key for value in term.values for key in self.names.ids.get(value, ())]
        a = self.main.alias
        if a == "t":
            found += [self.names.turns[key] for key in found if key in self.names.turns]
        columns = ["id", "turn_id", "conversation_id"] if a == "c" else ["id", "conversation_id"]
        condition = " OR ".join(f"{a}.{column} = ANY(%s)" for column in columns)
        given = [found] * len(columns) if found else []
        condition = f"({condition})" if found else "false"
        self.main.add(f"NOT {condition}" if term.negated else condition, *given)
        self.is_few = self.is_few or not term.negated


def findings_as_json(alias: str) -> str:
    """SQL for a row's findings as jsonb, where they are JSON; what it refuses is U+FFFD."""
    return rf"regexp_replace({alias}.findings, '{_REFUSED}', '\1\\ufffd', 'g')::jsonb"


def _is_of_call(term: Term) -> bool:
    """Is the term answered by calls alone?"""
    if term.field == "status":
        return term.values[0] in CALL_STATUS
    return term.field in _OF_CALLS or term.values[0] in ("result", "definition")


def _table(alias: str) -> str:
    name = "conversations_toolcall" if alias == "c" else "conversations_turn"
    return f"{name} {alias}"


def find_calls_by_id(project: int, wire_id: str, most: int) -> Statement:
    """The calls that came with this id; ids repeat."""
    sql = (
        f"SELECT c.id FROM conversations_toolcall c WHERE {terms_of('c', calls=True)}"
        f" @@ %s::tsquery AND c.project_id = %s AND c.call_id = %s LIMIT {most:d}"
    )
    return Statement(sql, [lexeme_of(project, "id", wire_id), project, wire_id])


def lexeme_of(project: int, field: str, value: str) -> str:
    """The lexeme of a value in the index."""
    return _lexeme(f"{project:d}|{field}|{value[:_LONGEST]}")


def _lexeme(text: str) -> str:
    """Text as one lexeme of a tsquery, whatever its characters."""
    return "'" + text.replace("\\", "\\\\").replace("'", "''") + "'"


def _floor(key: UUID) -> UUID:
    return UUID(int=max(0, (key.int >> 80) - _BESIDE) << 80)


def _ceiling(key: UUID) -> UUID:
    return UUID(int=min((key.int >> 80) + _BESIDE, (1 << 48) - 1) << 80)


def bucket(size: float, top: int) -> int:
    """The power of two that a number reaches, as the index has it."""
    return 0 if size < 1 else min(int(math.log2(size)), top)


def cover(low: UUID, high: UUID) -> list[str]:
    """The stretches of the index that hold the keys from ``low`` to ``high``, few and short."""
    for level in _LEVELS:
        first, last = (key.int >> (128 - 4 * level) for key in (low, high))
        if last - first < _STRETCHES or level == _LEVELS[-1]:
            if last - first > 1000:
                first = last - 1000
            return [f"{number:0{level}x}" for number in range(first, last + 1)]
    raise AssertionError("levels are never empty")

"""A filter as SQL over one stretch of keys: values are always parameters.

Two tables hold what is asked for: a turn and its calls have keys of the same time, so that a
stretch of keys holds both. Each table has one inverted index
(``conversations_call_terms``, ``conversations_turn_terms``): which *terms* a row has, and in
which stretches of time it lies. The index finds candidates; the conditions on the columns decide.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal
from uuid import UUID

from conversations.search.asked import Asked, Names, Side, Words
from conversations.search.fields import Kind
from conversations.search.index_sql import terms_of
from conversations.search.lexemes import cover, lexeme_of
from conversations.search.query import Query

_BESIDE = 60_000
"""Milliseconds that the keys of a turn and its calls may lie apart."""
_TEXT = "(t.messages || ' ' || t.response)"

_Way = Literal["index", "columns", "rows"]
"""How one side is asked: by all its terms; by its columns, with words by index; or by its columns,
with the words of each row read, for rows that are few."""


@dataclass(frozen=True, slots=True)
class Statement:
    """SQL with its parameters; rows are (id, conversation)."""

    sql: str
    values: list[Any]


class Finder:
    """One filter over one kind of rows of a project."""

    def __init__(self, query: Query, kind: Kind, project: int, names: Names) -> None:
        self.asked = Asked(query, kind, project, names)
        self.kind, self.project = kind, project
        self.driver: Side | None = None
        """The side that alone is looked up, where both could be; None for both."""

    @property
    def sides(self) -> tuple[Side, Side]:
        """The side that has the rows asked for, and the other."""
        return self.asked.main, self.asked.other

    @property
    def has_words(self) -> bool:
        """Words are looked up, never read row by row but where the rows are few."""
        return bool(self.asked.turns.words or self.asked.without)

    @property
    def is_indexed(self) -> bool:
        return self.asked.is_few or any(side.is_indexed for side in self.sides)

    @property
    def has_choice(self) -> bool:
        """May either of the two sides be looked up, and the other be read row by row?"""
        return all(side.is_indexed for side in self.sides)

    # ---- statements

    def estimate(self, side: Side, low: UUID, high: UUID) -> Statement:
        """The plan for one side's conditions within [low, high), with how many rows it expects.

        A column and its term, or a key and its stretch, would count twice: one of each is asked.
        """
        where, values = self._where_columns(side, low, high)
        if side.words:
            where += f" AND {_have(side, [words.piece for words in side.words])}"
            values += [words.value for words in side.words]
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

    def tally(self, low: UUID, high: UUID, most: int) -> Statement:
        """How many matches there are within [low, high), up to ``most``."""
        sql, values = self._select(low, high, indexed=self.is_indexed)
        return Statement(f"SELECT count(*) FROM ({sql} LIMIT {most:d}) AS hit", values)

    def gather(self, low: UUID, high: UUID, most: int) -> Statement:
        """The conversations of up to ``most`` matches within [low, high), as text, and of how
        many each."""
        sql, values = self._select(low, high, indexed=self.is_indexed)
        return Statement(
            "SELECT conversation_id::text, count(*)"
            f" FROM ({sql} LIMIT {most:d}) AS hit GROUP BY conversation_id",
            values,
        )

    def shown_before(self, conversations: Sequence[UUID], low: UUID, high: UUID) -> Statement:
        """Which of the conversations have a match within [low, high): an earlier page had them."""
        sql, values = self._select(low, high, indexed=False)
        sql += f" AND {self.asked.main.alias}.conversation_id = ANY(%s)"
        return Statement(sql, [*values, list(conversations)])

    def _select(
        self, low: UUID, high: UUID, *, indexed: bool, columns: str = ""
    ) -> tuple[str, list[Any]]:
        main, other = self.sides
        where, values = self._where(main, low, high, self._way(main, indexed=indexed))
        own, its = ("turn_id", "id") if self.kind == "calls" else ("id", "turn_id")
        if other.is_asked:
            way = self._way(other, indexed=indexed or self.has_words)
            inner, more = self._where(other, low, high, way)
            where += (
                f" AND {main.alias}.{own} IN"
                f" (SELECT {other.alias}.{its} FROM {_table(other.alias)} WHERE {inner})"
            )
            values += more
        for words in self.asked.without:
            inner, more = self._where(Side("x", words=[words]), low, high, "index")
            where += (
                f" AND {main.alias}.{own} NOT IN"
                f" (SELECT x.id FROM conversations_turn x WHERE {inner})"
            )
            values += more
        columns = columns or f"{main.alias}.id, {main.alias}.conversation_id"
        return f"SELECT {columns} FROM {_table(main.alias)} WHERE {where}", values

    def _way(self, side: Side, *, indexed: bool) -> _Way:
        if not indexed:
            return "columns"
        return "index" if self.driver in (None, side) else "rows"

    def _where(self, side: Side, low: UUID, high: UUID, way: _Way) -> tuple[str, list[Any]]:
        where, values = self._where_columns(side, low, high)
        if way == "rows":
            for words in side.words:
                condition, more = _read_words(side, words)
                where += f" AND {condition}"
                values += more
        elif side.words or (way == "index" and side.is_indexed):
            asked = [f"({self._stretches(*self._around(side, low, high))})", *side.lexemes]
            pieces = ["%s::tsquery", *(words.piece for words in side.words)]
            where += f" AND {_have(side, pieces)}"
            values += [" & ".join(asked), *(words.value for words in side.words)]
        return where, values

    def _where_columns(self, side: Side, low: UUID, high: UUID) -> tuple[str, list[Any]]:
        a = side.alias
        parts = [f"{a}.project_id = %s", f"{a}.id >= %s", f"{a}.id < %s", *side.conditions]
        return " AND ".join(parts), [self.project, *self._around(side, low, high), *side.values]

    def _around(self, side: Side, low: UUID, high: UUID) -> tuple[UUID, UUID]:
        """A turn and its calls have one time, or nearly: the other side may lie a little beside."""
        return (low, high) if side is self.asked.main else (_floor(low), _ceiling(high))

    def _stretches(self, low: UUID, high: UUID) -> str:
        return " | ".join(
            f"'{self.project:d}@{stretch}'" for stretch in cover(low, UUID(int=high.int - 1))
        )


def _have(side: Side, pieces: Sequence[str]) -> str:
    """The condition that the index answers."""
    return f"{terms_of(side.alias, calls=side.alias == 'c')} @@ ({' && '.join(pieces)})"


def _read_words(side: Side, words: Words) -> tuple[str, list[Any]]:
    """The condition that a turn has the words, for rows that are few: the index is kept out.

    Making a row's terms takes thirty times as long as looking for a part of the words, so that
    comes first; ``\\u00`` may be an escape of that part's own letters.
    """
    have = _have(side, [words.piece])
    if not words.part:
        return f"({have}) IS TRUE", [words.value]
    near = f"position(lower(%s) in lower({_TEXT})) > 0 OR position('\\u00' in {_TEXT}) > 0"
    return f"CASE WHEN {near} THEN {have} ELSE false END", [words.part, words.value]


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


def _floor(key: UUID) -> UUID:
    return UUID(int=max(0, (key.int >> 80) - _BESIDE) << 80)


def _ceiling(key: UUID) -> UUID:
    return UUID(int=min((key.int >> 80) + _BESIDE, (1 << 48) - 1) << 80)

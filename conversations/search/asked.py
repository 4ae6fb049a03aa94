"""What a filter asks of the two tables: conditions on columns, and terms of the indexes."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

from conversations.search.expecting import LIVE, MET_BY_CALL, MET_BY_TURN
from conversations.search.fields import (
    ANY,
    CALL_STATUS,
    MET,
    MISFIRES,
    NOWHERE,
    SOURCES,
    TURN_STATUS,
    VERDICTS,
    Kind,
)
from conversations.search.lexemes import buckets, lexeme_of, quote
from conversations.search.query import Query, Term, read_count, read_duration, read_money
from tools_registry.validation.findings import CODES

_COLUMNS = {"tool": "name", "environment": "environment", "user": '"user"'}
_SHARED = ("model", "provider", "source", "user", "environment", "tag")
"""What a call has of its turn: asked of the side that the index can join it with more."""
_OF_CALLS = ("tool", "version", "pointer", "nth")
_CHOICES = {"verdict": VERDICTS, "source": SOURCES}
_VERSIONS = 24
"""More alternatives than this cost the index more than reading on does."""
_EXPECTING = {"c": "wrong_tool", "t": "missed_call"}
"""Codes of the findings that suggest the tool that was expected."""
# Escapes that jsonb refuses; a backslash that is itself escaped begins none.
_REFUSED = r"(?<!\\)((?:\\\\)*)\\u(?:0000|[dD][89a-fA-F][0-9a-fA-F]{2})"
_WEEK = 7 * 24
# The first key of the hour that is so many hours before that of the call.
_SINCE = f"""(lpad(to_hex(
  (('x' || left(translate(c.id::text, '-', ''), 12))::bit(48)::bigint / 3600000 - {_WEEK}) * 3600000
), 12, '0') || repeat('0', 20))::uuid"""
# Counted no further than it takes to compare.
_NTH = f"""(SELECT count(*) FROM (
  SELECT FROM conversations_toolcall p
  WHERE p.conversation_id = c.conversation_id AND p.project_id = c.project_id AND p.name = c.name
    AND p.id <= c.id AND p.id >= {_SINCE} LIMIT %s) AS counted)"""
_BUCKETS = {"latency": 24, "cost": 30}
"""The last power of two that the index tells apart: of milliseconds, of millionths of a dollar."""


@dataclass(frozen=True, slots=True)
class Names:
    """What values of ``version`` and ``id`` stand for in the project."""

    versions: Mapping[str, Sequence[int]] = field(default_factory=dict)
    ids: Mapping[str, Sequence[UUID]] = field(default_factory=dict)
    turns: Mapping[UUID, UUID] = field(default_factory=dict)
    """The turn of each call among the ids."""


@dataclass(frozen=True, slots=True)
class Words:
    """Words that a turn has: a piece of a tsquery with its parameter. ``part`` stands, but for
    capital letters, in each text that has them; "" where that cannot be said."""

    piece: str
    value: str
    part: str = ""


@dataclass(slots=True)
class Side:
    """What is asked of one table: conditions, and lexemes of its index."""

    alias: str
    conditions: list[str] = field(default_factory=list)
    values: list[Any] = field(default_factory=list)
    lexemes: list[str] = field(default_factory=list)
    words: list[Words] = field(default_factory=list)

    def add(self, condition: str, *values: Any) -> None:
        self.conditions.append(condition)
        self.values += values

    @property
    def is_asked(self) -> bool:
        return bool(self.conditions or self.lexemes or self.words)

    @property
    def is_indexed(self) -> bool:
        return bool(self.lexemes or self.words)


class Asked:
    """A filter over one kind of rows, parted into what calls and what turns are asked for."""

    def __init__(self, query: Query, kind: Kind, project: int, names: Names) -> None:
        self.query, self.kind, self.project, self.names = query, kind, project, names
        self.calls, self.turns = Side("c"), Side("t")
        self.without: list[Words] = []
        """Words that no turn of a match has."""
        self.is_few = False
        """The rows are named elsewhere, so that looking them up beats reading on."""
        self._of_calls = kind == "calls" or any(query.of(name) for name in _OF_CALLS)
        self._shared = self.main
        if kind != "calls" and any(map(_is_of_call, query.terms)):
            self._shared = self.calls
        if any(not term.negated for term in query.of("text")):
            self._shared = self.turns
        for term in query.terms:
            if term.field != "time":
                self._place(term)

    @property
    def main(self) -> Side:
        return self.calls if self.kind == "calls" else self.turns

    @property
    def other(self) -> Side:
        return self.turns if self.kind == "calls" else self.calls

    def _place(self, term: Term) -> None:
        getattr(self, f"_place_{term.field}", self._place_column)(term)

    def _side_of(self, term: Term) -> Side:
        """Verdicts and findings are those of the call wherever a call is asked for."""
        if term.field in _OF_CALLS:
            return self.calls
        if term.field in _SHARED:
            return self._shared
        if term.field in ("verdict", "finding", "layer", "misfire"):
            return self.calls if self._of_calls else self.turns
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
        self, side: Side, column: str, term: Term, values: Sequence[str], *, negated: bool
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
        self, side: Side, name: str, whole: Sequence[str], begins: Sequence[str] = ()
    ) -> None:
        found = [lexeme_of(self.project, name, value) for value in whole]
        found += [f"{lexeme_of(self.project, name, value)}:*" for value in begins]
        if found:
            side.lexemes.append(f"({' | '.join(found)})")

    def _place_version(self, term: Term) -> None:
        found = sorted({pk for value in term.values for pk in self.names.versions.get(value, ())})
        condition = "c.tool_version_id = ANY(%s)"
        if term.negated:
            condition = f"({condition}) IS NOT TRUE"
        elif len(found) <= _VERSIONS:
            self._add_lexemes(self.calls, "version", [str(pk) for pk in found] or ["none"])
        self.calls.add(condition, found)

    def _place_finding(self, term: Term) -> None:
        self._place_codes(term, term.values)

    def _place_layer(self, term: Term) -> None:
        self._place_codes(term, [n for n, code in CODES.items() if code.layer in term.values])

    def _place_misfire(self, term: Term) -> None:
        self._place_codes(term, MISFIRES if ANY in term.values else term.values)

    def _place_expected(self, term: Term) -> None:
        """Findings name it: those with their code are found first, and read."""
        side = self.calls if self._of_calls else self.turns
        code, a = _EXPECTING[side.alias], side.alias
        names = [one for one in term.values if one != MET or one in term.literal]
        options, given = list[str](), list[Any]()
        if len(names) < len(term.values):
            options.append(MET_BY_CALL if side is self.calls else MET_BY_TURN)
            given += [self.project, self.project]
        if names:
            options.append(
                f"CASE WHEN {a}.codes && %s::varchar[] AND {a}.findings IS JSON ARRAY THEN"
                f" {findings_as_json(a)} @> ANY(%s::jsonb[])"
                " ELSE false END"
            )
            wanted = [json.dumps([{"code": code, "suggestion": name}]) for name in names]
            given += [[code], wanted]
        condition = f"({' OR '.join(options)})"
        side.add(f"NOT {condition}" if term.negated else condition, *given)
        if not term.negated and len(names) == len(term.values):
            self._add_lexemes(side, "finding", [code])

    def _place_pointer(self, term: Term) -> None:
        """Beside finding: it is one finding that has the code and stands there."""
        codes = [v for one in self.query.of("finding") if not one.negated for v in one.values]
        path, given = _find_place(term, codes)
        condition = (
            "CASE WHEN c.codes <> '{}' AND c.findings IS JSON ARRAY THEN"
            f" jsonb_path_exists({findings_as_json('c')}, %s::jsonpath, %s::jsonb)"
            " ELSE false END"
        )
        self.calls.add(f"NOT {condition}" if term.negated else condition, path, given)

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
        side, choices = (self.calls, CALL_STATUS) if of_call else (self.turns, TURN_STATUS)
        values = [v for v in choices if (v in term.values) != term.negated]
        kept = ["" if value == "unanswered" else value for value in values]
        side.add(f"{side.alias}.status = ANY(%s)", kept)
        self._add_lexemes(side, "status", kept)

    def _place_label(self, term: Term) -> None:
        """Labels are few: those of the project are looked through first."""
        column = "call_id" if self.kind == "calls" else "turn_id"
        condition = (
            f"{self.main.alias}.id IN (SELECT l.{column} FROM conversations_label l WHERE"
            f" l.project_id = %s AND {LIVE} AND l.{column} IS NOT NULL"
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
            "result": (self.calls, "c.result IS NOT NULL"),
            "definition": (self.calls, "c.tool_version_id IS NOT NULL"),
            "stream": (self.turns, "t.first_token_ms IS NOT NULL"),
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
        self._place_range(self.main, term, "latency_ms", ends)
        self._add_buckets(term, ends)

    def _place_first_token(self, term: Term) -> None:
        """The index knows who streamed, not how soon: the column tells that."""
        ends = [read_duration(value) or 0.0 for value in term.values]
        self._place_range(self.turns, term, "first_token_ms", ends)
        if not term.negated:
            self._add_lexemes(self.turns, "has", ["stream"])

    def _place_cost(self, term: Term) -> None:
        texts = [read_money(value) or "0" for value in term.values]
        self._place_range(self.main, term, "cost", texts)
        self._add_buckets(term, [float(text) * 1e6 for text in texts])

    def _place_nth(self, term: Term) -> None:
        """As conduct ranks calls: among those of their conversation since a week before the hour of
        the call."""
        ends = [read_count(value) or 0 for value in term.values]
        condition, given = _compare(_NTH, term, ends)
        self.calls.add(f"NOT ({condition})" if term.negated else condition, max(ends) + 1, *given)

    def _place_range(self, side: Side, term: Term, column: str, ends: Sequence[Any]) -> None:
        condition, given = _compare(f"{side.alias}.{column}", term, ends)
        side.add(f"({condition}) IS NOT TRUE" if term.negated else f"({condition})", *given)

    def _add_buckets(self, term: Term, sizes: Sequence[float]) -> None:
        """The powers of two of the main side that the comparison leaves."""
        if term.negated:
            return
        least = None if term.comparison in ("<", "<=") else sizes[0]
        most = None if term.comparison in (">", ">=") else sizes[-1]
        held = buckets(least, most, _BUCKETS[term.field])
        self._add_lexemes(self.main, term.field, [str(number) for number in held])

    def _place_text(self, term: Term) -> None:
        value = term.values[0]
        begins = term.prefix(value)
        if begins is not None:
            words = Words("%s::tsquery", f"{quote(begins.lower())}:*", _part_of(begins))
        else:
            piece = "plainto_tsquery('pg_catalog.simple', %s)"
            words = Words(piece, value, _part_of(value))
        if term.negated:
            self.without.append(words)
            return
        self.turns.words.append(words)
        if (value in term.literal and not value.isalnum()) or not any(map(str.isalnum, value)):
            once = json.dumps(value.lower(), ensure_ascii=False)[1:-1]
            twice = json.dumps(once, ensure_ascii=False)[1:-1]
            self.turns.add(
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


def _compare(name: str, term: Term, ends: Sequence[Any]) -> tuple[str, list[Any]]:
    if term.comparison == "..":
        return f"{name} BETWEEN %s AND %s", list(ends)
    return f"{name} {term.comparison} %s", [ends[0]]


def _find_place(term: Term, codes: Sequence[str]) -> tuple[str, str]:
    """A JSON path to findings at one of the term's places, of these codes if there are any, and the
    variables of the path."""
    options: list[str] = []
    given: dict[str, Any] = {"codes": list(codes)}
    for value in term.values:
        begins, name = term.prefix(value), f"at{len(options)}"
        if begins is None and value == NOWHERE and value not in term.literal:
            options.append('!exists(@.pointer) || @.pointer == null || @.pointer == ""')
        else:
            compared = "==" if begins is None else "starts with"
            options.append(f"@.pointer {compared} ${name}")
            given[name] = value if begins is None else begins
    coded = "@.code == $codes[*] && " if codes else ""
    return f"$[*] ? ({coded}({' || '.join(options)}))", json.dumps(given)


def findings_as_json(alias: str) -> str:
    """SQL for a row's findings as jsonb, where they are JSON; what it refuses is U+FFFD."""
    return rf"regexp_replace({alias}.findings, '{_REFUSED}', '\1\ufffd', 'g')::jsonb"


def _is_of_call(term: Term) -> bool:
    """Is the term answered by calls alone?"""
    if term.field == "status":
        return term.values[0] in CALL_STATUS
    return term.field in _OF_CALLS or term.values[0] in ("result", "definition")


def _part_of(text: str) -> str:
    """The longest run of letters and digits that JSON has no reason to escape."""
    return max(re.findall("[A-Za-z0-9]+", text), key=len, default="")

"""The text of a filter bar as a value, and back: ``parse(query.text) == query``.

Terms stand side by side, and all must hold:

    tool:get_weather          a field and its value
    verdict:rejected,flagged  any of several values
    -model:gpt-4*             not, and every value that begins so
    latency:>2s  cost:0.01..1 a comparison, a range (both ends within it)
    time:24h                  the last day; or a date, a time, or a range of them
    "gare de Lyon" weather    words of the text, as they are or in any order
    tool:"with space, comma"  quotes take the rest literally; \\" and \\\\ within them
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

from conversations.search.fields import CALL_STATUS, FIELDS, Field
from tools_registry.validation.near import near

Comparison = Literal["=", ">", ">=", "<", "<=", ".."]
LONGEST = 2000
MOST = 40

_TERM = re.compile(r'(?P<not>-?)(?:(?P<field>[A-Za-z_]+):)?(?P<rest>(?:"(?:\\.|[^"\\])*"|[^\s"])*)')
_UNTYPED = re.compile("[\x00\ud800-\udfff]")
_ITEM = re.compile(r'"((?:\\.|[^"\\])*)"|([^",]+)')
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_DURATION = re.compile(r"(\d{1,12}(?:\.\d{1,6})?)(ms|s|m|h)?")
_COUNT = re.compile(r"\d{1,4}")
_MONEY = re.compile(r"\$?(\d{1,9}(?:\.\d{1,9})?)")
_SPAN = re.compile(r"(\d{1,4})([mhdw])")
_MOMENT = re.compile(r"(\d{4})-(\d\d)-(\d\d)(?:T(\d\d):(\d\d)(?::(\d\d)(?:\.\d{1,6})?)?Z?)?")
_MILLISECONDS = {"ms": 1.0, "s": 1e3, "m": 6e4, "h": 3.6e6}
_SPANS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


class BadQuery(ValueError):
    """The text is no filter. ``term`` is what is wrong, ``instead`` the text with it put right."""

    def __init__(self, term: str, problem: str, instead: str = "") -> None:
        super().__init__(problem)
        self.term, self.problem, self.instead = term, problem, instead


@dataclass(frozen=True, slots=True)
class Term:
    """One condition. ``values`` are alternatives; a comparison has one, a range two.

    ``literal`` are those that were quoted: their ``*`` is a character.
    """

    field: str
    values: tuple[str, ...]
    negated: bool = False
    comparison: Comparison = "="
    literal: frozenset[str] = frozenset()

    @property
    def text(self) -> str:
        sign = "-" if self.negated else ""
        name = f"{self.field}:"
        if self.comparison == "..":
            return f"{sign}{name}{self.values[0]}..{self.values[1]}"
        if self.comparison != "=":
            return f"{sign}{name}{self.comparison}{self.values[0]}"
        return sign + name + ",".join(self._write(value) for value in self.values)

    @property
    def written(self) -> str:
        """The values alone, as they are shown."""
        return self.text.removeprefix("-").removeprefix(f"{self.field}:")

    def _write(self, value: str) -> str:
        plain = self.field == "text" or not re.search(r'[\s",]', value)
        if plain and value not in self.literal:
            return value
        escaped = value.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{escaped}"'

    def prefix(self, value: str) -> str | None:
        """What a value begins with, where it ends in ``*``; None for a whole value."""
        if value in self.literal or not value.endswith("*"):
            return None
        return value[:-1]


@dataclass(frozen=True, slots=True)
class Query:
    """All terms of a filter, in the order of their writing."""

    terms: tuple[Term, ...] = ()

    @property
    def text(self) -> str:
        return " ".join(term.text for term in self.terms)

    def __bool__(self) -> bool:
        return bool(self.terms)

    def without(self, *gone: Term) -> Query:
        return Query(tuple(term for term in self.terms if term not in gone))

    def having(self, *more: Term) -> Query:
        return Query((*self.terms, *(term for term in more if term not in self.terms)))

    def of(self, field: str) -> tuple[Term, ...]:
        return tuple(term for term in self.terms if term.field == field)

    def replacing(self, field: str, *terms: Term) -> Query:
        """The query with these terms in place of all of the field."""
        return self.without(*self.of(field)).having(*terms)


def parse(text: str) -> Query:
    """The value of a filter's text. Raises BadQuery, and nothing else, for any text."""
    if len(text) > LONGEST:
        raise BadQuery(text[:40], f"A filter has at most {LONGEST:,} characters.")
    if wrong := _UNTYPED.search(text):
        raise BadQuery("", f"A filter cannot hold the character U+{ord(wrong[0]):04X}.")
    terms = [_read(match) for match in _split(text)]
    if len(terms) > MOST:
        raise BadQuery("", f"A filter has at most {MOST} terms.")
    return Query(tuple(dict.fromkeys(terms)))


def _split(text: str) -> Iterator[re.Match[str]]:
    at = 0
    while at < len(text):
        if text[at].isspace():
            at += 1
            continue
        match = _TERM.match(text, at)
        if match is None or match.end() == at or _ends_open(text, match.end()):
            raise BadQuery(text[at : at + 40], "A quotation mark has no partner.", f'{text}"')
        yield match
        at = match.end()


def _ends_open(text: str, end: int) -> bool:
    return end < len(text) and not text[end].isspace()


def _read(match: re.Match[str]) -> Term:
    whole, negated, rest = match[0], bool(match["not"]), match["rest"]
    name = match["field"]
    if name is None:
        return _read_words(whole, negated, rest)
    field = FIELDS.get(name.lower())
    if field is None:
        raise _unknown(match, name)
    if not rest:
        raise BadQuery(whole, f"{field.name}: has no value, such as {field.example}.")
    if field.shape == "text":
        return _read_words(whole, negated, rest)
    if field.compares and (found := _read_comparison(field, negated, rest)):
        _check(field, whole, found)
        return found
    values, literal = _read_values(whole, rest)
    if field.shape == "choice":
        values = tuple(dict.fromkeys(value.lower() for value in values))
    term = Term(field.name, values, negated, "=", literal if field.heeds_quotes else frozenset())
    _check(field, whole, term)
    return term


def _unknown(match: re.Match[str], name: str) -> BadQuery:
    close = near(name, FIELDS)
    if close is None:
        close = next((known for known in FIELDS if len(name) > 1 and known.startswith(name)), None)
    sign, rest = match["not"], match["rest"]
    if close:
        said = f"There is no field {name}. Did you mean {close}?"
        return BadQuery(match[0], said, f"{sign}{close}:{rest}")
    said = f"There is no field {name}. To look for the text itself, put it in quotes."
    return BadQuery(match[0], said, f'{sign}"{name}:{rest.replace(chr(34), "")}"')


def _read_words(whole: str, negated: bool, rest: str) -> Term:
    if not rest:
        raise BadQuery(whole, "A minus stands before what must not be.")
    values, literal = _read_values(whole, rest, commas=False)
    term = Term("text", values, negated, "=", literal)
    _check(FIELDS["text"], whole, term)
    return term


def _read_values(
    whole: str, rest: str, *, commas: bool = True
) -> tuple[tuple[str, ...], frozenset[str]]:
    """The values between commas, each quoted or not; and those that were quoted."""
    if not commas and not rest.startswith('"'):
        if not rest or '"' in rest:
            raise BadQuery(whole, "Quotes stand around a whole value.")
        return (rest,), frozenset()
    values: dict[str, None] = {}
    literal, at = set(), 0
    while at < len(rest):
        item = _ITEM.match(rest, at)
        if item is None or (item.end() < len(rest) and rest[item.end()] != ","):
            raise BadQuery(whole, "Values are parted by single commas, quotes around a whole one.")
        value = item[2] if item[1] is None else _ESCAPED.sub(r"\1", item[1])
        if not value.strip():
            raise BadQuery(whole, "A value is empty.")
        values[value] = None
        if item[1] is not None:
            literal.add(value)
        at = item.end() + 1
    if not values or rest.endswith(",") or (not commas and len(values) > 1):
        raise BadQuery(whole, "A value is missing beside a comma, or there is one too many.")
    return tuple(values), frozenset(literal)


def _read_comparison(field: Field, negated: bool, rest: str) -> Term | None:
    for sign in (">=", "<=", ">", "<"):
        if rest.startswith(sign):
            return Term(field.name, (rest[len(sign) :],), negated, sign)
    first, between, last = rest.partition("..")
    return Term(field.name, (first, last), negated, "..") if between else None


def _check(field: Field, whole: str, term: Term) -> None:
    for value in term.values:
        if term.prefix(value) == "":
            raise BadQuery(whole, "* stands after the beginning of a value.")
        if field.shape == "choice" and value not in field.choices:
            close = near(value, field.choices)
            cure = f" Did you mean {close}?" if close else f" It is one of {_list(field)}."
            instead = whole.replace(value, close) if close else ""
            raise BadQuery(whole, f"{field.name} is never {value}.{cure}", instead)
        if field.shape == "duration" and read_duration(value) is None:
            raise BadQuery(
                whole, f"{value or 'Nothing'} is no duration, such as 800ms, 2s or 1.5m."
            )
        if field.shape == "money" and read_money(value) is None:
            raise BadQuery(whole, f"{value or 'Nothing'} is no amount of dollars, such as 0.01.")
        if field.shape == "count" and read_count(value) is None:
            raise BadQuery(whole, f"{value or 'Nothing'} is no number up to 9999, such as 5.")
    if field.compares and term.comparison == "=" and len(term.values) > 1:
        raise BadQuery(whole, f"{field.name} takes one value, a comparison or a range.")
    if field.shape == "time":
        _check_time(whole, term)
    if field.name == "has" and len(term.values) > 1:
        raise BadQuery(whole, "has: takes one value; write it twice where both must be.")
    if field.name == "status" and 0 < len(set(term.values) & set(CALL_STATUS)) < len(term.values):
        raise BadQuery(whole, "A status is that of a call or that of a turn, not of both at once.")


def _list(field: Field) -> str:
    shown = ", ".join(field.choices[:12])
    return shown if len(field.choices) <= 12 else f"{shown} and others"


def _check_time(whole: str, term: Term) -> None:
    spans = [read_span(value) for value in term.values]
    if term.negated or (term.comparison != "=" and any(spans)):
        raise BadQuery(whole, "Give a time as 24h, as a day, as >… or <…, or as a range.")
    moments = [read_moment(value) for value in term.values]
    for value, span, moment in zip(term.values, spans, moments, strict=True):
        if span is None and moment is None:
            said = f"{value or 'Nothing'} is no time, such as 24h, 2024-02-03 or 2024-02-03T02:46."
            raise BadQuery(whole, said)
    if term.comparison == ".." and moments[0] > moments[1]:  # type: ignore[operator]
        raise BadQuery(whole, "The range ends before it begins.")


# ---- values


def read_duration(text: str) -> float | None:
    """Milliseconds; a bare number is milliseconds. None where the text is no duration."""
    match = _DURATION.fullmatch(text)
    found = float(match[1]) * _MILLISECONDS[match[2] or "ms"] if match else None
    return found if found is not None and math.isfinite(found) else None


def read_money(text: str) -> str | None:
    """Dollars as decimal text; None where the text is no amount."""
    match = _MONEY.fullmatch(text)
    return match[1] if match else None


def read_count(text: str) -> int | None:
    """A whole number; None where the text is none, or a larger one."""
    return int(text) if _COUNT.fullmatch(text) and text.isascii() else None


def read_span(text: str) -> timedelta | None:
    """How long ago: ``15m``, ``24h``, ``7d``, ``2w``."""
    match = _SPAN.fullmatch(text)
    return timedelta(**{_SPANS[match[2]]: int(match[1])}) if match else None


def read_moment(text: str) -> datetime | None:
    """A day or a time of day, UTC; None where the text is neither."""
    match = _MOMENT.fullmatch(text)
    if match is None or not match[0].isascii():
        return None
    try:
        year, month, day, hour, minute, second = (int(part or 0) for part in match.groups())
        return datetime(year, month, day, hour, minute, second, tzinfo=UTC)
    except ValueError:
        return None


def read_times(query: Query, now: datetime) -> tuple[datetime | None, datetime | None]:
    """From when to before when; None where nothing bounds it. A day ends with the day."""
    first: list[datetime] = []
    last: list[datetime] = []
    for term in query.of("time"):
        if span := read_span(term.values[0]):
            first.append(now - span)
            continue
        begins = read_moment(term.values[0]) or now
        ends = _end(term.values[-1])
        if term.comparison in ("=", "..", ">="):
            first.append(begins)
        if term.comparison == ">":
            first.append(ends)
        if term.comparison in ("=", "..", "<="):
            last.append(ends)
        if term.comparison == "<":
            last.append(begins)
    return max(first, default=None), min(last, default=None)


def _end(text: str) -> datetime:
    """The moment after a day, a minute or a second."""
    moment = read_moment(text) or datetime.max.replace(tzinfo=UTC)
    length = {10: timedelta(days=1), 16: timedelta(minutes=1)}.get(
        len(text.removesuffix("Z")), timedelta(seconds=1)
    )
    try:
        return moment + length
    except OverflowError:
        return moment

"""The text of a filter: what it means, what is wrong with it, and the way back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.lib import uuid7
from conversations.search.fields import FIELDS
from conversations.search.lexemes import cover
from conversations.search.query import BadQuery, Query, Term, parse, read_times

NOW = datetime(2024, 2, 3, 3, 4, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("", ()),
        ("  \t ", ()),
        ("tool:get_weather", (Term("tool", ("get_weather",)),)),
        ("TOOL:get_weather", (Term("tool", ("get_weather",)),)),
        ("-tool:a", (Term("tool", ("a",), negated=True),)),
        ("tool:a,b*", (Term("tool", ("a", "b*")),)),
        ('tool:"a, b"', (Term("tool", ("a, b",), literal=frozenset(["a, b"])),)),
        ('tool:"get_*"', (Term("tool", ("get_*",), literal=frozenset(["get_*"])),)),
        ("tag:app:web", (Term("tag", ("app:web",)),)),
        ("verdict:Rejected,flagged", (Term("verdict", ("rejected", "flagged")),)),
        ("latency:>2s", (Term("latency", ("2s",), comparison=">"),)),
        ("nth:2..5", (Term("nth", ("2", "5"), comparison=".."),)),
        ("first_token:<=1s", (Term("first_token", ("1s",), comparison="<="),)),
        ("latency:800ms..1.5s", (Term("latency", ("800ms", "1.5s"), comparison=".."),)),
        ("cost:>=$0.01", (Term("cost", ("$0.01",), comparison=">="),)),
        ("weather", (Term("text", ("weather",)),)),
        ("-weather", (Term("text", ("weather",), negated=True),)),
        ("a,b", (Term("text", ("a,b",)),)),
        ('"gare de Lyon"', (Term("text", ("gare de Lyon",), literal=frozenset(["gare de Lyon"])),)),
        (r'"a \"b\" \\"', (Term("text", ('a "b" \\',), literal=frozenset(['a "b" \\'])),)),
        ("a a", (Term("text", ("a",)),)),
    ],
)
def test_it_reads_terms(text: str, terms: tuple[Term, ...]) -> None:
    assert parse(text) == Query(terms)


@pytest.mark.parametrize(
    ("text", "problem", "instead"),
    [
        ("verdct:rejected", "Did you mean verdict?", "verdict:rejected"),
        ("-latncy:>2s", "Did you mean latency?", "-latency:>2s"),
        ("http://a", "put it in quotes", '"http://a"'),
        ("verdict:rejectd", "Did you mean rejected?", "verdict:rejected"),
        ("verdict:maybe", "It is one of rejected, flagged, accepted.", ""),
        ("finding:mising_required", "Did you mean missing_required?", "finding:missing_required"),
        ("tool:", "tool: has no value, such as tool:get_weather.", ""),
        ("tool:a,", "A value is missing beside a comma", ""),
        ("tool:a,,b", "single commas", ""),
        ('tool:""', "A value is empty.", ""),
        ("tool:*", "* stands after the beginning", ""),
        ("latency:>fast", "fast is no duration", ""),
        ("latency:..2s", "Nothing is no duration", ""),
        ("nth:>many", "many is no number up to 9999", ""),
        ("nth:12345", "12345 is no number", ""),
        ("cost:lots", "lots is no amount of dollars", ""),
        ("time:yesterday", "yesterday is no time", ""),
        ("time:2024-13-01", "2024-13-01 is no time", ""),
        ("time:2024-02-04..2024-02-03", "ends before it begins", ""),
        ("-time:24h", "Give a time as 24h", ""),
        ("time:>24h", "Give a time as 24h", ""),
        ("status:ok,failed", "of a call or that of a turn", ""),
        ("has:result,error", "takes one value", ""),
        ('"open', "has no partner", '"open"'),
        ("-", "A minus stands before", ""),
        ("a\0b", "U+0000", ""),
        ("a" * 3000, "at most 2,000 characters", ""),
        (" ".join(f"w{n}" for n in range(50)), "at most 40 terms", ""),
    ],
)
def test_it_says_what_is_wrong(text: str, problem: str, instead: str) -> None:
    with pytest.raises(BadQuery) as caught:
        parse(text)
    assert problem in caught.value.problem
    assert caught.value.instead == instead


@pytest.mark.parametrize("field", FIELDS.values(), ids=lambda field: field.name)
def test_the_example_of_every_field_is_a_filter_of_it(field: object) -> None:
    assert [term.field for term in parse(field.example).terms] == [field.name]  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("", None, None),
        ("time:24h", NOW - timedelta(hours=24), None),
        ("time:2024-02-03", datetime(2024, 2, 3, tzinfo=UTC), datetime(2024, 2, 4, tzinfo=UTC)),
        (
            "time:2024-02-03T02:00..2024-02-03T02:59",
            datetime(2024, 2, 3, 2, tzinfo=UTC),
            datetime(2024, 2, 3, 3, tzinfo=UTC),
        ),
        ("time:>2024-02-02", datetime(2024, 2, 3, tzinfo=UTC), None),
        ("time:>=2024-02-02", datetime(2024, 2, 2, tzinfo=UTC), None),
        ("time:<2024-02-02", None, datetime(2024, 2, 2, tzinfo=UTC)),
        ("time:<=2024-02-02", None, datetime(2024, 2, 3, tzinfo=UTC)),
    ],
)
def test_times_are_bounds(text: str, first: datetime | None, last: datetime | None) -> None:
    assert read_times(parse(text), NOW) == (first, last)


_PIECES = st.sampled_from(
    ["tool:", "-", '"', ":", ",", " ", "*", "verdict:rejected", "latency:>", "2s", "..", "\\",
     "time:", "24h", "2024-02-03", "has:", "label", "cost:", "0.1", "text:", "\x00", "é", "\ud800"]
)  # fmt: skip
_TEXTS = st.one_of(
    st.text(max_size=80),
    st.lists(st.one_of(_PIECES, st.text(max_size=4)), max_size=14).map("".join),
)


@given(_TEXTS)
def test_any_text_is_a_filter_or_an_error_that_says_why(text: str) -> None:
    try:
        query = parse(text)
    except BadQuery as error:
        assert error.problem
        if error.instead:
            assert isinstance(error.instead, str)
        return
    assert parse(query.text) == query
    read_times(query, NOW)


_TYPED = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1)


@given(st.lists(_TYPED.filter(lambda text: bool(text.strip())), min_size=1, max_size=4))
def test_any_value_can_be_quoted(values: list[str]) -> None:
    values = list(dict.fromkeys(values))
    query = Query((Term("tool", tuple(values), literal=frozenset(values)),))
    if len(query.text) <= 2000:
        assert parse(query.text) == query


@given(st.datetimes(datetime(1971, 1, 1), datetime(2100, 1, 1)), st.integers(0, 10**9))
def test_stretches_cover_their_keys(start: datetime, seconds: int) -> None:
    low = uuid7.floor(start.replace(tzinfo=UTC))
    high = uuid7.floor(start.replace(tzinfo=UTC) + timedelta(seconds=seconds))
    stretches = cover(low, high)
    assert len(stretches) <= 1001
    for key in (low, high):
        assert any(key.hex.startswith(stretch) for stretch in stretches)

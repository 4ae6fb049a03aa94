"""Which suspect comes first: small worlds with one cause, and with what only looks like one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from random import Random

import pytest

from conversations.incidents.series import Change, Seen, Share, Trait, find_onset
from conversations.incidents.suspects import Ranking, rank

START = datetime(2024, 2, 3, 2, 43, 10, tzinfo=UTC)
V6, V7 = ("version", "get_weather@v6"), ("version", "get_weather@v7")
OLD_MODEL, NEW_MODEL = ("model", "gpt-4-0125"), ("model", "gpt-4-0409")
WEB, APP = ("tag", "client:web"), ("tag", "client:app/2.4")
BASE = 0.02


@dataclass(frozen=True)
class Call:
    """One call in the making: ``minute`` counts from START."""

    minute: float
    index: int
    version: Trait = V6
    model: Trait = OLD_MODEL
    client: Trait = WEB
    rate: float = BASE

    @property
    def is_after(self) -> bool:
        return self.minute >= 0


@cache
def make(change: Callable[[Call], Call], *, before: float = 2, after: float = 5) -> list[Seen]:
    """Eight hours before START and half an hour after, with calls a minute; the same each time."""
    random = Random(7)
    times = [m - 480 for m in _spread(480, before)] + list(_spread(30, after))
    calls = [change(Call(minute, index)) for index, minute in enumerate(times)]
    return [
        Seen(
            START + timedelta(minutes=call.minute),
            random.random() < call.rate,
            (call.version, call.model, call.client, ("provider", "openai"), ("source", "otlp")),
        )
        for call in calls
    ]


def _spread(minutes: int, rate: float) -> Iterator[float]:
    return (index / rate for index in range(int(minutes * rate)))


def renamed(call: Call) -> Call:
    """v7 takes over within a few minutes, and most of its calls are bad."""
    if call.is_after and (call.minute > 8 or call.index % 2):
        return replace(call, version=V7, rate=0.87)
    return call


def all_at_once(call: Call) -> Call:
    return replace(call, version=V7, rate=0.87) if call.is_after else call


def harmless_version(call: Call) -> Call:
    """v7 comes at the same time as a model that is to blame, with half of the calls each."""
    call = replace(call, version=V7) if call.is_after and call.index % 2 else call
    if call.is_after and call.index % 4 < 2:
        call = replace(call, model=NEW_MODEL, rate=0.6)
    return call


def model_only(call: Call) -> Call:
    if call.is_after:
        return replace(call, model=NEW_MODEL, rate=0.5)
    return call


def client_only(call: Call) -> Call:
    """The new client brings its own version of nothing: only its calls are bad."""
    if call.is_after and call.index % 3 == 0:
        return replace(call, client=APP, rate=0.8)
    return call


def router_only(call: Call) -> Call:
    """A harmless version is being rolled out while a router's change spoils half of all calls."""
    call = replace(call, rate=0.5) if call.is_after else call
    return replace(call, version=V7) if call.is_after and call.index % 2 else call


def outage(call: Call) -> Call:
    """One of two models that were there all along fails."""
    call = replace(call, model=NEW_MODEL) if call.index % 2 else call
    return replace(call, rate=0.9) if call.is_after and call.index % 2 else call


def nothing(call: Call) -> Call:
    return call


def from_nowhere(call: Call) -> Call:
    """Half of the calls are bad from a moment on, and nothing that is recorded has changed."""
    return replace(call, rate=0.5) if call.is_after else call


ROUTER = Change("router", "By domain v3", START - timedelta(minutes=4))


@pytest.mark.parametrize(
    ("world", "changes", "first"),
    [
        (renamed, (), V7),
        (all_at_once, (), V7),
        (renamed, (ROUTER,), V7),
        (all_at_once, (ROUTER,), V7),
        (model_only, (), NEW_MODEL),
        (harmless_version, (), NEW_MODEL),
        (harmless_version, (ROUTER,), NEW_MODEL),
        (client_only, (), APP),
        (client_only, (ROUTER,), APP),
        (router_only, (ROUTER,), ("router", "By domain v3")),
        (outage, (ROUTER,), NEW_MODEL),
    ],
    ids=lambda value: value.__name__ if callable(value) else None,
)
def test_the_cause_comes_first(
    world: Callable[[Call], Call], changes: tuple[Change, ...], first: Trait
) -> None:
    found = rank(make(world), START, first_seen={V7: START}, changes=changes)
    assert found.first is not None and found.first.trait == first
    assert found.has_risen


@pytest.mark.parametrize("world", [nothing, from_nowhere])
def test_it_names_no_suspect_where_nothing_changed(world: Callable[[Call], Call]) -> None:
    found = rank(make(world), START)
    assert found.first is None
    assert found.compared == {"version": 1, "model": 1, "tag": 1, "provider": 1, "source": 1}


def test_a_rise_without_a_cause_is_still_a_rise() -> None:
    assert rank(make(from_nowhere), START).has_risen
    assert not rank(make(nothing), START).has_risen


def test_more_calls_are_no_suspect_but_are_said() -> None:
    """Ten times the traffic brings ten times the bad calls, and a harmless version with it."""

    def spike(call: Call) -> Call:
        return replace(call, version=V7) if call.is_after and call.index % 2 else call

    found = rank(make(spike, before=4, after=40), START, first_seen={V7: START})
    assert found.first is None and found.is_traffic
    assert found.pace == pytest.approx(10, rel=0.05)


def test_it_says_by_how_much_a_suspect_explains() -> None:
    found = rank(make(renamed), START, first_seen={V7: START})
    first = found.first
    assert first is not None and first.grade == "likely" and first.is_new
    assert first.covered.part >= 0.97 * first.covered.whole
    assert first.inside.value > 0.8 and first.outside.value < 0.1
    assert found.usual.value == pytest.approx(BASE, abs=0.01)
    assert first.lag is not None and timedelta() <= first.lag < timedelta(minutes=2)


def test_what_was_there_all_along_is_ruled_out() -> None:
    found = rank(make(all_at_once), START, first_seen={V7: START})
    graded = {one.trait: one.grade for one in found.suspects}
    assert graded[OLD_MODEL] == graded[WEB] == graded["provider", "openai"] == "ruled out"


def test_of_two_with_the_same_calls_the_diff_decides() -> None:
    """A version and a client's tag come together; only the version's definition breaks calls."""

    def together(call: Call) -> Call:
        return replace(call, version=V7, client=APP, rate=0.8) if call.is_after else call

    weighed = rank(make(together), START, first_seen={V7: START}, weights={V7: 1.3})
    assert weighed.first is not None and weighed.first.trait == V7
    assert {one.trait: one.along for one in weighed.suspects}[APP] == V7
    harmless = rank(make(together), START, first_seen={V7: START}, weights={V7: 0.5})
    assert harmless.first is not None and harmless.first.trait == APP


def test_one_conversation_that_made_most_of_the_calls_is_named() -> None:
    random = Random(3)
    quiet = [
        Seen(START - timedelta(minutes=m), False, (V6, ("conversation", f"c{m // 3}")))
        for m in range(300)
    ]
    loud = [
        Seen(START + timedelta(seconds=9 * n), random.random() < 0.95, (V6, ("conversation", "x")))
        for n in range(247)
    ]
    found = rank([*quiet, *loud], START)
    assert found.first is not None and found.first.trait == ("conversation", "x")


def test_a_rare_value_is_not_taken_for_a_new_one() -> None:
    """A tag on one call in 50 that happens to be seen for the first time after the onset."""
    rare = ("tag", "beta")
    series = [
        replace(row, traits=(*row.traits, rare)) if index == len(calls) - 40 else row
        for calls in [make(all_at_once)[-180:]]
        for index, row in enumerate(calls)
    ]
    found = rank(series, START, first_seen={V7: START})
    assert rare not in {one.trait for one in found.suspects if one.is_new}


def test_a_version_that_came_after_the_rise_is_not_its_cause() -> None:
    def later(call: Call) -> Call:
        if call.minute > 15:
            return replace(call, version=("version", "get_weather@v8"), rate=0.85)
        return all_at_once(call)

    found = rank(make(later), START, first_seen={V7: START})
    assert found.first is not None and found.first.trait == V7


@pytest.mark.parametrize(("count", "grade"), [(1, "possible"), (40, "likely")])
def test_few_calls_prove_little(count: int, grade: str) -> None:
    series = [Seen(START - timedelta(minutes=m), False, (V6,)) for m in range(1, 100)]
    series += [Seen(START + timedelta(seconds=n), True, (V7,)) for n in range(count)]
    first = rank(series, START, first_seen={V7: START}).first
    assert first is not None and first.trait == V7 and first.grade == grade


def test_the_onset_is_where_the_share_rose_not_where_somebody_looked() -> None:
    series = make(all_at_once)
    hours_ago = START - timedelta(hours=5)
    found = rank(series, hours_ago, first_seen={V7: START})
    assert found.onset is not None
    assert abs(found.onset - START) < timedelta(minutes=2)
    assert found.first is not None and found.first.trait == V7


@pytest.mark.parametrize(
    "series", [[], [Seen(START, False)], [Seen(START, True)], [Seen(START, True, (V7,))] * 3]
)
def test_it_stands_series_too_small_to_say_anything(series: list[Seen]) -> None:
    found = rank(series, START, changes=[ROUTER])
    assert isinstance(found, Ranking) and not found.has_risen
    assert found.since == Share(sum(row.bad for row in series), len(series))
    assert find_onset(series, START) == (START, False)

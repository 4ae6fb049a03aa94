"""What the Cost page sums is what the rows say, to a millionth of a dollar."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from analytics.conduct.figures import read_ranks
from analytics.costs.figures import ZERO, by_tool, read_spent, total
from analytics.costs.savings import read_idle, save_prompts, save_tools
from analytics.costs.tops import read_top
from analytics.filters import Filter, read_filter
from analytics.spans import DAY, HOUR, MONTH, Span
from console.accounts.models import Project
from conversations.models import ToolCall, Turn
from conversations.search.fields import MISFIRES
from tests.costs.world import add_turn, compute
from tests.factories import make_conversation, make_project, make_tool_version, make_toolset

START = datetime(2026, 3, 1, tzinfo=UTC)
SPANS = [
    Span(START, START + timedelta(days=2), HOUR),
    Span(START, START + timedelta(days=2), DAY),
    Span(START, datetime(2026, 4, 1, tzinfo=UTC), MONTH),
]
_MONEY = st.one_of(st.none(), st.decimals(0, 50, places=9))
_CALL = st.fixed_dictionaries(
    {
        "name": st.sampled_from(["get_weather", "pay", "x"]),
        "cost": _MONEY,
        "codes": st.sampled_from([[], ["wrong_type"], ["repeated_call"]]),
    }
)
_TURN = st.tuples(
    st.integers(0, 47),
    st.integers(0, 2),
    st.sampled_from(["gpt-4o", "a-model", ""]),
    _MONEY,
    st.lists(_CALL, max_size=3),
    st.sampled_from([[], ["app:web"], ["app:web", "team:x"]]),
)


def _near(one: Decimal, other: Decimal) -> bool:
    return abs(one - other) < Decimal("0.000001")


def _store(project: Project, turns: list[Any]) -> None:
    talks = [make_conversation(project, key=f"k{n}", source="api") for n in range(3)]
    for number, (hour, who, model, cost, calls, tags) in enumerate(turns):
        at = START + timedelta(hours=hour, seconds=number)
        add_turn(talks[who], at, calls, model=model, cost=cost, tags=tags, user=f"u{who}")
    compute()


def _rows(project: Project) -> tuple[list[Turn], dict[Any, list[ToolCall]]]:
    calls: dict[Any, list[ToolCall]] = defaultdict(list)
    for call in ToolCall.objects.filter(project=project).order_by("id"):
        calls[call.turn_id].append(call)
    return list(Turn.objects.filter(project=project).order_by("id")), calls


@pytest.mark.django_db
@settings(max_examples=6, suppress_health_check=list(HealthCheck))
@given(st.lists(_TURN, min_size=1, max_size=14))
def test_every_sum_is_that_of_the_rows(turns: list[Any]) -> None:
    project = make_project()
    _store(project, turns)
    rows, calls = _rows(project)
    models = sum((turn.cost or ZERO for turn in rows), ZERO)
    tools = sum((call.cost or ZERO for held in calls.values() for call in held), ZERO)
    by_name: dict[str, Decimal] = defaultdict(lambda: ZERO)
    misfire, ranks = ZERO, Counter[tuple[str, int]]()
    users: dict[str, Decimal] = defaultdict(lambda: ZERO)
    seen: Counter[tuple[Any, str]] = Counter()
    for turn in rows:
        held = calls[turn.pk]
        for call in held:
            share = (turn.cost or ZERO) / len(held) + (call.cost or ZERO)
            by_name[call.name] += share
            misfire += share if set(call.codes) & set(MISFIRES) else ZERO
            seen[call.conversation_id, call.name] += 1
            ranks[call.name, seen[call.conversation_id, call.name]] += 1
        whole = (turn.cost or ZERO) + sum((call.cost or ZERO for call in held), ZERO)
        users[turn.user] += whole
        if not held:
            by_name[""] += turn.cost or ZERO
    for span in SPANS:
        read = read_spent(project, Filter(), span, [(), ("start",), ("model",), ("tool",)])
        found = total(read)
        assert _near(found.model, models) and _near(found.tools, tools)
        assert _near(found.misfire, misfire)
        assert found.unpriced == sum(turn.cost is None for turn in rows)
        for group in (("start",), ("model",)):
            assert _near(sum((one.cost for one in read[group].values()), ZERO), models + tools)
        named = {name: one.cost for name, one in by_tool(read, found)}
        assert all(_near(named.get(name, ZERO), cost) for name, cost in by_name.items())
        assert _near(sum(named.values(), ZERO), models + tools)
        top = read_top(project, "user", Filter(), span)
        assert all(_near(row.cost, users[row.key]) for row in top.rows) and top.bound == 0
        talks = read_top(project, "conversation", Filter(), span)
        assert _near(sum((row.cost for row in talks.rows), ZERO), models + tools)
        counted = {
            (one.tool, rank): number
            for one in read_ranks(project, Filter(), span)
            for rank, number in one.calls.items()
        }
        assert counted == dict(ranks)


@pytest.mark.django_db
def test_late_calls_move_the_ranks_of_those_after_them() -> None:
    project = make_project()
    talk = make_conversation(project, source="api")
    call = {"name": "get_weather"}
    for hour in (3, 30):
        add_turn(talk, START + timedelta(hours=hour), [call, call])
    compute()
    add_turn(talk, START + timedelta(hours=1), [call])
    compute()
    (ranks,) = read_ranks(project, Filter(), SPANS[1])
    assert ranks.calls == dict.fromkeys(range(1, 6), 1)
    Turn.objects.filter(project=project).delete()
    ToolCall.objects.filter(project=project).delete()
    compute()
    assert not read_ranks(project, Filter(), SPANS[1])


@pytest.mark.django_db
def test_a_filter_by_tool_counts_what_its_calls_carry() -> None:
    project = make_project()
    talk = make_conversation(project, source="api")
    calls: list[dict[str, Any]] = [{"name": "get_weather"}, {"name": "pay", "cost": Decimal(1)}]
    add_turn(talk, START + timedelta(hours=3), calls, cost=Decimal(4), model="gpt-4o")
    compute()
    for text, cost in (("tool:pay", 3), ("tool:pay model:gpt-4o", 3), ("tool:pay model:x", 0)):
        kept = read_filter(project, text)
        assert total(read_spent(project, kept, SPANS[1])).cost == cost, text


@pytest.mark.django_db
def test_who_is_not_among_the_dearest_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    from analytics.costs import rollup

    monkeypatch.setattr(rollup, "KEPT", 2)
    monkeypatch.setattr(rollup, "KEPT_LONGER", 2)
    project = make_project()
    for number in range(4):
        for hour in range(2):
            talk = make_conversation(project, source="api")
            at = START + timedelta(hours=hour, seconds=number)
            dollars = Decimal(number + 1) if hour else Decimal(4 - number)
            add_turn(talk, at, cost=dollars, user=f"u{number}")
    compute()
    for span in SPANS[:2]:
        top = read_top(project, "user", Filter(), span)
        real = dict.fromkeys((f"u{n}" for n in range(4)), Decimal(5))
        assert all(real[row.key] - row.cost <= top.bound for row in top.rows)
        assert sum((row.cost for row in top.rows), ZERO) + top.others == 20
        assert top.bound > 0
        assert read_top(project, "user", read_filter(project, "source:api"), span) == top


@pytest.mark.django_db
def test_caches_save_and_idle_definitions_cost() -> None:
    project = make_project()
    weather = make_tool_version(project)
    toolset = make_toolset(weather)
    talk = make_conversation(project, source="api")
    told: dict[str, Any] = {"status": "ok", "name": "pay", "result": "{}"}
    calls = [told | {"cost": Decimal("0.002")}, told | {"cached": True}]
    add_turn(
        talk, START, calls, model="gpt-4o", provider="openai", toolset=toolset, input_tokens=1000,
        cached_input_tokens=400, output_tokens=1, cost=Decimal("0.01"),
    )  # fmt: skip
    compute()
    groups = [("tool",), ("model", "provider", "connection_id")]
    read = read_spent(project, Filter(), SPANS[1], groups)
    (cache,) = save_tools((name, one) for (name,), one in read[("tool",)].items())
    assert (cache.hits, cache.answered, cache.saved) == (1, 2, Decimal("0.002"))
    saved, unknown = save_prompts(read[groups[1]], {}, START)
    assert (saved, unknown) == (400 * Decimal("1.25") / 1_000_000, 0)
    (idle,) = read_idle(project, Filter(), SPANS[1], ["pay"], START)
    assert idle.tool == "get_weather" and idle.turns == 1 and idle.tokens > 10
    assert idle.dollars == idle.tokens * Decimal("2.5") / 1_000_000
    assert not read_idle(project, Filter(), SPANS[1], ["get_weather"], START)

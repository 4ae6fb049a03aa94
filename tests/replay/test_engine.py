"""Replays worked off against a provider that listens: what is asked, stored and judged."""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.conf import LazySettings
from django.utils import timezone
from redis.asyncio import Redis

from console.lib import uuid7
from conversations import wire
from conversations.models import Connection
from conversations.replay import claims, control, forgetting, lane, lanes
from conversations.replay.cases import Origin
from conversations.replay.orders import Order, check, estimate
from conversations.replay.records import Replay, ReplayOutcome
from conversations.replay.starting import start
from conversations.replay.variants import Variant
from tests.factories import make_project
from tests.replay.making import (
    MISSPELT,
    TOOL,
    begin,
    connect,
    expecting,
    fresh,
    make_case,
    outcomes_of,
    recorded,
    work,
)
from tests.replay.provider import Body, Reply, call, provider
from tools_registry.models import Router, RouterVersion

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def near(settings: LazySettings) -> None:
    settings.OUTBOUND_ALLOW = ["127.0.0.1"]


def town_of(body: Body) -> str:
    words: str = body["messages"][-1]["content"]
    return words.removeprefix("What is the weather in ").rstrip("?")


def test_it_works() -> None:
    with provider(lambda body: call("get_weather", {"city": town_of(body)})) as upstream:
        connection = connect(make_project(), upstream.url)
        prompt = Variant("Terse", system_prompt="Be terse.")
        row = begin(connection, [expecting(n) for n in range(5)], variants=[prompt], trials=2)
        row = work(row)
    assert row.status == "finished"
    control, terse = outcomes_of(row), outcomes_of(row, 1)
    assert [one.passed for one in control + terse] == [True] * 20
    assert {one.status for one in control} == {"done"}
    assert control[0].made_calls[0]["arguments"] == '{"city": "Town 0"}'
    assert (control[0].input_tokens, control[0].output_tokens) == (100, 20)
    assert upstream.requests[-1]["messages"][0] == {"role": "system", "content": "Be terse."}
    assert len(upstream.requests) == 20 and upstream.most <= 8


def test_it_keeps_what_was_asked_and_answered() -> None:
    with provider(lambda body: call("get_weather", {"city": "Town 0"})) as upstream:
        row = work(begin(connect(make_project(), upstream.url), [expecting(0)]))
    (one,) = outcomes_of(row)
    assert json.loads(wire.unpack_request(one.request)) == upstream.requests[0]
    ((at, body),) = wire.unpack(one.chunks)
    assert json.loads(body)["usage"]["prompt_tokens"] == 100 and at > 0
    assert (one.protocol, one.model_calls, one.offered) == ("openai.chat", 1, ["get_weather"])
    assert one.cost is None and one.claim is None


def test_a_changed_tool_is_offered_and_judged_by() -> None:
    def answer(body: Body) -> Body:
        names = body["tools"][0]["function"]["parameters"]["properties"]
        return call("get_weather", {next(iter(names)): town_of(body)})

    with provider(answer) as upstream:
        draft = Variant("Misspelt", replaced={"get_weather": MISSPELT})
        connection = connect(make_project(), upstream.url)
        row = work(begin(connection, [make_case(1)], variants=[draft], trials=3))
    control, changed = outcomes_of(row), outcomes_of(row, 1)
    assert [one.verdict for one in control + changed] == ["accepted"] * 6
    assert {one.made_calls[0]["arguments"] for one in changed} == {'{"citty": "Town 1"}'}
    assert [one.passed for one in control] == [None] * 3  # nobody said what is right


def test_a_misfire_that_comes_again_fails_the_control() -> None:
    case = make_case(0, recorded=recorded('{"citty": "Town 0"}'))
    with provider(lambda body: call("get_weather", {"citty": "Town 0"})) as upstream:
        row = work(begin(connect(make_project(), upstream.url), [case], trials=2))
    found = outcomes_of(row)
    assert [(one.passed, one.judged_by) for one in found] == [(False, "findings")] * 2
    assert "unexpected_parameter" in found[0].codes


def test_it_waits_as_long_as_the_provider_says() -> None:
    begun: list[float] = []

    def answer(body: Body) -> Reply | Body:
        begun.append(time.monotonic())
        if len(begun) == 1:
            limited = {"error": {"message": "Too many requests"}}
            return Reply(limited, status=429, headers={"retry-after": "1"})
        return call("get_weather", {"city": town_of(body)})

    with provider(answer) as upstream:
        connection = connect(make_project(), upstream.url, settings={"concurrency": 1})
        row = work(begin(connection, [expecting(n) for n in range(3)]))
    assert [one.passed for one in outcomes_of(row)] == [True] * 3
    assert len(begun) == 4 and begun[1] - begun[0] >= 0.95


def test_a_fault_that_passes_is_asked_again_and_one_that_stays_fails(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(lane, "PAUSES", (0.05,))
    seen: Counter[str] = Counter()

    def answer(body: Body) -> Reply | Body:
        town = town_of(body)
        seen[town] += 1
        if town == "Town 0" or (town == "Town 1" and seen[town] < 3):
            return Reply({"error": {"message": "Oops"}}, status=500)
        if town == "Town 2":
            return Reply({"error": {"message": "No such field"}}, status=400)
        return call("get_weather", {"city": town})

    with provider(answer) as upstream:
        row = work(begin(connect(make_project(), upstream.url), [expecting(n) for n in range(4)]))
    found = outcomes_of(row)
    assert [one.status for one in found] == ["failed", "done", "failed", "done"]
    assert seen == {"Town 0": 4, "Town 1": 3, "Town 2": 1, "Town 3": 1}
    assert json.loads(found[2].error)["code"] == "bad_request"
    assert row.status == "finished"


def test_a_provider_that_is_down_holds_up_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lane, "DOWN_AFTER", 1.0)
    done: list[str] = []

    def answer(body: Body) -> Body:
        done.append(town_of(body))
        return call("get_weather", {"city": town_of(body)})

    with provider(answer) as upstream:
        connection = connect(make_project(), upstream.url)
        down = connect(connection.project, "http://127.0.0.1:9/v1")
        cases = [expecting(n) for n in range(20)]
        other = Variant("Other", connection=down.pk)
        row = work(begin(connection, cases, variants=[other]))
    assert [one.passed for one in outcomes_of(row)] == [True] * 20
    lost = outcomes_of(row, 1)
    assert len(done) == 20
    assert max(_ended(one) for one in outcomes_of(row)) < min(map(_ended, lost))
    assert {one.status for one in lost} == {"failed"}
    assert {json.loads(one.error)["code"] for one in lost} == {"refused"}
    assert row.status == "finished"
    assert control.retry_failed(row) == 20
    assert fresh(row).status == "running"
    assert control.cancel(row)
    assert control.retry_failed(row) == 0
    assert fresh(row).status == "cancelled"


def _ended(one: ReplayOutcome) -> datetime:
    assert one.finished_at is not None
    return one.finished_at


def test_a_key_that_is_refused_fails_the_lane_at_once() -> None:
    with provider(lambda body: Reply({"error": {"message": "No"}}, status=401)) as upstream:
        connection = connect(make_project(), upstream.url, settings={"concurrency": 2})
        row = work(begin(connection, [expecting(n) for n in range(30)]))
    assert {one.status for one in outcomes_of(row)} == {"failed"}
    assert len(upstream.requests) < 15


def test_the_ceiling_stops_it_and_raising_it_goes_on() -> None:
    with provider(lambda body: call("get_weather", {"city": town_of(body)})) as upstream:
        connection = connect(make_project(), upstream.url, settings={"concurrency": 2})
        row = begin(connection, [expecting(n) for n in range(20)], ceiling_tokens=1000)
        row = work(row)
        told = [(one.status, one.error, one.input_tokens) for one in outcomes_of(row)]
        assert row.status == "stopped" and "ceiling" in row.error, told
        spent = [one for one in outcomes_of(row) if one.status == "done"]
        assert 1 <= len(spent) <= 8  # of 120 tokens each
        Replay.objects.filter(pk=row.pk).update(ceiling_tokens=100_000)
        assert control.resume(fresh(row))
        assert work(row).status == "finished"
    assert len(upstream.requests) == 20


def test_what_a_dead_worker_had_claimed_does_not_keep_the_ceiling_from_stopping_it() -> None:
    connection = connect(make_project(), "http://127.0.0.1:9/v1")
    row = begin(connection, [expecting(n) for n in range(3)], ceiling_tokens=1000)
    mine = uuid7.now()
    first = claims.claim(row.pk, mine, connection.pk, 1)
    claims.save(mine, [claims.Result(one.id, "done", input_tokens=1200) for one in first])
    claims.claim(row.pk, uuid7.now(), connection.pk, 1)
    assert claims.claim_within(row, mine, connection.pk, 5) == []
    ReplayOutcome.objects.filter(status="running").update(claimed_until=timezone.now())
    assert work(row).status == "stopped"


def test_answers_whose_tokens_nobody_counted_are_reckoned_under_a_ceiling() -> None:
    def answer(body: Body) -> Reply:
        message = call("get_weather", {"city": town_of(body)})
        choice = {"index": 0, "message": message, "finish_reason": "tool_calls"}
        return Reply(text=json.dumps({"id": "c", "choices": [choice]}))

    with provider(answer) as upstream:
        connection = connect(make_project(), upstream.url, settings={"concurrency": 2})
        row = work(begin(connection, [expecting(n) for n in range(20)], ceiling_tokens=1000))
    assert row.status == "stopped" and 1 <= len(upstream.requests) <= 8


def test_dollars_of_a_connection_s_own_prices_count() -> None:
    prices = [{"model": "a-model", "since": "2024-01-01", "input": 1000, "output": 0}]
    with provider(lambda body: call("get_weather", {"city": "Town 0"})) as upstream:
        connection = connect(make_project(), upstream.url, settings={"prices": prices})
        order = Order([expecting(0)], trials=2, connection=connection, model="a-model")
        told = estimate(connection.project, order)
        row = work(start(connection.project, order, enqueue=False))
    assert told.unpriced == 0 and told.dollars > 0 and told.calls == 2
    assert [one.cost for one in outcomes_of(row)] == [Decimal("0.1")] * 2


def test_paused_it_keeps_what_is_under_way_and_asks_nothing_more() -> None:
    rows: list[Replay] = []

    def answer(body: Body) -> Reply:
        if len(upstream.requests) == 1:
            Replay.objects.filter(pk=rows[0].pk).update(status="paused")
        return Reply(call("get_weather", {"city": town_of(body)}), seconds=0.6)

    with provider(answer) as upstream:
        connection = connect(make_project(), upstream.url, settings={"concurrency": 1})
        rows.append(begin(connection, [expecting(n) for n in range(8)]))
        row = work(rows[0])
        asked = len(upstream.requests)
        assert row.status == "paused" and asked <= 2
        assert sum(one.status == "done" for one in outcomes_of(row)) == asked
        assert {one.status for one in outcomes_of(row)} == {"done", "open"}
        assert control.resume(row) and control.pause(row) and control.cancel(row)
        assert not control.resume(row) and not control.cancel(row)


def test_cancelled_it_gives_up_what_is_under_way() -> None:
    def answer(body: Body) -> Reply:
        Replay.objects.update(status="cancelled")
        return Reply(call("get_weather", {"city": "Town 0"}), seconds=3.0)

    with provider(answer) as upstream:
        connection = connect(make_project(), upstream.url, settings={"concurrency": 1})
        begun = time.monotonic()
        row = work(begin(connection, [expecting(n) for n in range(3)]))
        assert time.monotonic() - begun < 2.5
        assert {one.status for one in outcomes_of(row)} == {"open"}


def test_without_a_model_recorded_calls_are_judged_by_other_tools() -> None:
    fine = recorded('{"city": "Oslo"}', "accepted")
    draft = Variant("Misspelt", replaced={"get_weather": MISSPELT})
    gone = Variant("Without", removed=["get_weather"])
    cases = [make_case(0, recorded=fine), make_case(1, recorded=recorded('{"citty": "Oslo"}'))]
    row = work(begin(None, cases, variants=[draft, gone], mode="no_model", trials=5))
    assert row.status == "finished" and row.total == 6
    assert [one.passed for one in outcomes_of(row)] == [True, False]
    assert [one.passed for one in outcomes_of(row, 1)] == [False, True]
    assert {one.codes[0] for one in outcomes_of(row, 2)} == {"unknown_tool"}


def test_a_claim_that_ran_out_is_taken_over_and_its_result_dropped() -> None:
    with provider(lambda body: call("get_weather", {"city": town_of(body)})) as upstream:
        connection = connect(make_project(), upstream.url)
        row = begin(connection, [expecting(0), expecting(1)])
        dead = uuid7.now()
        items = claims.claim(row.pk, dead, connection.pk, 2)
        assert claims.claim(row.pk, uuid7.now(), connection.pk, 2) == []
        ReplayOutcome.objects.update(claimed_until=timezone.now())
        Replay.objects.update(touched_at=timezone.now() - control.STALLED)
        assert control.take_stalled() == [row.pk] and control.take_stalled() == []
        row = work(row)
    before = [(one.passed, one.finished_at) for one in outcomes_of(row)]
    claims.save(dead, [claims.Result(item.id, "failed") for item in items])
    assert [(one.passed, one.finished_at) for one in outcomes_of(row)] == before
    assert [passed for passed, _ in before] == [True, True]


def test_a_connection_that_was_deleted_fails_its_outcomes() -> None:
    row = begin(connect(make_project(), "http://127.0.0.1:9/v1"), [expecting(0)])
    Connection.objects.all().delete()
    row = work(row)
    assert row.status == "finished"
    assert "no longer there" in outcomes_of(row)[0].error


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"cases": []}, "There are no cases"),
        ({"trials": 0}, "Choose 1 to 100 trials"),
        ({"model": ""}, "Choose a model"),
        ({"connection": None}, "Choose a connection"),
        ({"variants": [Variant("As recorded")]}, "Two variants are called As recorded"),
        ({"variants": [Variant("A", replaced={"other": TOOL})]}, "which no case offers"),
        ({"variants": [Variant("A", added=[10**9])]}, "names a tool version"),
        ({"variants": [Variant("A", router=10**9)]}, "names a router"),
        ({"variants": [Variant("A", connection=10**9)]}, "of a variant is gone"),
        ({"answers": {"*": {"mode": "execute"}}}, "not 'execute'"),
        ({"mode": "no_model"}, "only recorded answers can be judged"),
        ({"ceiling_tokens": 0}, "more than nothing"),
    ],
)
def test_what_stands_in_its_way_is_said(changed: dict[str, Any], reason: str) -> None:
    connection = connect(make_project(), "http://127.0.0.1:9/v1")
    order = Order([expecting(0)], connection=connection, model="a-model")
    assert check(connection.project, order) == []
    assert any(reason in one for one in check(connection.project, replace(order, **changed)))


def stream(body: Body, arguments: str) -> Reply:
    def event(delta: Body, finish: str | None = None) -> str:
        choice = {"index": 0, "delta": delta, "finish_reason": finish}
        return f"data: {json.dumps({'id': 's', 'choices': [choice]})}\n\n"

    function = {"name": "get_weather", "arguments": arguments}
    called = [{"index": 0, "id": "call_1", "type": "function", "function": function}]
    text = event({"role": "assistant", "tool_calls": called}) + event({}, "tool_calls")
    return Reply(text=text + "data: [DONE]\n\n", headers={"content-type": "text/event-stream"})


def test_a_variant_may_ask_for_a_stream() -> None:
    def answer(body: Body) -> Reply | Body:
        arguments = json.dumps({"city": town_of(body)})
        return stream(body, arguments) if body.get("stream") else call("get_weather", arguments)

    with provider(answer) as upstream:
        streamed = Variant("Streamed", parameters={"stream": True})
        connection = connect(make_project(), upstream.url)
        row = work(begin(connection, [expecting(0)], variants=[streamed]))
    (whole,), (one,) = outcomes_of(row), outcomes_of(row, 1)
    assert (whole.passed, one.passed) == (True, True)
    assert whole.first_token_ms is None and one.first_token_ms is not None
    assert b"data: " in b"".join(chunk for _, chunk in wire.unpack(one.chunks))


def test_another_protocol_is_asked_by_its_own_rules() -> None:
    def answer(body: Body) -> Reply:
        used = {"type": "tool_use", "id": "t", "name": "get_weather", "input": {"city": "Town 0"}}
        usage = {"input_tokens": 7, "output_tokens": 3}
        whole = {"type": "message", "role": "assistant", "content": [used], "usage": usage}
        assert "input_schema" in body["tools"][0]
        return Reply(text=json.dumps({**whole, "id": "m", "model": "c", "stop_reason": "tool_use"}))

    with provider(answer) as upstream:
        connection = connect(make_project(), upstream.url, protocol="anthropic")
        row = work(begin(connection, [expecting(0)]))
    (one,) = outcomes_of(row)
    assert (one.passed, one.protocol, one.input_tokens) == (True, "anthropic.messages", 7)


def test_a_router_chooses_what_is_offered() -> None:
    project = make_project()
    spec = {
        "groups": [
            {"name": "weather", "tools": ["get_weather"]},
            {"name": "search", "tools": ["search"]},
        ],
        "keywords": [{"words": ["weather"], "groups": ["weather"]}],
    }
    held = Router.objects.create(project=project, name="domains")
    router = RouterVersion.objects.create(
        project=project, router=held, number=1, document=json.dumps(spec)
    )
    other = {"type": "function", "function": {"name": "search", "parameters": {"type": "object"}}}
    case = expecting(0, tools=[TOOL, other])
    with provider(lambda body: call("get_weather", {"city": "Town 0"})) as upstream:
        routed = Variant("Routed", router=router.pk)
        row = work(begin(connect(project, upstream.url), [case], variants=[routed]))
    (control,), (one,) = outcomes_of(row), outcomes_of(row, 1)
    assert control.offered == ["get_weather", "search"] and one.offered == ["get_weather"]
    assert "weather" in one.routed and one.passed is True


def test_without_valkey_it_goes_on_with_the_places_it_had(
    settings: LazySettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    shared = lanes.Lanes.share

    async def share(self: lanes.Lanes, lane: int, **more: int) -> lanes.Grant:
        grant = await shared(self, lane, **more)
        await self._redis.aclose()
        self._redis = Redis.from_url("redis://127.0.0.1:9/0")  # it is gone from now on
        return grant

    monkeypatch.setattr(lanes.Lanes, "share", share)
    with provider(lambda body: call("get_weather", {"city": town_of(body)})) as upstream:
        connection = connect(make_project(), upstream.url, settings={"concurrency": 2})
        row = work(begin(connection, [expecting(n) for n in range(12)]))
    assert [one.passed for one in outcomes_of(row)] == [True] * 12


def test_workers_share_a_lane_fairly() -> None:
    async def ask() -> list[int]:
        one, other, third = (lanes.Lanes(name) for name in ("one", "other", "third"))
        lane = {"limit": 10}
        given = [(await one.share(7, wanted=10, busy=0, **lane)).places]
        given.append((await other.share(7, wanted=10, busy=0, **lane)).places)
        given.append((await one.share(7, wanted=10, busy=8, **lane)).places)
        given.append((await other.share(7, wanted=10, busy=0, **lane)).places)
        given.append((await third.share(7, wanted=2, busy=0, **lane)).places)
        given.append((await one.share(7, wanted=10, busy=5, **lane)).places)
        await third.close()
        await one.close()
        given.append((await other.share(7, wanted=10, busy=2, **lane)).places)
        await other.hold(7, 5.0)
        assert 4.0 < (await other.share(7, wanted=10, busy=2, **lane)).wait <= 5.0
        await other.close()
        return given

    # All of it; none, as the first holds all; its part; what that leaves; what is left over.
    assert asyncio.run(ask()) == [10, 0, 5, 2, 0, 4, 10]


def test_data_of_a_deleted_user_and_old_replays_go() -> None:
    words = Origin(user="ada")
    with provider(lambda body: call("get_weather", {"city": town_of(body)})) as upstream:
        connection = connect(make_project(), upstream.url)
        row = work(begin(connection, [expecting(0, origin=words), expecting(1)]))
    assert forgetting.forget_user(connection.project, ["ada"]) == 2
    (left,) = outcomes_of(row)
    assert left.case.key == "case-1" and left.request
    soon = timezone.now() + timedelta(seconds=1)
    assert forgetting.drop_bytes(connection.project_id, soon) == 1
    assert not outcomes_of(row)[0].request
    assert forgetting.drop_old(connection.project_id, row.created_at) == 0
    assert forgetting.drop_old(connection.project_id, soon) > 0 and not Replay.objects.exists()

"""Plans that run: at once, in order, bounded, cached, tried again, confirmed, cancelled."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

import pytest
from pytest_django import Settings

from tests.providers.upstream import Request, Upstream, answer, hang
from tools_registry.execution import confirmation
from tools_registry.execution.caller import Caller, Proposal
from tools_registry.execution.outcomes import Event
from tools_registry.execution.plan import Step, make_plan
from tools_registry.execution.runner import Executed, execute
from tools_registry.policies import PolicySpec
from tools_registry.specs import ToolSpec

pytestmark = pytest.mark.usefixtures("store")
ANN = Caller(1, "ann", "talk", hosts=("127.0.0.1",))


@pytest.fixture(autouse=True)
def allow(settings: Settings) -> None:
    settings.OUTBOUND_ALLOW, settings.LOCAL_MODEL_URL = ["127.0.0.1"], ""


def call(name: str, arguments: Any = None, hints: Any = None, /, **execution: Any) -> Step:
    """A call of a tool that answers ``{}`` unless ``executor`` says otherwise."""
    more = {
        key: execution.pop(key)
        for key in ("destructive", "confirmation", "sanitisers")
        if key in execution
    }
    executor = execution.pop("executor", {"kind": "mock", "content": "{}"})
    policy = PolicySpec.from_json({"execution": {"executor": executor, **execution}, **more})
    return Step("", name, arguments or {}, ToolSpec(name, annotations=hints), policy)


def mock(content: str = "{}", delay_ms: int = 0) -> dict[str, Any]:
    return {"kind": "mock", "content": content, "delay_ms": delay_ms}


async def run(*steps: Step, caller: Caller = ANN, **more: Any) -> tuple[Executed, list[Event]]:
    """Keys are c1, c2…"""
    events: list[Event] = []
    keyed = [
        Step(f"c{number}", one.name, one.arguments, one.spec, one.policy, 1)
        for number, one in enumerate(steps, 1)
    ]
    return await execute(make_plan(keyed), caller, events.append, **more), events


def statuses(executed: Executed) -> list[str]:
    return [one.status for one in executed.outcomes.values()]


def codes(executed: Executed, key: str = "c1") -> list[str]:
    return [finding.code for finding in executed.outcomes[key].findings]


def types(events: list[Event], key: str = "c1") -> list[str]:
    return [event.type for event in events if event.key == key]


async def test_three_independent_calls_take_as_long_as_the_longest() -> None:
    steps = [
        call(f"get_{number}", executor=mock(delay_ms=ms))
        for number, ms in enumerate([800, 700, 600])
    ]
    took = 1.0
    for _ in range(3):  # another process may have the processor just now
        began = time.monotonic()
        executed, events = await run(*steps)
        took = min(took, time.monotonic() - began)
        if took < 0.85:
            break
    assert took < 0.85
    schedule = executed.schedule
    assert schedule.critical == ("c1",)
    assert schedule.serial_ms > 2_090 and schedule.saved_ms > 1_250
    assert statuses(executed) == ["ok"] * 3
    assert types(events) == ["started", "finished"]


async def test_a_call_waits_for_the_value_that_it_refers_to() -> None:
    executed, events = await run(
        call("find", executor=mock('{"items": [{"id": 7}]}', 50)),
        call("show", {"id": "$var1.items[0].id$", "text": "no $var1.items[0].id$"}),
    )
    shown = executed.outcomes["c2"]
    assert shown.arguments == {"id": 7, "text": "no 7"}
    assert shown.begin_ms is not None and shown.begin_ms >= 50
    assert [event.key for event in events] == ["c1", "c1", "c2", "c2"]


async def test_an_output_fills_the_input_that_was_left_open() -> None:
    given = {"type": "object", "properties": {"order_id": {"type": "string"}}}
    create, pay = call("create_order", executor=mock('{"order_id": "A1"}')), call("pay")
    create = Step(
        "", "create_order", {}, ToolSpec("create_order", output_schema=given), create.policy
    )
    pay = Step(
        "", "pay", {}, ToolSpec("pay", parameters=given | {"required": ["order_id"]}), pay.policy
    )
    executed, _ = await run(create, pay)
    assert executed.outcomes["c2"].arguments == {"order_id": "A1"}


async def test_what_a_failed_call_should_have_brought_is_missing() -> None:
    executed, _ = await run(
        call("find", executor=""),
        call("show", {"id": "$var1.id$"}),
        call("get_time"),
        call("look", {"id": "$var3.hour$"}),
        call("see", {"id": "$var9$"}),
    )
    assert statuses(executed) == ["error", "skipped", "ok", "error", "error"]
    assert "no executor: choose one in its policy" in executed.outcomes["c1"].content
    assert "find, which it waits for" in executed.outcomes["c2"].content
    assert "has no hour" in executed.outcomes["c4"].content
    assert codes(executed, "c4") == codes(executed, "c5") == ["tool_error"]
    assert executed.outcomes["c2"].span is None


async def test_sanitisers_change_what_is_sent() -> None:
    policy = [{"pointer": "/city", "steps": [{"do": "trim"}]}]
    executed, _ = await run(call("get_weather", {"city": " Oslo "}, sanitisers=policy))
    [change] = executed.outcomes["c1"].changes
    assert executed.outcomes["c1"].arguments == {"city": "Oslo"}
    assert (change.before, change.after) == (" Oslo ", "Oslo")


# ---- bounds


async def test_one_timeout_ends_one_of_three_calls() -> None:
    async with Upstream(hang) as upstream:
        slow = {"kind": "http", "url": upstream.url}
        executed, _ = await run(
            call("get_a", executor=mock(delay_ms=20)),
            call("get_b", executor=slow, timeout_ms=5_000, timeouts={"1": 100, "2": 9_000}),
            call("get_c"),
        )
    assert statuses(executed) == ["ok", "error", "ok"]
    [finding] = executed.outcomes["c2"].findings
    assert (finding.code, finding.detail["limit_ms"]) == ("timeout", 100)
    assert 100 <= (executed.outcomes["c2"].latency_ms or 0) < 1_000


async def test_a_bound_that_bites_is_a_finding_and_no_call() -> None:
    for _ in range(3):
        executed, events = await run(call("get_weather", budget=2, rate=100, cost=0.003))
    assert statuses(executed) == ["refused"] and types(events) == ["finished"]
    assert codes(executed) == ["budget_exceeded"]
    assert executed.outcomes["c1"].cost is None and executed.outcomes["c1"].span is None
    executed, _ = await run(call("get_time", rate=1), call("get_time", {"a": 1}, rate=1))
    assert sorted(statuses(executed)) == ["ok", "refused"]
    free = Caller(1, "ann", "talk", bounded=False)
    assert statuses((await run(call("get_weather", budget=2), caller=free))[0]) == ["ok"]


# ---- retries


def failing(times: int, status: int = 503, **headers: str) -> Callable[..., Any]:
    """Fails so often, then answers."""
    left = [times]

    async def handle(request: Request, writer: asyncio.StreamWriter) -> None:
        left[0] -= 1
        told = answer(status, {}, **headers) if left[0] >= 0 else answer(200, {"c": 21})
        await told(request, writer)

    return handle


IDEMPOTENT = {"idempotent": True}


@pytest.mark.parametrize(
    ("times", "status", "declared", "outcome", "tried"),
    [
        (1, 503, IDEMPOTENT, "ok", 2),
        (1, 503, {"effect": "read"}, "ok", 2),
        (9, 503, IDEMPOTENT, "error", 3),
        (1, 404, IDEMPOTENT, "error", 1),
        (1, 503, {}, "error", 1),
    ],
)
async def test_only_what_is_idempotent_is_tried_again(
    times: int, status: int, declared: dict[str, Any], outcome: str, tried: int
) -> None:
    async with Upstream(failing(times, status)) as upstream:
        executor = {"kind": "http", "url": upstream.url}
        step = call("get_weather", executor=executor, retries=2, retry_wait_ms=10, **declared)
        executed, events = await run(step)
        assert len(upstream.requests) == tried
    one = executed.outcomes["c1"]
    assert (one.status, one.attempts) == (outcome, tried)
    between = ["started", "retried"] * (tried - 1)
    assert types(events) == [*between, "started", "finished"]
    if outcome == "error":
        assert one.findings[0].detail["attempts"] == tried
    else:
        assert "503" in one.notes[0] and one.value == {"c": 21}
    if status == 503 and not declared:
        assert "not declared idempotent" in one.notes[0]


async def test_a_definition_may_declare_it() -> None:
    async with Upstream(failing(1, 503)) as upstream:
        executor = {"kind": "http", "url": upstream.url}
        step = call("f", {}, {"readOnlyHint": True}, executor=executor, retries=1, retry_wait_ms=0)
        assert statuses((await run(step))[0]) == ["ok"]


async def test_a_wait_that_the_tool_asks_for_is_heeded_if_it_is_short() -> None:
    for asked, outcome in [("1", "ok"), ("3600", "error")]:
        began = time.monotonic()
        async with Upstream(failing(1, 429, retry_after=asked)) as upstream:
            executor = {"kind": "http", "url": upstream.url}
            step = call("f", executor=executor, retries=1, retry_wait_ms=0, idempotent=True)
            executed, _ = await run(step)
        assert statuses(executed) == [outcome]
        assert (time.monotonic() - began >= 1) is (outcome == "ok")
        await asyncio.sleep(0)


async def test_an_open_breaker_sends_nothing() -> None:
    async with Upstream(answer(503, {})) as upstream:
        executor = {"kind": "http", "url": upstream.url}
        for _ in range(3):
            executed, _ = await run(
                call("get_weather", executor=executor, breaker={"failures": 2, "open_s": 60})
            )
        assert len(upstream.requests) == 2
    [finding] = executed.outcomes["c1"].findings
    assert (finding.code, finding.detail["breaker"]) == ("tool_error", "open")


# ---- cache


async def test_a_second_call_comes_from_the_cache_with_its_saving() -> None:
    step = call(
        "get_weather", {"city": "Oslo"}, executor=mock('{"c": 21}', 50), cache_ttl=60, cost=0.002
    )
    first, events = await run(step)
    assert types(events) == ["started", "finished"] and first.outcomes["c1"].cost == 0.002
    second, events = await run(step)
    one = second.outcomes["c1"]
    assert types(events) == ["cached", "finished"] and one.value == {"c": 21}
    assert one.hit is not None and one.hit.saved_cost == 0.002 and one.hit.saved_ms >= 50
    assert (one.cost, one.attempts) == (0.0, 0) and one.to_json()["cached"]["age_s"] >= 0
    changed = call("get_weather", {"city": "Oslo"}, executor=mock('{"c": 9}'), cache_ttl=60)
    assert (await run(changed))[0].outcomes["c1"].value == {"c": 9}
    uncached = Caller(1, cached=False)
    assert (await run(step, caller=uncached))[0].outcomes["c1"].hit is None


async def test_without_valkey_calls_go_on(no_valkey: None) -> None:
    executed, _ = await run(call("get_weather", cache_ttl=60, rate=1, breaker={}))
    assert statuses(executed) == ["ok"]
    assert any("Valkey does not answer" in note for note in executed.outcomes["c1"].notes)


# ---- destructive calls

DELETE: dict[str, Any] = {"destructive": True, "confirmation": {"argument": "/code"}}


async def agree(proposal: Proposal) -> str | None:
    return confirmation.confirm(proposal.subject)


async def test_a_destructive_call_asks_with_what_would_be_sent() -> None:
    asked: list[Proposal] = []

    async def refuse(proposal: Proposal) -> str | None:
        asked.append(proposal)
        return None

    async with Upstream(answer(200, {})) as upstream:
        where = f"http://127.0.0.1:{upstream.port}"
        step = call(
            "cancel",
            {"id": "$var1.id$"},
            executor={"kind": "http", "method": "DELETE", "url": f"{where}/subs/{{id}}"},
            **DELETE,
        )
        find = call("find", executor=mock('{"id": 7}'))
        executed, events = await run(find, step, caller=Caller(1, confirm=refuse))
        assert statuses(executed) == ["ok", "held"] and upstream.requests == []
        assert codes(executed, "c2") == ["confirmation_missing"]
        assert asked[0].preview.line == f"DELETE {where}/subs/7"
        assert types(events, "c2") == ["held", "finished"]
        executed, _ = await run(find, step, caller=Caller(1, hosts=("127.0.0.1",), confirm=agree))
        assert statuses(executed) == ["ok", "ok"] and len(upstream.requests) == 1


async def test_it_runs_neither_unasked_nor_in_a_replay() -> None:
    step = call("cancel", **DELETE)
    hinted = call("wipe", {}, {"destructiveHint": True})
    for caller, text in [
        (Caller(1), "was not confirmed"),
        (Caller(1, replaying=True, confirm=agree), "never runs in a replay"),
    ]:
        for one in (step, hinted):
            executed, _ = await run(one, caller=caller)
            assert statuses(executed) == ["held"]
            assert text in executed.outcomes["c1"].findings[0].message


async def test_a_token_counts_once_for_exactly_its_call(monkeypatch: pytest.MonkeyPatch) -> None:
    subject = confirmation.Subject(1, "ann", "v", {"id": 7})
    token = confirmation.confirm(subject)
    for other in [
        confirmation.Subject(2, "ann", "v", {"id": 7}),
        confirmation.Subject(1, "bob", "v", {"id": 7}),
        confirmation.Subject(1, "ann", "w", {"id": 7}),
        confirmation.Subject(1, "ann", "v", {"id": 8}),
    ]:
        with pytest.raises(confirmation.Unconfirmed, match="another call"):
            await confirmation.spend(token, other)
    for wrong in (token[:-1] + ("a" if token[-1] != "a" else "b"), "no token"):
        with pytest.raises(confirmation.Unconfirmed, match="this server"):
            await confirmation.spend(wrong, subject)
    await confirmation.spend(token, subject)
    with pytest.raises(confirmation.Unconfirmed, match="used already"):
        await confirmation.spend(token, subject)
    late = confirmation.confirm(subject)
    monkeypatch.setattr(confirmation, "LASTS_S", -1)
    with pytest.raises(confirmation.Unconfirmed, match="older than"):
        await confirmation.spend(late, subject)


async def test_without_valkey_nothing_destructive_runs(no_valkey: None) -> None:
    executed, _ = await run(call("cancel", **DELETE), caller=Caller(1, confirm=agree))
    assert statuses(executed) == ["held"]


# ---- stopping, and going on


async def test_stopping_keeps_what_came_until_then() -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().call_later(0.1, stop.set)
    executed, events = await run(
        call("get_a"),
        call("get_b", executor=mock(delay_ms=20_000), timeout_ms=30_000),
        call("show", {"of": "$var2.x$"}),
        stop=stop,
    )
    assert statuses(executed) == ["ok", "cancelled", "cancelled"]
    assert types(events, "c2") == ["started", "finished"]
    again, events = await run(
        call("get_a"), call("get_b"), call("show", {"of": "$var2.x$"}), done=executed.outcomes
    )
    assert statuses(again) == ["ok", "cancelled", "cancelled"] and not events


async def test_being_cancelled_ends_every_call() -> None:
    running = asyncio.create_task(run(call("get_b", executor=mock(delay_ms=20_000))))
    await asyncio.sleep(0.05)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert not [task for task in asyncio.all_tasks() if task.get_name().startswith("call ")]


async def test_done_calls_are_not_run_again_and_give_their_values() -> None:
    find = call("find", executor=mock('{"id": 7}'))
    first, _ = await run(find, call("get_time"))
    kept = {"c1": first.outcomes["c1"]}
    executed, events = await run(find, call("show", {"id": "$var1.id$"}), done=kept)
    assert executed.outcomes["c2"].arguments == {"id": 7}
    assert {event.key for event in events} == {"c2"}


async def test_an_error_of_ours_is_an_outcome_too(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    from tools_registry.execution import runner

    def fail(settings: Any) -> Any:
        raise RuntimeError("broken")

    monkeypatch.setattr(runner, "load", fail)
    executed, _ = await run(call("get_a"))
    assert "RuntimeError" in executed.outcomes["c1"].content and "broken" in caplog.text
    assert "broken" not in executed.outcomes["c1"].content

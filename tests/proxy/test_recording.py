"""What is kept of what passed: the turn, its calls and its bytes, and never a provider's key."""

from __future__ import annotations

import asyncio
import gzip
import json
from typing import Any

import pytest

from tests.factories import WEATHER
from tests.providers.upstream import TEXT, Request, Upstream, answer, delta, stream
from tests.proxy.asking import BODY, PROVIDER_KEY, STREAM, Owner, client, connect, stored
from tests.proxy.conftest import Web
from tests.proxy.test_passing import CHAT, WHOLE, ask

TOOL = {"type": "function", "function": WEATHER}


def call_delta(**fields: Any) -> bytes:
    return delta(delta={"tool_calls": [{"index": 0, **fields}]})


CALL = [
    call_delta(id="call_1", type="function", function={"name": "get_weather", "arguments": ""}),
    call_delta(function={"arguments": '{"city": '}),
    call_delta(function={"arguments": '"Lisbon"}'}),
    delta(delta={}, finish_reason="tool_calls"),
    b"data: [DONE]\n\n",
]


async def test_a_streamed_call_is_recorded_with_its_bytes(web: Web, owner: Owner) -> None:
    async with Upstream(stream(*CALL)) as upstream:
        connection = await connect(owner, upstream.url)
        await ask(web, owner, {**STREAM, "tools": [TOOL]})
    [kept] = await stored(owner)
    assert [(c.name, c.arguments) for c in kept.calls] == [("get_weather", '{"city": "Lisbon"}')]
    assert kept.calls[0].tool_version_id is not None
    assert kept.answer == b"".join(CALL)
    assert json.loads(kept.request) == {**STREAM, "tools": [TOOL]}
    turn = kept.turn
    assert (turn.source, turn.protocol, turn.provider) == ("proxy", "openai.chat", "up")
    assert (turn.connection_id, turn.status, turn.model) == (connection.pk, "finished", "m")
    assert turn.first_token_ms and turn.latency_ms and turn.first_token_ms <= turn.latency_ms
    times = [at for at, _ in kept.chunks]
    assert times == sorted(times) and times[0] > 0


async def test_it_records_a_whole_answer_out_of_its_encoding(web: Web, owner: Owner) -> None:
    body = gzip.compress(json.dumps(WHOLE).encode())
    async with Upstream(answer(200, body, content_encoding="gzip")) as upstream:
        await connect(owner, upstream.url)
        await ask(web, owner)
    [kept] = await stored(owner)
    assert json.loads(kept.answer) == WHOLE
    assert json.loads(kept.turn.response)["content"] == "Hello"
    assert kept.turn.first_token_ms is None


async def test_legacy_functions_are_recorded(web: Web, owner: Owner) -> None:
    message = {
        "role": "assistant",
        "content": None,
        "function_call": {"name": "get_weather", "arguments": '{"city": "Lisbon"}'},
    }
    said = {"model": "m", "choices": [{"index": 0, "message": message, "finish_reason": "stop"}]}
    async with Upstream(answer(200, said)) as upstream:
        await connect(owner, upstream.url)
        await ask(web, owner, {**BODY, "functions": [WEATHER]})
    [kept] = await stored(owner)
    assert [call.name for call in kept.calls] == ["get_weather"]
    assert kept.calls[0].verdict == "accepted"


async def test_what_the_client_says_of_the_turn_is_kept(web: Web, owner: Owner) -> None:
    async with Upstream(answer(200, WHOLE)) as upstream:
        await connect(owner, upstream.url)
        await ask(
            web,
            owner,
            **{
                "X-Misfire-Conversation": "order-7",
                "X-Misfire-User": "zo%C3%AB",
                "X-Misfire-Tags": "beta, eu",
                "X-Misfire-Environment": "staging",
            },
        )
    [kept] = await stored(owner)
    turn = kept.turn
    assert (turn.conversation.key, turn.user) == ("order-7", "zoë")
    assert (sorted(turn.tags), turn.environment) == (["beta", "eu"], "staging")


async def test_turns_find_their_conversation_without_being_told(web: Web, owner: Owner) -> None:
    async with Upstream(stream(*CALL)) as upstream:
        await connect(owner, upstream.url)
        await ask(web, owner, {**STREAM, "tools": [TOOL]})
    await stored(owner)
    call = {
        "id": "call_1",
        "type": "function",
        "function": {"name": "get_weather", "arguments": '{"city": "Lisbon"}'},
    }
    messages = [
        *BODY["messages"],
        {"role": "assistant", "content": None, "tool_calls": [call], "refusal": None},
        {"role": "tool", "tool_call_id": "call_1", "content": "18 degrees"},
    ]
    async with Upstream(stream(*TEXT)) as upstream:
        await connect(owner, upstream.url, name="again")
        path = CHAT.replace("/up/", "/again/")
        await ask(web, owner, {**STREAM, "messages": messages}, path)
    first, second = await stored(owner, 2)
    assert first.turn.conversation_id == second.turn.conversation_id
    assert first.calls[0].result == "18 degrees"


@pytest.mark.parametrize("status", [401, 429, 500])
async def test_an_error_of_the_provider_is_a_failed_turn(
    status: int, web: Web, owner: Owner
) -> None:
    said = {"error": {"message": f"Bad key {PROVIDER_KEY}.", "code": "why"}}
    async with Upstream(answer(status, said)) as upstream:
        await connect(owner, upstream.url)
        response = await ask(web, owner)
    assert PROVIDER_KEY in response.text
    [kept] = await stored(owner)
    error = json.loads(kept.turn.error)
    assert (kept.turn.status, error["status"], error["code"]) == ("failed", status, "why")
    assert PROVIDER_KEY.encode() not in kept.answer and PROVIDER_KEY not in kept.turn.error


async def test_a_provider_that_is_not_there_is_a_failed_turn(web: Web, owner: Owner) -> None:
    await connect(owner, "http://127.0.0.1:9/v1")
    await ask(web, owner)
    [kept] = await stored(owner)
    assert (kept.turn.status, json.loads(kept.turn.error)["code"]) == ("failed", "refused")


async def test_a_cut_stream_is_recorded_as_far_as_it_came(web: Web, owner: Owner) -> None:
    import httpx2

    async with Upstream(stream(*CALL[:2], cut=True)) as upstream:
        await connect(owner, upstream.url)
        with pytest.raises(httpx2.RemoteProtocolError):
            await ask(web, owner, STREAM)
    [kept] = await stored(owner)
    assert kept.answer == b"".join(CALL[:2])
    assert [call.arguments for call in kept.calls] == ['{"city": ']
    assert "broke off" in kept.turn.notes


async def test_a_client_that_leaves_ends_the_call_upstream(web: Web, owner: Owner) -> None:
    gone = asyncio.Event()

    async def handle(request: Request, writer: asyncio.StreamWriter) -> None:
        try:
            await stream(TEXT[0], cut=True)(request, writer)
            while True:
                await asyncio.sleep(0.05)
                writer.write(b"%x\r\n%b\r\n" % (len(TEXT[1]), TEXT[1]))
                await writer.drain()
        except ConnectionError:
            gone.set()

    async with Upstream(handle) as upstream:
        await connect(owner, upstream.url)
        async with (
            client(web) as http,
            http.stream("POST", CHAT, json=STREAM, headers=owner.headers) as response,
        ):
            async for _ in response.aiter_raw():
                break
        await asyncio.wait_for(gone.wait(), 10)
    [kept] = await stored(owner)
    assert kept.answer.startswith(TEXT[0]) and b"[DONE]" not in kept.answer
    assert "went away" in kept.turn.notes


async def test_a_client_that_leaves_before_the_answer_is_recorded(web: Web, owner: Owner) -> None:
    import httpx2

    from tests.providers.upstream import hang

    async with Upstream(hang) as upstream:
        await connect(owner, upstream.url)
        with pytest.raises(httpx2.ReadTimeout):
            async with client(web) as http:
                await http.post(CHAT, json=BODY, headers=owner.headers, timeout=1)
        [kept] = await stored(owner)
    assert (kept.turn.status, json.loads(kept.turn.error)["code"]) == ("failed", "cancelled")


async def test_other_paths_are_not_recorded(web: Web, owner: Owner) -> None:
    async with Upstream(answer(200, {"data": []})) as upstream:
        await connect(owner, upstream.url)
        await ask(web, owner, {"input": "x"}, "/proxy/up/v1/embeddings")
        await ask(web, owner)
    assert [kept.turn.protocol for kept in await stored(owner)] == ["openai.chat"]


async def test_no_key_is_kept_or_logged(web: Web, owner: Owner) -> None:
    body = {**BODY, "metadata": {"mistake": PROVIDER_KEY}}
    async with Upstream(answer(200, WHOLE)) as upstream:
        await connect(owner, upstream.url)
        path = f"/proxy/k/{owner.key}/up/v1/chat/completions"
        async with client(web) as http:
            bearer = {"Authorization": f"Bearer {PROVIDER_KEY}"}
            response = await http.post(path, json=body, headers=bearer)
            await http.post(path.replace("/up/", "/none/"), json=body, headers=bearer)
            await http.get(f"/proxy/k/{owner.key}/up/")
    assert response.status_code == 200
    assert json.loads(upstream.requests[0].body) == body
    [kept] = await stored(owner)
    assert PROVIDER_KEY.encode() not in kept.request and "•••".encode() in kept.request
    row = str({name: str(value) for name, value in vars(kept.turn).items()})
    assert PROVIDER_KEY not in row and owner.key not in row
    assert owner.key not in web.log and PROVIDER_KEY not in web.log


async def test_32_streams_at_once_are_all_recorded(web: Web, owner: Owner) -> None:
    async with Upstream(stream(*CALL)) as upstream:
        await connect(owner, upstream.url)
        async with client(web) as http:
            many = (http.post(CHAT, json=STREAM, headers=owner.headers) for _ in range(32))
            responses = await asyncio.gather(*many)
    assert {response.content for response in responses} == {b"".join(CALL)}
    kept = await stored(owner, 32)
    assert len(kept) == 32
    assert {one.answer for one in kept} == {b"".join(CALL)}
    assert sum(len(one.calls) for one in kept) == 32

"""The guarded proxy, between a real client and a scripted provider."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import anthropic
import openai
import pytest
from django.urls import reverse

from console.accounts.models import ApiKey
from conversations.guard.dialects import DIALECTS
from conversations.guard.records import ProxyGuard
from conversations.parts import WireProtocol
from tests.execution_doors.speaking import PROTOCOLS, request
from tests.execution_doors.speaking import answer as answer_in
from tests.factories import WEATHER, client_of, make_people
from tests.providers.upstream import Handler, Request, Upstream, answer, delta, stream
from tests.proxy.asking import Owner, client, connect, in_thread, stored
from tests.proxy.conftest import Web
from tools_registry.models import Router
from tools_registry.routing import RouterSpec

CHAT = "/proxy/up/v1/chat/completions"
REFUND: dict[str, Any] = {"name": "refund", "parameters": {"type": "object", "properties": {}}}
TOOLS: list[Any] = [{"type": "function", "function": one} for one in (WEATHER, REFUND)]
ASKED: dict[str, Any] = {
    "model": "m",
    "messages": [{"role": "user", "content": "The weather in Lisbon"}],
    "tools": TOOLS,
}
BAD, GOOD = '{"town": "Lisbon"}', '{"city": "Lisbon"}'


def whole(arguments: str = "", text: str | None = None) -> Handler:
    """A completion that calls get_weather, or says a text."""
    message: dict[str, Any] = {"role": "assistant", "content": text}
    if arguments:
        function = {"name": "get_weather", "arguments": arguments}
        message["tool_calls"] = [{"id": "c1", "type": "function", "function": function}]
    choice = {"index": 0, "message": message, "finish_reason": "stop" if text else "tool_calls"}
    return answer(200, {"id": "r", "model": "m", "choices": [choice]})


def in_order(*handlers: Handler) -> Handler:
    """Each request is answered by the next."""
    left: Iterator[Handler] = iter(handlers)

    async def handle(request: Request, writer: asyncio.StreamWriter) -> None:
        await next(left)(request, writer)

    return handle


async def guard(owner: Owner, upstream: Upstream, tries: int = 1, router: Any = None) -> None:
    def make() -> None:
        key = ApiKey.objects.get(project=owner.project)
        version = None
        if router:
            row = Router.objects.create(project=owner.project, name="main")
            version = row.write(RouterSpec.from_json(router), None)
        ProxyGuard.objects.create(
            api_key=key, project=owner.project, tries=tries, router_version=version
        )

    await in_thread(make)
    await connect(owner, upstream.url)


async def ask(web: Web, owner: Owner, body: Any = ASKED, path: str = CHAT) -> Any:
    async with client(web) as http:
        return await http.post(path, json=body, headers=owner.headers)


async def notes(owner: Owner, count: int) -> list[str]:
    turns = await stored(owner, count)
    return [
        " ".join(one["detail"] for one in json.loads(found.turn.notes) if one["code"] == "guarded")
        for found in turns
    ]


async def test_an_accepted_call_passes_as_it_came(web: Web, owner: Owner) -> None:
    async with Upstream(whole(GOOD)) as upstream:
        await guard(owner, upstream)
        found = await ask(web, owner)
    assert found.headers["x-misfire-guard"] == "passed"
    assert found.json()["choices"][0]["message"]["tool_calls"][0]["function"]["arguments"] == GOOD
    assert upstream.requests[0].json == ASKED
    assert await notes(owner, 1) == [""]


async def test_a_rejected_call_is_answered_back_and_the_corrected_one_passes(
    web: Web, owner: Owner
) -> None:
    async with Upstream(in_order(whole(BAD), whole(GOOD))) as upstream:
        await guard(owner, upstream)
        found = await ask(web, owner)
    assert found.headers["x-misfire-guard"] == "corrected"
    [call] = found.json()["choices"][0]["message"]["tool_calls"]
    assert call["function"]["arguments"] == GOOD
    *_, called, told = upstream.requests[1].json["messages"]
    assert called["tool_calls"][0]["function"]["arguments"] == BAD
    assert "unexpected_parameter" in told["content"]
    first, second = await notes(owner, 2)
    assert "answered rejected calls back to the model: get_weather" in first
    assert "number 2 of 2" in second
    turns = await stored(owner, 2)
    assert turns[0].turn.conversation_id == turns[1].turn.conversation_id


async def test_a_call_that_stays_wrong_is_held(web: Web, owner: Owner) -> None:
    async with Upstream(whole(BAD)) as upstream:
        await guard(owner, upstream, tries=1)
        found = await ask(web, owner)
    assert len(upstream.requests) == 2
    assert found.headers["x-misfire-guard"] == "held"
    choice = found.json()["choices"][0]
    assert choice["finish_reason"] == "stop"
    assert "get_weather was held back" in choice["message"]["content"]
    assert "tool_calls" not in choice["message"]
    assert "held rejected calls back" in (await notes(owner, 2))[1]
    assert (await stored(owner, 2))[1].calls[0].arguments == BAD


CALL = ("get_weather", BAD), ("get_weather", GOOD)
PATHS = {
    "openai.chat": "chat/completions",
    "openai.responses": "responses",
    "anthropic.messages": "messages",
}
every_protocol = pytest.mark.parametrize("protocol", PROTOCOLS)


def serve(protocol: WireProtocol, *answers: dict[str, Any]) -> Handler:
    """Streams of these answers, one a request."""
    streams = [DIALECTS[protocol].to_stream(one, [], {}) for one in answers]
    return in_order(*(stream(one, connection="close") for one in streams))


async def ask_sdk(web: Web, owner: Owner, protocol: WireProtocol) -> tuple[str, list[Any]]:
    """The text and the calls' arguments that the provider's own SDK reads from a stream."""
    base, body = f"{web.url}/proxy/up", request(protocol, "get_weather")
    if protocol == "anthropic.messages":
        claude = anthropic.AsyncAnthropic(base_url=base, api_key=owner.key, max_retries=0)
        async with claude, claude.messages.stream(**body) as events:
            message = await events.get_final_message()
        texts = [one.text for one in message.content if one.type == "text"]
        return "|".join(texts), [one.input for one in message.content if one.type == "tool_use"]
    async with openai.AsyncOpenAI(
        base_url=f"{base}/v1", api_key=owner.key, max_retries=0
    ) as client:
        if protocol == "openai.responses":
            async with client.responses.stream(**body) as found:
                response = await found.get_final_response()
            calls = [one for one in response.output if one.type == "function_call"]
            return response.output_text, [json.loads(one.arguments) for one in calls]
        async with client.chat.completions.stream(**body) as chunks:
            said = (await chunks.get_final_completion()).choices[0].message
    called = [one.function.arguments for one in said.tool_calls or []]
    return said.content or "", [json.loads(one) for one in called]


@every_protocol
@pytest.mark.parametrize("text", ["", "Let me see."])
@pytest.mark.parametrize("second", [GOOD, BAD])
async def test_the_sdk_of_each_protocol_reads_the_final_stream(
    web: Web, owner: Owner, protocol: WireProtocol, text: str, second: str
) -> None:
    first = answer_in(protocol, text, ("get_weather", BAD))
    again = answer_in(protocol, "", ("get_weather", second))
    async with Upstream(serve(protocol, first, again)) as upstream:
        await guard(owner, upstream)
        said, calls = await ask_sdk(web, owner, protocol)
    assert said.startswith(text)
    assert ("held back" in said) == (second == BAD)
    assert calls == ([json.loads(GOOD)] if second == GOOD else [])
    told = json.dumps(upstream.requests[1].json)
    assert "unexpected_parameter" in told
    turns = await stored(owner, 2)
    assert turns[0].turn.conversation_id == turns[1].turn.conversation_id


@every_protocol
async def test_text_passes_before_the_provider_has_ended(
    web: Web, owner: Owner, protocol: WireProtocol
) -> None:
    whole = DIALECTS[protocol].to_stream(answer_in(protocol, "Hello there", CALL[1]), [], {})
    cut = whole.index(b"Hello there") + 200
    go_on = asyncio.Event()

    async def handle(_: Request, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n")
        writer.write(b"connection: close\r\n\r\n" + whole[:cut])
        await writer.drain()
        await go_on.wait()
        writer.write(whole[cut:])

    async with Upstream(handle) as upstream, client(web) as http:
        await guard(owner, upstream)
        asked = request(protocol, "get_weather", stream=True)
        path = f"/proxy/up/v1/{PATHS[protocol]}"
        async with http.stream("POST", path, json=asked, headers=owner.headers) as found:
            chunks = found.aiter_raw()
            got = await anext(chunks)
            assert b"Hello there" in got
            go_on.set()
            got += b"".join([chunk async for chunk in chunks])
    assert got == whole
    assert found.headers["x-misfire-guard"] == "streamed"
    await stored(owner)  # or the store would meet the next test's empty tables, and rest


async def test_text_that_has_passed_ends_in_a_held_call_where_asking_again_fails(
    web: Web, owner: Owner
) -> None:
    first = DIALECTS["openai.chat"].to_stream(answer_in("openai.chat", "Hm.", CALL[0]), [], {})
    failing = answer(429, {"error": {"message": "slow"}})
    async with Upstream(in_order(stream(first, connection="close"), failing)) as upstream:
        await guard(owner, upstream)
        said, calls = await ask_sdk(web, owner, "openai.chat")
    assert said.startswith("Hm.\n\nThe call of get_weather was held back")
    assert not calls
    assert "held rejected calls back" in (await notes(owner, 2))[0]


async def test_only_routed_tools_are_sent(web: Web, owner: Owner) -> None:
    groups = [{"name": "weather", "tools": ["get_weather"]}, {"name": "money", "tools": ["refund"]}]
    router = {"groups": groups, "keywords": [{"words": ["weather"], "groups": ["weather"]}]}
    async with Upstream(whole(text="Hello")) as upstream:
        await guard(owner, upstream, router=router)
        assert (await ask(web, owner)).json()["choices"][0]["message"]["content"] == "Hello"
    sent = upstream.requests[0].json["tools"]
    assert [tool["function"]["name"] for tool in sent] == ["get_weather"]
    assert "sent 1 of 2 tools" in (await notes(owner, 1))[0]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (CHAT, {**ASKED, "n": 2}),
        (CHAT, [ASKED]),
        ("/proxy/up/v1/responses", {"model": "m", "input": "Hi", "previous_response_id": "r"}),
        ("/proxy/up/v1/messages", {"model": "m"}),
    ],
)
async def test_what_it_cannot_guard_is_refused(
    web: Web, owner: Owner, path: str, body: Any
) -> None:
    async with Upstream(whole(GOOD)) as upstream:
        await guard(owner, upstream)
        found = await ask(web, owner, body, path)
    assert (found.status_code, found.headers["x-misfire-error"]) == (400, "guard_unsupported")
    assert not upstream.requests


async def test_errors_pass_and_half_an_answer_does_not(web: Web, owner: Owner) -> None:
    cut = stream(delta(delta={"role": "assistant"}), cut=True)
    async with Upstream(in_order(answer(429, {"error": {"message": "slow"}}), cut)) as upstream:
        await guard(owner, upstream)
        assert (await ask(web, owner)).status_code == 429
        found = await ask(web, owner, {**ASKED, "stream": True})
    assert (found.status_code, found.json()["error"]["code"]) == (502, "cut")
    assert len(await stored(owner, 2)) == 2


@pytest.mark.django_db
def test_an_admin_sets_a_key_to_guard_and_back() -> None:
    people = make_people()
    owner = Owner(people.project, "")
    key, _ = ApiKey.issue(project=owner.project, name="checkout", scopes=["ingest"])
    browser = client_of(people.alice)
    page = reverse("conversations:proxy-guard", args=[owner.project.slug, key.pk])
    keys = reverse("accounts:keys", args=[owner.project.slug])
    assert "Observes" in browser.get(keys).content.decode()
    assert browser.post(page, {"mode": "guard", "tries": "9"}).status_code == 422
    assert browser.post(page, {"mode": "guard", "tries": "3", "router": ""}).status_code == 302
    assert ProxyGuard.objects.get(api_key=key).tries == 3
    assert "Guards" in browser.get(keys).content.decode()
    assert 'value="3"' in browser.get(page).content.decode()
    assert browser.post(page, {"mode": "observe", "tries": "3"}).status_code == 302
    assert not ProxyGuard.objects.filter(api_key=key).exists()

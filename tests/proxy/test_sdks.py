"""The providers' own SDKs as clients: with another base URL they work as before."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anthropic
import openai
import pytest

from tests.conftest import ROOT, daphne, test_database_url
from tests.factories import WEATHER
from tests.providers.upstream import Upstream, answer, stream
from tests.proxy.asking import PROVIDER_KEY, Owner, connect, stored
from tests.proxy.conftest import Web

FIXTURES = ROOT / "tests" / "assembly" / "fixtures"
TOOL: Any = {"type": "function", "function": WEATHER}
ASKED: Any = [{"role": "user", "content": "What is the weather in Lisbon?"}]


@pytest.fixture(scope="module")
def web_with_model(
    django_db_setup: None, tmp_path_factory: Any, django_db_blocker: Any, local_model: Any
) -> Iterator[Web]:
    folder: Path = tmp_path_factory.mktemp("var")
    with django_db_blocker.unblock():
        url = test_database_url()
    environment = {
        "DATABASE_URL": url,
        "VAR_DIR": str(folder),
        "LOCAL_MODEL_URL": local_model.url,
        "LOCAL_MODEL_KEY": local_model.key,
    }
    with daphne(environment) as address:
        yield Web(address, folder)


def openai_client(web: Web, owner: Owner, **options: Any) -> openai.AsyncOpenAI:
    """As the page tells it, the key as the SDK's own and the connection's environment key used."""
    return openai.AsyncOpenAI(
        base_url=f"{web.url}/proxy/up/v1", api_key=owner.key, max_retries=0, **options
    )


@pytest.mark.model
async def test_the_local_model_streams_a_call_through_the_openai_sdk(
    web_with_model: Web, owner: Owner, local_model: Any
) -> None:
    connection = await connect(owner, "", protocol="local")
    async with openai_client(web_with_model, owner) as client:
        got = await client.chat.completions.create(
            model=local_model.name,
            messages=ASKED,
            tools=[TOOL],
            stream=True,
            temperature=0,
            max_tokens=60,
        )
        parts = [
            call.function.arguments or ""
            async for chunk in got
            for choice in chunk.choices
            for call in choice.delta.tool_calls or []
            if call.function
        ]
    [kept] = await stored(owner)
    assert json.loads("".join(parts))["city"]
    assert [(c.name, c.arguments) for c in kept.calls] == [("get_weather", "".join(parts))]
    assert kept.turn.connection_id == connection.pk
    assert kept.turn.input_tokens is None or kept.turn.input_tokens > 0


@pytest.mark.model
async def test_the_local_model_answers_whole_through_the_openai_sdk(
    web_with_model: Web, owner: Owner, local_model: Any
) -> None:
    await connect(owner, "", protocol="local")
    async with openai_client(web_with_model, owner) as client:
        got = await client.chat.completions.create(
            model=local_model.name, messages=ASKED, tools=[TOOL], temperature=0, max_tokens=60
        )
        listed = [model.id async for model in client.models.list()]
    [kept] = await stored(owner)
    assert got.usage and kept.turn.input_tokens == got.usage.prompt_tokens
    assert [c.name for c in kept.calls] == [
        call.function.name  # type: ignore[union-attr]
        for call in got.choices[0].message.tool_calls or []
    ]
    assert listed


async def test_the_anthropic_sdk_streams_messages(web: Web, owner: Owner) -> None:
    said = (FIXTURES / "anthropic.sse").read_bytes()
    async with Upstream(stream(said)) as upstream:
        await connect(owner, upstream.url.removesuffix("/v1"), protocol="anthropic")
        client = anthropic.AsyncAnthropic(
            base_url=f"{web.url}/proxy/k/{owner.key}/up", api_key=PROVIDER_KEY, max_retries=0
        )
        tool: Any = {"name": "get_weather", "input_schema": WEATHER["parameters"]}
        async with (
            client,
            client.messages.stream(
                model="claude", max_tokens=100, messages=ASKED, tools=[tool]
            ) as got,
        ):
            message = await got.get_final_message()
    [request] = upstream.requests
    assert request.headers["authorization"] == f"bearer {PROVIDER_KEY}"
    assert request.path.startswith("/v1/messages")
    [kept] = await stored(owner)
    blocks = [block for block in message.content if block.type == "tool_use"]
    assert [c.name for c in kept.calls] == [block.name for block in blocks]
    assert kept.turn.protocol == "anthropic.messages" and kept.answer == said


async def test_the_openai_sdk_streams_responses(web: Web, owner: Owner) -> None:
    said = (FIXTURES / "responses.sse").read_bytes()
    async with Upstream(stream(said)) as upstream:
        await connect(owner, upstream.url)
        async with openai_client(web, owner) as client:
            got = await client.responses.create(model="m", input="Go", stream=True)
            names = [
                event.item.name
                async for event in got
                if event.type == "response.output_item.done" and event.item.type == "function_call"
            ]
    [kept] = await stored(owner)
    assert names and [c.name for c in kept.calls] == names
    assert kept.turn.protocol == "openai.responses" and kept.answer == said


async def test_sdks_raise_what_they_would_without_the_proxy(web: Web, owner: Owner) -> None:
    said = {"error": {"message": "Slow down.", "type": "rate", "code": "rate_limit_exceeded"}}
    async with Upstream(answer(429, said)) as upstream:
        await connect(owner, upstream.url)
        async with openai_client(web, owner) as client:
            with pytest.raises(openai.RateLimitError) as raised:
                await client.chat.completions.create(model="m", messages=ASKED)
    assert raised.value.code == "rate_limit_exceeded"


async def test_sdks_read_the_proxys_own_refusals(web: Web, owner: Owner) -> None:
    await connect(owner, "http://127.0.0.1:9/v1")
    async with openai.AsyncOpenAI(
        base_url=f"{web.url}/proxy/up/v1", api_key="mf_made_up", max_retries=0
    ) as client:
        with pytest.raises(openai.AuthenticationError, match="No live project key"):
            await client.chat.completions.create(model="m", messages=ASKED)
    async with anthropic.AsyncAnthropic(
        base_url=f"{web.url}/proxy/none", api_key=owner.key, max_retries=0
    ) as other:
        with pytest.raises(anthropic.NotFoundError, match="no open connection"):
            await other.messages.create(model="m", max_tokens=9, messages=ASKED)


def test_the_synchronous_sdk_works_too(web: Web, owner: Owner, django_db_blocker: Any) -> None:
    owner.connect("http://127.0.0.1:9/v1")
    client = openai.OpenAI(
        base_url=f"{web.url}/proxy/up/v1",
        api_key=PROVIDER_KEY,
        default_headers={"X-Misfire-Key": owner.key},
        max_retries=0,
    )
    with client, pytest.raises(openai.APIStatusError) as raised:
        client.chat.completions.create(model="m", messages=ASKED)
    assert raised.value.status_code == 502

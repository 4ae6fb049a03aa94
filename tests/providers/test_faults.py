"""Every fault of a provider is told apart, over real connections, with what to do."""

from __future__ import annotations

import json
from typing import Any

import httpx2
import pytest

from console.lib import http
from conversations.providers import Ask, Endpoint, ProviderFault, load
from tests.providers.upstream import TEXT, Handler, Upstream, answer, delta, hang, stream

ASK = Ask("m", [{"role": "user", "content": "Hi"}])
KEY = "sk-very-secret-key"
PROTOCOLS = ["openai", "anthropic", "ollama"]


@pytest.fixture(autouse=True)
def _loopback(settings: Any) -> None:
    settings.OUTBOUND_ALLOW = ["127.0.0.1"]


async def ask(url: str, protocol: str = "openai", **timeouts: float) -> bytes:
    limits = httpx2.Timeout(**{"connect": 5, "read": 5, "write": 5, "pool": 5, **timeouts})
    body = b""
    async with http.client(timeout=limits) as client:
        provider = load(protocol)(Endpoint(protocol, url, KEY), client)
        async with provider.ask(ASK) as exchange:
            async for chunk, _ in exchange:
                body += chunk
    return body


async def fault_of(handler: Handler, protocol: str = "openai", **timeouts: float) -> ProviderFault:
    async with Upstream(handler) as upstream:
        with pytest.raises(ProviderFault) as caught:
            await ask(upstream.url, protocol, **timeouts)
    assert KEY not in caught.value.detail and KEY.encode() not in (caught.value.body or b"")
    return caught.value


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize(
    ("status", "said", "code"),
    [
        (401, f"Incorrect key {KEY}", "unauthorized"),
        (403, "not allowed", "forbidden"),
        (404, "model m not found", "not_found"),
        (429, "slow down", "rate_limited"),
        (500, "oops", "server_error"),
        (529, "overloaded", "server_error"),
        (400, "maximum context length is 8192 tokens", "context_too_long"),
        (400, "prompt is too long", "context_too_long"),
        (400, "Invalid schema for function", "bad_request"),
    ],
)
async def test_a_status_is_told_apart(protocol: str, status: int, said: str, code: str) -> None:
    fault = await fault_of(answer(status, {"error": {"message": said}}), protocol)
    assert (fault.code, fault.status) == (code, status)
    assert said.split(KEY)[0] in fault.detail


async def test_a_wait_is_passed_on() -> None:
    fault = await fault_of(answer(429, {"error": {"message": "slow"}}, retry_after="7"))
    assert (fault.retry_after, fault.permanent) == (7.0, False)
    assert "7 s" in fault.detail


async def test_nothing_listens() -> None:
    async with Upstream(answer(200, {})) as upstream:
        url = upstream.url
    for protocol in PROTOCOLS:
        with pytest.raises(ProviderFault, match="Nothing listens") as caught:
            await ask(url, protocol)
        assert caught.value.code == "refused"


@pytest.mark.parametrize("protocol", PROTOCOLS)
async def test_a_host_without_an_address(protocol: str) -> None:
    with pytest.raises(ProviderFault) as caught:
        await ask("http://no-such-host.invalid/v1", protocol)
    assert caught.value.code == "dns"


@pytest.mark.parametrize("protocol", PROTOCOLS)
async def test_a_private_address_is_blocked_with_its_cure(protocol: str, settings: Any) -> None:
    settings.OUTBOUND_ALLOW, settings.LOCAL_MODEL_URL = [], ""
    async with Upstream(answer(200, {})) as upstream:
        with pytest.raises(ProviderFault, match="OUTBOUND_ALLOW") as caught:
            await ask(upstream.url, protocol)
    assert caught.value.code == "blocked_address"


async def test_a_server_without_tls() -> None:
    async with Upstream(answer(200, {})) as upstream:
        with pytest.raises(ProviderFault) as caught:
            await ask(upstream.url.replace("http:", "https:"), connect=2)
    assert caught.value.code in ("tls", "timeout", "refused", "cut_stream")


@pytest.mark.parametrize("protocol", PROTOCOLS)
async def test_a_server_that_never_answers(protocol: str) -> None:
    fault = await fault_of(hang, protocol, read=0.3)
    assert (fault.code, fault.permanent) == ("timeout", False)


@pytest.mark.parametrize("protocol", PROTOCOLS)
async def test_a_connection_that_breaks_in_mid_stream(protocol: str) -> None:
    fault = await fault_of(stream(TEXT[0], cut=True), protocol)
    assert fault.code == "cut_stream"


async def test_a_redirect_says_where_to() -> None:
    fault = await fault_of(answer(301, {}, location="https://api.example.com/v1"))
    assert fault.code == "bad_request" and "https://api.example.com/v1" in fault.detail


async def test_the_exact_bytes_come_through() -> None:
    async with Upstream(stream(*TEXT, delta(delta={"content": "é\u202e\x00"}))) as upstream:
        body = await ask(upstream.url)
        sent = upstream.requests[0]
    assert body == b"".join([*TEXT, delta(delta={"content": "é\u202e\x00"})])
    assert sent.json["stream_options"] == {"include_usage": True}
    assert sent.headers["authorization"].endswith(KEY)


async def test_the_recorded_request_is_what_was_sent_without_the_key() -> None:
    async with Upstream(stream(*TEXT)) as upstream, http.client() as client:
        provider = load("openai")(Endpoint("openai", upstream.url, KEY), client)
        leak = Ask("m", [{"role": "user", "content": f"my key is {KEY}"}])
        async with provider.ask(leak) as exchange:
            async for _ in exchange:
                pass
        assert KEY.encode() not in exchange.request
        assert json.loads(exchange.request)["messages"][0]["content"] == "my key is •••"


async def test_the_environment_gives_nothing_away(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENAI_ORG_ID", "OPENAI_PROJECT_ID", "OPENAI_API_KEY", "ANTHROPIC_AUTH_TOKEN"):
        monkeypatch.setenv(name, "leaked")
    monkeypatch.setenv("ANTHROPIC_API_KEY", "leaked")
    for protocol in ("openai", "anthropic"):
        async with Upstream(stream(*TEXT)) as upstream, http.client() as client:
            provider = load(protocol)(Endpoint(protocol, upstream.url), client)
            async with provider.ask(ASK) as exchange:
                async for _ in exchange:
                    pass
            assert "leaked" not in str(upstream.requests[0].headers)

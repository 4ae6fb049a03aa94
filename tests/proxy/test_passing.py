"""What the client gets is what the provider sent."""

from __future__ import annotations

import gzip
import json
from typing import Any

import pytest

from tests.providers.upstream import TEXT, Upstream, answer, stream
from tests.proxy.asking import BODY, PROVIDER_KEY, STREAM, Owner, client, connect
from tests.proxy.conftest import Web

WHOLE = {
    "id": "c",
    "model": "m",
    "choices": [
        {
            "index": 0,
            "message": {"role": "assistant", "content": "Hello"},
            "finish_reason": "stop",
        }
    ],
}
CHAT = "/proxy/up/v1/chat/completions"


async def ask(web: Web, owner: Owner, body: Any = BODY, path: str = CHAT, **headers: str) -> Any:
    async with client(web) as http:
        return await http.post(path, json=body, headers={**owner.headers, **headers})


async def test_a_stream_is_the_same_byte_for_byte(web: Web, owner: Owner) -> None:
    async with Upstream(stream(*TEXT, **{"x-request-id": "r1"})) as upstream:
        await connect(owner, upstream.url)
        chunks = []
        async with (
            client(web) as http,
            http.stream("POST", CHAT, json=STREAM, headers=owner.headers) as response,
        ):
            async for chunk in response.aiter_raw():
                chunks.append(chunk)
    assert response.status_code == 200
    assert b"".join(chunks) == b"".join(TEXT)
    assert len(chunks) > 1, "the chunks come as they arrive"
    assert response.headers["content-type"] == "text/event-stream"
    assert response.headers["x-request-id"] == "r1"


async def test_the_request_reaches_the_provider_unchanged(web: Web, owner: Owner) -> None:
    body = json.dumps({**BODY, "unknown": [1.0, "é"]}, indent=3).encode()
    async with Upstream(answer(200, WHOLE)) as upstream:
        await connect(owner, upstream.url)
        headers = {
            **owner.headers,
            "content-type": "application/json",
            "x-stainless-lang": "python",
            "x-misfire-user": "u-1",
            "cookie": "misfire_session=secret",
            "accept-encoding": "br, gzip",
        }
        async with client(web) as http:
            await http.post(f"{CHAT}?a=1&b=%2F", content=body, headers=headers)
    [request] = upstream.requests
    assert request.body == body
    assert request.path == "/v1/chat/completions?a=1&b=%2F"
    assert request.headers["authorization"] == f"bearer {PROVIDER_KEY}"
    assert request.headers["x-stainless-lang"] == "python"
    assert request.headers["accept-encoding"] == "gzip"
    assert not [name for name in request.headers if name.startswith("x-misfire")]
    assert "cookie" not in request.headers and owner.key.lower() not in str(request.headers)


@pytest.mark.parametrize("status", [400, 401, 429, 500, 529])
async def test_a_providers_error_passes_unchanged(status: int, web: Web, owner: Owner) -> None:
    said = {"error": {"message": "No.", "type": "some_error", "code": "why"}}
    async with Upstream(answer(status, said, retry_after="7")) as upstream:
        await connect(owner, upstream.url)
        response = await ask(web, owner)
    assert (response.status_code, response.json()) == (status, said)
    assert response.headers["retry-after"] == "7"
    assert "x-misfire-error" not in response.headers


async def test_a_compressed_answer_stays_compressed(web: Web, owner: Owner) -> None:
    body = gzip.compress(json.dumps(WHOLE).encode())
    async with Upstream(answer(200, body, content_encoding="gzip")) as upstream:
        await connect(owner, upstream.url)
        async with (
            client(web) as http,
            http.stream("POST", CHAT, json=BODY, headers=owner.headers) as response,
        ):
            raw = b"".join([chunk async for chunk in response.aiter_raw()])
    assert raw == body
    assert response.headers["content-encoding"] == "gzip"


async def test_a_cut_stream_is_cut_for_the_client_too(web: Web, owner: Owner) -> None:
    import httpx2

    async with Upstream(stream(*TEXT[:2], cut=True)) as upstream:
        await connect(owner, upstream.url)
        got = b""
        with pytest.raises(httpx2.RemoteProtocolError):
            async with (
                client(web) as http,
                http.stream("POST", CHAT, json=STREAM, headers=owner.headers) as response,
            ):
                async for chunk in response.aiter_raw():
                    got += chunk
    assert got == b"".join(TEXT[:2])


async def test_other_paths_pass(web: Web, owner: Owner) -> None:
    listed = {"data": [{"id": "org/name"}]}
    async with Upstream(answer(200, listed)) as upstream:
        await connect(owner, upstream.url)
        async with client(web) as http:
            response = await http.get("/proxy/up/v1/models/org%2Fname", headers=owner.headers)
    assert response.json() == listed
    assert [(r.method, r.path) for r in upstream.requests] == [("GET", "/v1/models/org%2Fname")]


async def test_a_providers_page_cannot_become_the_consoles(web: Web, owner: Owner) -> None:
    page = b"<script>alert(1)</script>"
    handler = answer(200, page, kind="text/html", set_cookie="misfire_session=theirs")
    async with Upstream(handler) as upstream:
        await connect(owner, upstream.url)
        async with client(web) as http:
            response = await http.get("/proxy/up/v1/models", headers=owner.headers)
    assert response.content == page
    assert "sandbox" in response.headers["content-security-policy"]
    assert response.headers["x-content-type-options"] == "nosniff"
    assert "set-cookie" not in response.headers


async def test_a_provider_that_is_not_there_is_said_in_its_own_form(web: Web, owner: Owner) -> None:
    await connect(owner, "http://127.0.0.1:9/v1")
    response = await ask(web, owner)
    assert response.status_code == 502
    assert response.json()["error"]["code"] == "refused"
    assert response.headers["x-misfire-error"] == "refused"
    response = await ask(web, owner, path="/proxy/up/v1/messages")
    assert response.json()["type"] == "error"
    assert response.json()["error"]["type"] == "api_error"

"""One exchange: the request to the provider, its answer to the client chunk by chunk."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any

import httpx2

from conversations.doors.proxy.capture import Capture
from conversations.doors.proxy.headers import Headers, to_client, value_of
from conversations.doors.proxy.refusals import Refused
from conversations.providers import ProviderFault
from conversations.providers.faults import of_exception

Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
# As patient as the providers' own SDKs: the client decides how long it waits.
TIMEOUT = httpx2.Timeout(connect=10.0, read=600.0, write=60.0, pool=10.0)


LIGHT = 256 * 1024
"""Bytes of an exchange that are made ready for the journal without another thread."""


class CutOff(Exception):
    """The provider's answer ended in the middle, and so must the client's."""


@dataclass(slots=True)
class Call:
    """A request as the provider gets it. ``where`` is its address without credentials."""

    method: str
    url: str
    where: str
    headers: Headers
    body: bytes
    secrets: tuple[str, ...]
    anthropic: bool


@dataclass(slots=True)
class Passing:
    """An exchange that is recorded. ``keep`` is called once the answer is whole, before the
    client has the end of it; ``begun`` is on the monotonic clock."""

    capture: Capture
    keep: Callable[[Capture], None]
    begun: float = field(default_factory=time.monotonic)

    def see(self, response: httpx2.Response) -> None:
        """Keep what the head of the answer says."""
        headers, capture = response.headers.raw, self.capture
        capture.status = response.status_code
        capture.encoding = value_of(headers, b"content-encoding")
        capture.streamed = value_of(headers, b"content-type").startswith("text/event-stream")

    def take(self, chunk: bytes) -> None:
        self.capture.take(self.age, chunk)

    @property
    def age(self) -> float:
        """Milliseconds since the request."""
        return (time.monotonic() - self.begun) * 1000

    def finish(self) -> None:
        """The answer is whole, unless it was too long to be."""
        if self.capture.end == "open":
            self.capture.end = "whole"
        self.capture.latency_ms = self.age
        self.keep(self.capture)


async def relay(
    client: httpx2.AsyncClient, call: Call, kept: Passing | None, receive: Receive, send: Send
) -> None:
    """Pass the exchange on until it ends or the client goes away, which ends it upstream, too."""
    try:
        is_done = await until_left(_pass(client, call, kept, send), receive)
        if kept and not is_done:
            kept.capture.end = "cancelled"
    finally:
        if kept:
            kept.capture.latency_ms = kept.age


async def until_left(work: Coroutine[Any, Any, None], receive: Receive) -> bool:
    """Do the work; False where the client went away, which ends it."""
    working = asyncio.ensure_future(work)
    leaving = asyncio.ensure_future(_wait_for_leave(receive))
    try:
        await asyncio.wait((working, leaving), return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            working.result()
        return working.done()
    finally:
        leaving.cancel()
        if not working.done():
            working.cancel()
            await asyncio.wait((working,))


async def _wait_for_leave(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _pass(client: httpx2.AsyncClient, call: Call, kept: Passing | None, send: Send) -> None:
    try:
        response = await open_answer(client, call)
    except ProviderFault as fault:
        refused = answer_for_provider(call, kept, fault)
        await refuse(send, refused, anthropic=call.anthropic)
        return
    try:
        await _pass_answer(response, kept, send)
    except httpx2.TransportError as error:
        if kept:
            kept.capture.end = "cut"
        await cut_off(send, error)
    finally:
        await response.aclose()


async def open_answer(client: httpx2.AsyncClient, call: Call) -> httpx2.Response:
    """The provider's answer, its body still to be read. Raises ``ProviderFault``."""
    try:
        request = httpx2.Request(
            call.method,
            call.url,
            headers=call.headers,
            content=call.body,
            extensions={"timeout": TIMEOUT.as_dict()},
        )
        return await client.send(request, stream=True)
    except (httpx2.InvalidURL, ValueError) as error:
        raise ProviderFault("bad_request", f"{call.where} is no usable address.") from error
    except Exception as error:
        fault = of_exception(error, call.where)
        for secret in call.secrets:
            fault.scrub(secret)
        raise fault from error


async def _pass_answer(response: httpx2.Response, kept: Passing | None, send: Send) -> None:
    headers = response.headers.raw
    if kept:
        kept.see(response)
    await send(
        {
            "type": "http.response.start",
            "status": response.status_code,
            "headers": to_client(headers),
        }
    )
    async for chunk in response.aiter_raw():
        if kept:
            kept.take(chunk)
        await send({"type": "http.response.body", "body": chunk, "more_body": True})
    if kept and kept.capture.weight > LIGHT:
        await asyncio.to_thread(kept.finish)
    elif kept:
        kept.finish()
    await send({"type": "http.response.body", "body": b""})


def answer_for_provider(call: Call, kept: Passing | None, fault: ProviderFault) -> Refused:
    """What is answered where the provider cannot be reached: the turn failed."""
    status = 504 if fault.code == "timeout" else 502
    refused = Refused(status, fault.code, fault.detail)
    if kept:
        kept.capture.status, kept.capture.end = status, "unanswered"
        kept.take(refused.body(anthropic=call.anthropic))
    return refused


async def refuse(send: Send, refused: Refused, *, anthropic: bool) -> None:
    """Send the proxy's own answer."""
    body = refused.body(anthropic=anthropic)
    start = {"type": "http.response.start", "status": refused.status}
    await send({**start, "headers": refused.headers(body)})
    await send({"type": "http.response.body", "body": body})


async def cut_off(send: Send, error: Exception) -> None:
    """Close the client's connection so that it sees no proper end.

    ASGI has no message for it. Servers close it when the application fails; Daphne, which
    would try to send an error page instead, is asked to close what ``send`` is bound to.
    """
    protocol = next(iter(getattr(send, "args", ())), None)
    if protocol is None or not hasattr(protocol, "loseConnection"):
        raise CutOff(str(error)) from error
    protocol.loseConnection()

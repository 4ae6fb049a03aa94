"""What every provider has in common: a request in, the raw bytes of its answer out.

The canonical request is OpenAI chat form. A provider turns it into its own protocol
(``prepare``, pure) and sends it; the bytes of the response come back untouched, with the
time of their arrival, for ``conversations.assembly`` to read.
"""

from __future__ import annotations

import asyncio
import re
import time
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import dataclass, field
from functools import lru_cache
from types import TracebackType
from typing import Any, Self

import httpx2
import orjson

from console.lib import json
from console.lib.http import BodyTooLarge, read_whole
from conversations.parts import WireProtocol
from conversations.providers import faults

ANSWER_LIMIT = 64 * 1024 * 1024
_SURROGATES = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True)
class Ask:
    """The canonical request: OpenAI chat messages and tools, whatever the provider speaks.

    ``parameters`` is the rest of the request by OpenAI's names (``temperature``,
    ``max_tokens``, ``parallel_tool_calls``…).
    """

    model: str
    messages: Sequence[Mapping[str, Any]]
    tools: Sequence[Mapping[str, Any]] = ()
    tool_choice: Any = None
    parameters: Mapping[str, Any] = field(default_factory=dict)
    stream: bool = True


@dataclass(frozen=True)
class Endpoint:
    """Where a provider listens. ``key`` is the secret itself and is never stored or shown."""

    protocol: str
    base_url: str = ""
    key: str = field(default="", repr=False)
    settings: Mapping[str, Any] = field(default_factory=dict)
    name: str = ""


@dataclass(frozen=True)
class Prepared:
    """A request in the provider's own form; ``notes`` say what could not be carried over."""

    wire: WireProtocol
    body: dict[str, Any]
    notes: list[str] = field(default_factory=list)


class Exchange:
    """One request and its response: enter it to send, iterate it for the raw body.

    Iteration yields ``(bytes, milliseconds since the request was sent)``. ``request`` is the
    exact body that was sent, without the key. Raises ``ProviderFault`` only.
    """

    def __init__(self, provider: Provider, prepared: Prepared) -> None:
        self.wire, self.notes = prepared.wire, prepared.notes
        self.request = json.dump(prepared.body).encode()
        self.status: int | None = None
        self.headers: Mapping[str, str] = {}
        self._provider, self._prepared = provider, prepared
        self._stack = AsyncExitStack()
        self._sending: asyncio.Task[None] | None = None
        self._begun = 0.0

    def begin(self) -> None:
        """Send the request now; entering waits for the answer to begin."""
        self._sending = asyncio.create_task(self._send())

    async def settle(self, seconds: float) -> None:
        """Wait until the answer begins, at most so long."""
        assert self._sending is not None
        await asyncio.wait([self._sending], timeout=seconds)

    async def __aenter__(self) -> Self:
        if self._sending is None:
            self.begin()
        assert self._sending is not None
        await self._sending
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Give up the request, or end the response."""
        if self._sending is not None and not self._sending.done():
            self._sending.cancel()
        if self._sending is not None:
            await asyncio.gather(self._sending, return_exceptions=True)
        await self._stack.aclose()

    async def _send(self) -> None:
        self._begun = time.monotonic()
        try:
            self._response = await self._stack.enter_async_context(
                self._provider.open(self._prepared.body)
            )
            await self._check()
        except Exception as error:
            await self._stack.aclose()
            raise self._fault(error) from error

    async def _check(self) -> None:
        response = self._response
        self.status, self.headers = response.status_code, response.headers
        if not response.is_success:
            body = await read_whole(response)
            raise faults.of_status(response.status_code, response.headers, body, self.where)
        secret = self._provider.endpoint.key.encode()
        sent = await response.request.aread()
        self.request = sent.replace(secret, "•••".encode()) if secret else sent

    async def __aiter__(self) -> AsyncIterator[tuple[bytes, float]]:
        size = 0
        try:
            response = self._response
            packed = "content-encoding" in response.headers
            async for chunk in response.aiter_bytes() if packed else response.aiter_raw():
                size += len(chunk)
                if size > ANSWER_LIMIT:
                    raise BodyTooLarge(f"the answer is larger than {ANSWER_LIMIT} bytes")
                yield chunk, (time.monotonic() - self._begun) * 1000
        except Exception as error:
            raise self._fault(error) from error

    @property
    def elapsed_ms(self) -> float:
        return (time.monotonic() - self._begun) * 1000

    @property
    def where(self) -> str:
        """The provider's address as people know it."""
        return self._provider.where

    def _fault(self, error: Exception) -> faults.ProviderFault:
        return faults.of_exception(error, self.where).scrub(self._provider.endpoint.key)


class Provider(ABC):
    """One protocol. A subclass says how a request looks and how it is sent."""

    default_url = ""
    has_models = True

    def __init__(self, endpoint: Endpoint, client: httpx2.AsyncClient) -> None:
        self.endpoint, self.client = endpoint, client

    @property
    def base_url(self) -> str:
        return (self.endpoint.base_url or self.default_url).rstrip("/")

    @property
    def where(self) -> str:
        """The address as people know it, without credentials."""
        return re.sub(r"//[^/@]*@", "//", self.base_url) or self.endpoint.name

    @abstractmethod
    def prepare(self, ask: Ask) -> Prepared:
        """The request in the provider's own form. Pure."""

    @abstractmethod
    def open(self, body: dict[str, Any]) -> AbstractAsyncContextManager[httpx2.Response]:
        """Send the request; the response's body is not read yet."""

    @abstractmethod
    async def list_models(self) -> list[str]:
        """The names of its models. Raises ``ProviderFault``."""

    @property
    def plain_target(self) -> tuple[str, dict[str, str]] | None:
        """The address and the headers to which a request for a whole answer can simply be posted;
        None where that takes more."""
        return None

    async def post(self, ask: Ask) -> tuple[WireProtocol, bytes, bytes]:
        """Post the request to ``plain_target``: the protocol, what was sent, what was answered.

        An SDK takes milliseconds for a call, too much where thousands are made. Raises
        ``ProviderFault``.
        """
        assert self.plain_target is not None
        prepared = carriable(self.prepare(ask))
        sent, (url, headers) = json.dump_bytes(prepared.body), self.plain_target
        try:
            target = _read_url(url)
            async with self.client.stream(
                "POST", target, content=sent, headers=headers
            ) as response:
                body = await read_whole(response, limit=ANSWER_LIMIT)
        except Exception as error:
            raise faults.of_exception(error, self.where).scrub(self.endpoint.key) from error
        if not response.is_success:
            fault = faults.of_status(response.status_code, response.headers, body, self.where)
            raise fault.scrub(self.endpoint.key)
        return prepared.wire, sent, body

    def ask(self, ask: Ask) -> Exchange:
        """The exchange of this request, not yet sent."""
        prepared = self.prepare(ask)
        return Exchange(self, carriable(prepared))

    async def read_json(self, url: str, headers: Mapping[str, str]) -> Any:
        """GET a JSON document of the provider. Raises ``ProviderFault``."""
        try:
            async with self.client.stream("GET", url, headers=headers) as response:
                body = await read_whole(response)
        except Exception as error:
            raise faults.of_exception(error, self.where).scrub(self.endpoint.key) from error
        if not response.is_success:
            fault = faults.of_status(response.status_code, response.headers, body, self.where)
            raise fault.scrub(self.endpoint.key)
        try:
            return orjson.loads(body)
        except ValueError as error:
            raise faults.ProviderFault(
                "malformed_stream",
                f"{url} did not answer with JSON. Check the base URL.",
                body=body,
            ) from error


@lru_cache(maxsize=256)
def _read_url(text: str) -> httpx2.URL:
    return httpx2.URL(text)


def carriable(prepared: Prepared) -> Prepared:
    """The request without lone surrogates, which no UTF-8 body can carry."""
    try:
        orjson.dumps(prepared.body)
    except TypeError:
        body = replace_surrogates(prepared.body)
        note = "Unpaired surrogates in the messages were sent as U+FFFD: UTF-8 cannot carry them."
        changed = body != prepared.body
        return Prepared(prepared.wire, body, [*prepared.notes, *([note] if changed else [])])
    return prepared


def replace_surrogates(value: Any) -> Any:
    match value:
        case str():
            return _SURROGATES.sub("\ufffd", value)
        case list() | tuple():
            return [replace_surrogates(item) for item in value]
        case dict():
            return {
                replace_surrogates(key): replace_surrogates(item) for key, item in value.items()
            }
        case _:
            return value


def text_of(content: Any) -> str:
    """The text of an OpenAI message's content: a string, or the text parts of a list."""
    if isinstance(content, list):
        return "".join(
            part.get("text") or part.get("refusal") or ""
            for part in content
            if isinstance(part, Mapping)
        )
    return "" if content is None else str(content)


def calls_of(message: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """The (id, name, arguments) of an assistant message's calls, the legacy form included."""
    calls = [
        (
            str(call.get("id") or ""),
            str((call.get("function") or call.get("custom") or {}).get("name") or ""),
            str((call.get("function") or {}).get("arguments") or "")
            or str((call.get("custom") or {}).get("input") or ""),
        )
        for call in message.get("tool_calls") or []
    ]
    if legacy := message.get("function_call"):
        calls.append(("", str(legacy.get("name") or ""), str(legacy.get("arguments") or "")))
    return calls

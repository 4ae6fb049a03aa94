"""The ASGI application of the proxy."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cached_property
from typing import Any, cast

import httpx2

from console.lib import http, uuid7
from conversations.doors.proxy.address import (
    PREFIX,
    Address,
    BadAddress,
    read_address,
    upstream_url,
)
from conversations.doors.proxy.capture import Capture
from conversations.doors.proxy.gate import Gate, Route
from conversations.doors.proxy.guarding import Guarded
from conversations.doors.proxy.headers import (
    Headers,
    Marks,
    read_marks,
    secrets_in,
    to_upstream,
)
from conversations.doors.proxy.recorder import Recorder
from conversations.doors.proxy.refusals import Refused
from conversations.doors.proxy.relay import TIMEOUT, Call, Passing, Receive, Send, refuse, relay
from conversations.guard.records import Terms
from conversations.parts import WireProtocol

BODY = 64 * 1024 * 1024
Scope = dict[str, Any]


class Proxy:
    """What one process holds for all of its requests, made when the first one comes."""

    @cached_property
    def gate(self) -> Gate:
        return Gate()

    @cached_property
    def recorder(self) -> Recorder:
        return Recorder()

    @cached_property
    def client(self) -> httpx2.AsyncClient:
        return http.client(timeout=TIMEOUT)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            address = read_address(_raw_path(scope))
        except BadAddress as error:
            await refuse(send, Refused(404, "bad_address", str(error)), anthropic=False)
            return
        try:
            await self._serve(address, scope, receive, send)
        except Refused as refused:
            await refuse(send, refused, anthropic=address.is_anthropic)

    async def _serve(self, address: Address, scope: Scope, receive: Receive, send: Send) -> None:
        headers: Headers = scope["headers"]
        marks = read_marks(headers)
        route = await self.gate.find(marks.key or address.key, address.connection)
        body = await _read_body(receive)
        call = _call_of(address, route, scope, body)
        protocol = address.protocol(scope["method"])
        if not protocol:
            await relay(self.client, call, None, receive, send)
            return
        if route.guard is not None:
            await self._guard(route.guard, route, protocol, marks, call, receive, send)
            return
        capture = _begin(route, protocol, marks, body, call.secrets)
        self.recorder.begin(capture)
        try:
            kept = Passing(capture, self.recorder.keep)
            await relay(self.client, call, kept, receive, send)
        finally:
            self.recorder.finish(capture)

    async def _guard(
        self,
        terms: Terms,
        route: Route,
        protocol: str,
        marks: Marks,
        call: Call,
        receive: Receive,
        send: Send,
    ) -> None:
        def begin(body: bytes) -> Capture:
            return _begin(route, protocol, marks, body, call.secrets)

        spoken = cast(WireProtocol, protocol)
        guarded = Guarded(
            self.client, call, spoken, terms, route.project, begin, self.recorder, send
        )
        await guarded.serve(receive)


def _raw_path(scope: Scope) -> str:
    raw: bytes = scope.get("raw_path") or scope["path"].encode()
    return raw.decode("latin-1")


async def _read_body(receive: Receive) -> bytes:
    """The whole request. Raises ``Refused`` for one that is too large."""
    parts, size, more = [], 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Refused(400, "disconnected", "The client went away.")
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > BODY:
            limit = f"{BODY // 1024 // 1024} MiB"
            raise Refused(413, "body_too_large", f"At most {limit} are passed on at once.")
        more = message.get("more_body", False)
    return b"".join(parts)


def _call_of(address: Address, route: Route, scope: Scope, body: bytes) -> Call:
    query = scope.get("query_string", b"").decode("latin-1")
    headers = to_upstream(scope["headers"])
    secrets = secrets_in(scope["headers"])
    if not secrets and (lent := _lend(address, route)):
        headers.append(lent)
        secrets = [route.lent]
    return Call(
        method=scope["method"],
        url=upstream_url(route.base_url, address.path, query),
        where=_without_credentials(route.base_url),
        headers=headers,
        body=body,
        secrets=tuple(secrets),
        anthropic=address.is_anthropic,
    )


def _lend(address: Address, route: Route) -> tuple[bytes, bytes] | None:
    """The header with the connection's own key. Raises ``Refused`` where it may not be had."""
    if route.fault:
        raise Refused(401, "provider_key_missing", route.fault)
    if not route.lent:
        return None
    if not address.may_lend:
        raise Refused(
            401,
            "provider_key_missing",
            "For this address send the provider's key: the connection's own serves calls of"
            " models only.",
        )
    return b"authorization", f"Bearer {route.lent}".encode()


def _without_credentials(url: str) -> str:
    scheme, mark, rest = url.partition("://")
    host, slash, path = rest.partition("/")
    return f"{scheme}{mark}{host.rpartition('@')[2]}{slash}{path}"


def _begin(
    route: Route, protocol: str, marks: Marks, body: bytes, secrets: tuple[str, ...]
) -> Capture:
    return Capture(
        id=f"proxy:{uuid7.now().hex}",
        at=datetime.now(UTC),
        project=route.project,
        api_key=route.api_key,
        connection=route.connection,
        provider=route.provider,
        protocol=protocol,
        request=body,
        conversation=marks.conversation,
        user=marks.user,
        tags=marks.tags,
        environment=marks.environment,
        secrets=secrets,
        bucket=route.bucket,
    )


def in_front_of(application: Any) -> Any:
    """An ASGI application that takes what is below ``/proxy/`` and leaves the rest as it was."""
    proxy = Proxy()

    async def front(scope: Scope, receive: Receive, send: Send) -> None:
        taken = scope["type"] == "http" and scope["path"].startswith(PREFIX)
        await (proxy if taken else application)(scope, receive, send)

    return front

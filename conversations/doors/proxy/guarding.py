"""A guarded exchange: its answer is read whole and judged before the client gets any of it.

Each request to the provider is a turn of its own. What the client gets is the provider's last
answer as it came, byte for byte, unless calls were held: then it is an answer of ours.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import httpx2

from console.lib import json
from console.lib.threads import in_thread
from conversations.assembly import assemble, message_of, read_answer
from conversations.doors.proxy.capture import Capture
from conversations.doors.proxy.headers import Headers, to_client
from conversations.doors.proxy.recorder import Recorder
from conversations.doors.proxy.refusals import Refused
from conversations.doors.proxy.relay import (
    LIGHT,
    Call,
    Passing,
    Receive,
    Send,
    answer_for_provider,
    open_answer,
    until_left,
)
from conversations.doors.proxy.turn import conversation_of, decode
from conversations.guard import chat
from conversations.guard.judging import find_unknown, judge_answer, offer_tools, read_names
from conversations.guard.records import Terms
from conversations.parts import Answer, WireProtocol
from conversations.providers import ProviderFault

PROTOCOL: WireProtocol = "openai.chat"
HEADER = b"x-misfire-guard"
_KEPT = (b"content-type", b"content-length", b"content-encoding")


@dataclass(frozen=True)
class Seen:
    """An answer of the provider: as it came, and as it is read."""

    capture: Capture
    headers: Headers
    raw: bytes
    answer: Answer


@dataclass(frozen=True)
class Given:
    """What the client gets."""

    status: int
    headers: Headers
    body: bytes


@dataclass
class Guarded:
    """One exchange of a client. ``begin`` makes the capture of a request's body."""

    client: httpx2.AsyncClient
    call: Call
    terms: Terms
    project: int
    begin: Callable[[bytes], Capture]
    recorder: Recorder
    captures: list[Capture] = field(default_factory=list)

    async def serve(self, receive: Receive, send: Send) -> None:
        """Answer the client. Raises ``Refused``."""
        body = _read_request(self.call.body)
        try:
            if not await until_left(self._answer(body, send), receive) and self.captures:
                self.captures[-1].end = "cancelled"
        finally:
            for capture in self.captures:
                self.recorder.finish(capture)

    async def _answer(self, asked: chat.Body, send: Send) -> None:
        body, routed = await self._route(asked)
        for attempt in range(self.terms.tries + 1):
            notes = [routed] if routed else []
            if attempt:
                notes.append(
                    f"The guard sent this request, number {attempt + 1} of"
                    f" {self.terms.tries + 1}, because calls of the answer before were rejected."
                )
            is_changed = bool(notes)
            seen = await self._ask(
                json.dump(body).encode() if is_changed else self.call.body, notes
            )
            rejected = await self._judge(body, seen)
            if not rejected:
                outcome = "corrected" if attempt else "passed"
                await self._give(
                    asked, seen, _pass_on(seen), message_of(seen.answer), outcome, send
                )
                return
            message = chat.with_ids(message_of(seen.answer))
            if attempt < self.terms.tries:
                said = (
                    f"The guard answered rejected calls back to the model: {_list(seen, rejected)}."
                )
                _note(seen.capture, f"{said} The application did not get this answer.")
                body = chat.answer_back(body, message, rejected)
        completion = chat.hold(_head_of(seen), message, rejected)
        _note(
            seen.capture,
            f"The guard held rejected calls back: {_list(seen, rejected)}."
            " The application got the answer without them, and a text that says so.",
        )
        given = _write(completion, seen, asked)
        await self._give(asked, seen, given, completion["choices"][0]["message"], "held", send)

    async def _route(self, asked: chat.Body) -> tuple[chat.Body, str]:
        if self.terms.router is None:
            return asked, ""
        project = self.project
        if self.terms.router.classifier is None:
            return offer_tools(project, self.terms, asked)
        return await in_thread(offer_tools)(project, self.terms, asked)

    async def _ask(self, body: bytes, notes: list[str]) -> Seen:
        """Ask the provider, and read its whole answer. Raises ``Refused``."""
        capture = self.begin(body)
        capture.guarded = tuple(notes)
        self.captures.append(capture)
        self.recorder.begin(capture)
        kept = Passing(capture, self.recorder.keep)
        try:
            headers = await self._read(kept, body)
        finally:
            capture.latency_ms = kept.age
        if capture.end == "too_long":
            raise Refused(502, "too_long", "The answer is longer than what the guard reads.")
        capture.end = "whole"
        raw = b"".join(chunk for _, chunk in capture.chunks)
        return Seen(capture, headers, raw, _read(capture))

    async def _read(self, kept: Passing, body: bytes) -> Headers:
        """Read the answer into the capture; its headers."""
        try:
            response = await open_answer(self.client, replace(self.call, body=body))
        except ProviderFault as fault:
            raise answer_for_provider(self.call, kept, fault) from fault
        try:
            kept.see(response)
            async for chunk in response.aiter_raw():
                kept.take(chunk)
        except httpx2.TransportError as error:
            kept.capture.end = "cut"
            detail = "The provider's connection broke off before its answer had ended."
            raise Refused(502, "cut", detail) from error
        finally:
            await response.aclose()
        return response.headers.raw

    async def _judge(self, body: chat.Body, seen: Seen) -> chat.Rejected:
        if seen.capture.status >= 400 or not seen.answer.calls:
            return {}
        capture, answer = seen.capture, seen.answer
        user = capture.user or str(body.get("user") or "")
        known: list[str] = []
        if find_unknown(body, answer):
            known = await in_thread(read_names)(self.project)
        environment = capture.environment
        return judge_answer(
            body, answer, self.terms.policies, known, user=user, environment=environment
        )

    async def _give(
        self,
        asked: chat.Body,
        seen: Seen,
        given: Given,
        message: chat.Body,
        outcome: str,
        send: Send,
    ) -> None:
        """Have all turns on the disk, then answer."""
        if outcome != "passed":
            # The client goes on from what it got, which is what names the conversation.
            key = conversation_of(seen.capture.project, asked["messages"], message)
            for capture in self.captures:
                capture.conversation = capture.conversation or key
        if sum(capture.weight for capture in self.captures) > LIGHT:
            await asyncio.to_thread(self._keep)
        else:
            self._keep()
        headers = [*given.headers, (HEADER, outcome.encode())]
        await send({"type": "http.response.start", "status": given.status, "headers": headers})
        await send({"type": "http.response.body", "body": given.body})

    def _keep(self) -> None:
        for capture in self.captures:
            self.recorder.keep(capture)


def _read_request(text: bytes) -> chat.Body:
    """Raises ``Refused`` for a request that is not guarded."""
    try:
        body = json.load(text)
    except (ValueError, RecursionError):
        body = None
    if not isinstance(body, dict) or not isinstance(body.get("messages"), list):
        detail = "A guarded request is a JSON object with messages, in UTF-8, not compressed."
        raise Refused(400, "guard_unsupported", detail)
    if why := chat.why_unsupported(body):
        raise unsupported(why)
    return body


def unsupported(what: str) -> Refused:
    """A request that the key's guard does not speak."""
    return Refused(
        400,
        "guard_unsupported",
        f"This key is guarded, and the guard does not take {what}. It speaks OpenAI chat"
        " completions with tools, streamed and not. Another key that only observes takes it.",
    )


def _read(capture: Capture) -> Answer:
    decoded = decode(capture)
    whole = b"".join(chunk for _, chunk in decoded.chunks)
    return assemble(PROTOCOL, whole) if capture.streamed else read_answer(PROTOCOL, whole)


def _pass_on(seen: Seen) -> Given:
    return Given(seen.capture.status, to_client(seen.headers), seen.raw)


def _write(completion: chat.Body, seen: Seen, asked: chat.Body) -> Given:
    """An answer of ours, in the form that the client asked for."""
    options = asked.get("stream_options")
    with_usage = isinstance(options, dict) and options.get("include_usage") is True
    if seen.capture.streamed:
        kind, body = b"text/event-stream", chat.to_stream(completion, with_usage=with_usage)
    else:
        kind, body = b"application/json", json.dump(completion).encode()
    headers = [pair for pair in to_client(seen.headers) if pair[0] not in _KEPT]
    size = str(len(body)).encode()
    return Given(200, [*headers, (b"content-type", kind), (b"content-length", size)], body)


def _head_of(seen: Seen) -> dict[str, Any]:
    answer = seen.answer
    told: dict[str, Any] = {
        "id": answer.response_id or f"chatcmpl-{uuid.uuid4().hex}",
        "created": int(seen.capture.at.timestamp()),
        "model": answer.model or "",
    }
    return told | ({"usage": dict(answer.usage.raw)} if answer.usage else {})


def _note(capture: Capture, said: str) -> None:
    capture.guarded = (*capture.guarded, said)


def _list(seen: Seen, rejected: chat.Rejected) -> str:
    told = (
        f"{seen.answer.calls[place].name or 'a call without a name'} ({findings[0].code})"
        for place, findings in rejected.items()
    )
    return ", ".join(told)

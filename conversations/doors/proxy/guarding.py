"""A guarded exchange: the calls of its answer are judged before the client gets any of them.

Each request to the provider is a turn of its own. What the client gets is the provider's last
answer as it came, byte for byte, unless calls were held or text of an earlier answer had passed
already: then it ends with events of ours.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace

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
    cut_off,
    open_answer,
    until_left,
)
from conversations.doors.proxy.turn import conversation_of, decode
from conversations.guard.dialects import DIALECTS, Dialect
from conversations.guard.judging import (
    find_unknown,
    judge_answer,
    offer_tools,
    own_calls,
    read_names,
)
from conversations.guard.passage import Passage, read_payloads
from conversations.guard.records import Terms
from conversations.guard.wording import Body, Rejected
from conversations.ingest.native import REQUESTS
from conversations.parts import Answer, WireProtocol
from conversations.providers import ProviderFault

HEADER = b"x-misfire-guard"
_LENGTH = b"content-length"
_OURS = (_LENGTH, b"content-type", b"content-encoding")


@dataclass(frozen=True)
class Seen:
    """An answer of the provider: as it came, how much of it has passed, and as it is read."""

    capture: Capture
    headers: Headers
    passed: int
    answer: Answer

    @property
    def raw(self) -> bytes:
        return b"".join(chunk for _, chunk in self.capture.chunks)


@dataclass
class Outlet:
    """The way to the client, and what it was given."""

    send: Send
    status: int = 0
    given: bytes = b""

    async def begin(self, status: int, headers: Headers, outcome: str) -> None:
        self.status = status
        headers = [*headers, (HEADER, outcome.encode())]
        await self.send({"type": "http.response.start", "status": status, "headers": headers})

    async def give(self, body: bytes, *, more: bool) -> None:
        self.given += body
        await self.send({"type": "http.response.body", "body": body, "more_body": more})


@dataclass
class Guarded:
    """One exchange of a client. ``begin`` makes the capture of a request's body."""

    client: httpx2.AsyncClient
    call: Call
    protocol: WireProtocol
    terms: Terms
    project: int
    begin: Callable[[bytes], Capture]
    recorder: Recorder
    send: Send
    captures: list[Capture] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.dialect: Dialect = DIALECTS[self.protocol]
        self.outlet = Outlet(self.send)

    async def serve(self, receive: Receive) -> None:
        """Answer the client. Raises ``Refused`` where it was told nothing yet."""
        body = self._read_request()
        try:
            if not await until_left(self._answer(body), receive) and self.captures:
                self.captures[-1].end = "cancelled"
        except Refused as refused:
            if not self.outlet.status:
                raise
            await cut_off(self.send, refused)
        finally:
            for capture in self.captures:
                self.recorder.finish(capture)

    def _read_request(self) -> Body:
        """Raises ``Refused`` for a request that is not guarded."""
        try:
            body = json.load(self.call.body)
        except (ValueError, RecursionError):
            body = None
        if not isinstance(body, dict):
            detail = "A guarded request is a JSON object in UTF-8, not compressed."
            raise Refused(400, "guard_unsupported", detail)
        if why := self.dialect.why_unsupported(body):
            detail = f"This key is guarded, and the guard does not take {why}."
            more = "Another key that only observes takes it."
            raise Refused(400, "guard_unsupported", f"{detail} {more}")
        if body.get("stream") is True:
            # What is compressed cannot pass in parts.
            plain = [pair for pair in self.call.headers if pair[0] != b"accept-encoding"]
            self.call = replace(self.call, headers=[*plain, (b"accept-encoding", b"identity")])
        return body

    async def _answer(self, asked: Body) -> None:
        body, routed = await self._route(asked)
        last: tuple[Seen, Rejected] | None = None
        for attempt in range(self.terms.tries + 1):
            seen = await self._try(body, attempt, routed, last)
            if seen is None:
                break
            rejected = await self._judge(body, seen)
            if not rejected:
                await self._pass_on(asked, seen, "corrected" if attempt else "passed")
                return
            last = seen, rejected
            if attempt < self.terms.tries:
                said = f"The guard answered rejected calls back to the model: {_list(*last)}."
                _note(seen.capture, f"{said} The application did not get these calls.")
                body = self.dialect.answer_back(body, self._whole_of(seen), rejected)
        if last is not None:
            await self._hold(asked, *last)

    async def _route(self, asked: Body) -> tuple[Body, str]:
        if self.terms.router is None:
            return asked, ""
        given = self.project, self.terms, self.protocol, asked
        if self.terms.router.classifier is None:
            return offer_tools(*given)
        return await in_thread(offer_tools)(*given)

    async def _try(
        self, body: Body, attempt: int, routed: str, last: tuple[Seen, Rejected] | None
    ) -> Seen | None:
        """Ask the provider. None where it failed although the client has text of an answer
        before, which then has to do. Raises ``Refused``."""
        notes = [routed] if routed else []
        if attempt:
            notes.append(
                f"The guard sent this request, number {attempt + 1} of {self.terms.tries + 1},"
                " because calls of the answer before were rejected."
            )
        has_begun = bool(last and self.outlet.status)
        try:
            seen = await self._ask(json.dump(body).encode() if notes else self.call.body, notes)
        except Refused:
            if not has_begun:
                raise
            return None
        return None if has_begun and seen.capture.status >= 400 else seen

    async def _ask(self, body: bytes, notes: list[str]) -> Seen:
        """Ask the provider, and read its whole answer. Raises ``Refused``."""
        capture = self.begin(body)
        capture.guarded = tuple(notes)
        self.captures.append(capture)
        self.recorder.begin(capture)
        kept = Passing(capture, self.recorder.keep)
        try:
            seen = await self._read(kept, body)
        finally:
            capture.latency_ms = kept.age
        if capture.end == "too_long":
            raise Refused(502, "too_long", "The answer is longer than what the guard reads.")
        capture.end = "whole"
        return seen

    async def _read(self, kept: Passing, body: bytes) -> Seen:
        """Read the answer into the capture, and let pass what may."""
        try:
            response = await open_answer(self.client, replace(self.call, body=body))
        except ProviderFault as fault:
            raise answer_for_provider(self.call, kept, fault) from fault
        capture, passage, passed = kept.capture, None, 0
        try:
            kept.see(response)
            headers = response.headers.raw
            if self._may_pass(capture):
                passage = Passage(self.protocol)
            async for chunk in response.aiter_raw():
                kept.take(chunk)
                if passage and (free := passage.feed(chunk)):
                    if not self.outlet.status:
                        given = [pair for pair in to_client(headers) if pair[0] != _LENGTH]
                        await self.outlet.begin(capture.status, given, "streamed")
                    passed += len(free)
                    await self.outlet.give(free, more=True)
        except httpx2.TransportError as error:
            capture.end = "cut"
            detail = "The provider's connection broke off before its answer had ended."
            raise Refused(502, "cut", detail) from error
        finally:
            await response.aclose()
        answer = passage.finish() if passage else self._read_whole(capture)
        return Seen(capture, headers, passed, answer)

    def _may_pass(self, capture: Capture) -> bool:
        is_plain = capture.streamed and not capture.encoding and capture.status < 400
        return is_plain and not self.outlet.status

    def _read_whole(self, capture: Capture) -> Answer:
        whole = b"".join(chunk for _, chunk in decode(capture).chunks)
        read = assemble if capture.streamed else read_answer
        return read(self.protocol, whole)

    async def _judge(self, body: Body, seen: Seen) -> Rejected:
        capture, answer = seen.capture, seen.answer
        if capture.status >= 400 or not own_calls(answer):
            return {}
        known: list[str] = []
        if find_unknown(body, answer):
            known = await in_thread(read_names)(self.project)
        return judge_answer(
            self.protocol,
            body,
            answer,
            self.terms.policies,
            known,
            user=capture.user,
            environment=capture.environment,
        )

    def _whole_of(self, seen: Seen) -> Body:
        raw = b"".join(chunk for _, chunk in decode(seen.capture).chunks)
        payloads = read_payloads(raw, streamed=seen.capture.streamed)
        return self.dialect.whole_of(seen.answer, payloads)

    async def _pass_on(self, asked: Body, seen: Seen, outcome: str) -> None:
        """Give the client this answer: what of it is left, as it came."""
        if self.outlet.status and not seen.passed:
            rest = self._to_stream(self._whole_of(seen), asked)
        else:
            rest = seen.raw[seen.passed :]
        if outcome != "passed":
            self._name_conversation(asked, seen, rest)
        await self._give(seen.capture.status, to_client(seen.headers), rest, outcome)

    async def _hold(self, asked: Body, seen: Seen, rejected: Rejected) -> None:
        """Give the client this answer without its rejected calls."""
        _note(
            seen.capture,
            f"The guard held rejected calls back: {_list(seen, rejected)}."
            " The application got the answer without them, and a text that says so.",
        )
        whole = self._whole_of(seen)
        if seen.passed:
            before = assemble(self.protocol, self.outlet.given)
            whole = self.dialect.rest_of(whole, self.dialect.whole_of(before, self._before()))
        held = self.dialect.hold(whole, rejected)
        if seen.capture.streamed or self.outlet.status:
            kind, rest = b"text/event-stream", self._to_stream(held, asked)
        else:
            kind, rest = b"application/json", json.dump(held).encode()
        headers = [pair for pair in to_client(seen.headers) if pair[0] not in _OURS]
        headers += [(b"content-type", kind), (_LENGTH, str(len(rest)).encode())]
        self._name_conversation(asked, seen, rest)
        await self._give(200, headers, rest, "held")

    def _before(self) -> list[Body]:
        return read_payloads(self.outlet.given, streamed=True)

    def _to_stream(self, answer: Body, asked: Body) -> bytes:
        return self.dialect.to_stream(answer, self._before(), asked)

    def _name_conversation(self, asked: Body, seen: Seen, rest: bytes) -> None:
        """The client goes on from what it got, which is what names the conversation."""
        is_stream = seen.capture.streamed or self.outlet.status
        got = replace(seen.capture, chunks=[(0.0, self.outlet.given + rest)])
        read = assemble if is_stream else read_answer
        answer = read(self.protocol, b"".join(chunk for _, chunk in decode(got).chunks))
        messages = REQUESTS[self.protocol](asked).messages
        key = conversation_of(seen.capture.project, messages, message_of(answer))
        for capture in self.captures:
            capture.conversation = capture.conversation or key

    async def _give(self, status: int, headers: Headers, rest: bytes, outcome: str) -> None:
        """Have all turns on the disk, then give the client the end."""
        if sum(capture.weight for capture in self.captures) > LIGHT:
            await asyncio.to_thread(self._keep)
        else:
            self._keep()
        if not self.outlet.status:
            await self.outlet.begin(status, headers, outcome)
        await self.outlet.give(rest, more=False)

    def _keep(self) -> None:
        for capture in self.captures:
            self.recorder.keep(capture)


def _note(capture: Capture, said: str) -> None:
    capture.guarded = (*capture.guarded, said)


def _list(seen: Seen, rejected: Rejected) -> str:
    calls = own_calls(seen.answer)
    return ", ".join(
        f"{calls[place].name or 'a call without a name'} ({findings[0].code})"
        for place, findings in rejected.items()
    )

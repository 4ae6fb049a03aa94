"""OpenAI Responses: output items, told apart by their ``output_index``.

Item ids are kept but not relied upon: some providers change them from event to event.
Every closing event repeats the whole text, which is compared with what had arrived.
Reference: https://platform.openai.com/docs/api-reference/responses-streaming
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from conversations.assembly.buffer import Buffer, TextKind
from conversations.assembly.calls import OpenCall, Piece, Slot
from conversations.assembly.payload import error_of, items, number, obj, rest_of, text
from conversations.parts import Usage
from tools_registry.validation.findings import Finding

_CALLS = {"function_call": "arguments", "custom_tool_call": "input", "mcp_call": "arguments"}
_CALL = frozenset({"type", "call_id", "name", "arguments", "input", "status"})
_RESPONSE = frozenset(
    {"id", "model", "output", "usage", "error", "status", "object", "output_text"}
)
# What the request said is repeated in every response and is not of the answer.
_ECHO = frozenset(
    [
        "background",
        "created_at",
        "completed_at",
        "instructions",
        "max_output_tokens",
        "max_tool_calls",
        "metadata",
        "parallel_tool_calls",
        "previous_response_id",
        "prompt_cache_key",
        "prompt_cache_retention",
        "reasoning",
        "safety_identifier",
        "store",
        "temperature",
        "text",
        "tool_choice",
        "tools",
        "top_logprobs",
        "top_p",
        "truncation",
        "user",
        "frequency_penalty",
        "presence_penalty",
        "moderation",
        "prompt",
        "content_filters",
    ]
)
_TEXT_EVENTS: dict[str, TextKind] = {
    "response.output_text": "text",
    "response.refusal": "refusal",
    "response.reasoning_text": "reasoning",
    "response.reasoning_summary_text": "reasoning",
}
_CALL_EVENTS = (
    "response.function_call_arguments",
    "response.custom_tool_call_input",
    "response.mcp_call_arguments",
)
_TERMINAL = ("response.completed", "response.incomplete", "response.failed", "response.done")


class Reader:
    def __init__(self, buffer: Buffer) -> None:
        self._buffer = buffer
        self._seen: set[Slot] = set()
        self._kinds: dict[Slot, str] = {}
        self._responses = 1

    def done(self) -> None:
        """``[DONE]`` is no part of this protocol, and says nothing that the last event does not."""

    def take(self, payload: dict[str, Any], event: str = "") -> None:
        kind = text(payload.get("type")) or event
        stem, _, verb = kind.rpartition(".")
        if payload.get("object") == "response":
            self._take_response(payload, final=True)
        elif kind in _TERMINAL or obj(payload.get("response")):
            self._take_response(obj(payload.get("response")), final=kind in _TERMINAL)
        elif kind == "error" or payload.get("error"):
            self._buffer.fail(error_of(payload.get("error") or payload))
        elif stem == "response.output_item":
            self._take_item(_slot(payload), obj(payload.get("item")), whole=verb == "done")
        elif stem in _TEXT_EVENTS and verb == "delta":
            self._add_text(_TEXT_EVENTS[stem], payload, text(payload.get("delta")))
        elif stem in _TEXT_EVENTS and verb == "done":
            whole = text(payload.get("text")) or text(payload.get("refusal"))
            self._settle_text(_TEXT_EVENTS[stem], self._text_slot(payload), whole)
        elif stem in _CALL_EVENTS:
            self._take_arguments(payload, verb)
        elif not kind.startswith("response.") and kind != "keepalive":
            self._buffer.decide("unknown_shape", f'An event of type "{kind[:80]}" was kept aside')
            self._buffer.extra({"unknown": [payload]})

    def _take_response(self, response: dict[str, Any], *, final: bool) -> None:
        buffer = self._buffer
        buffer.choice(0)
        if buffer.complete and not final:
            self._begin_again()
        buffer.model = text(response.get("model")) or buffer.model
        buffer.response_id = text(response.get("id")) or buffer.response_id
        if not final:
            return
        self._settle_output([obj(item) for item in items(response.get("output"))])
        if response.get("error"):
            buffer.fail(error_of(response["error"]))
        status = text(response.get("status"))
        reason = text(obj(response.get("incomplete_details")).get("reason"))
        buffer.finish(0, reason or status)
        buffer.complete = status not in ("in_progress", "queued")
        usage = obj(response.get("usage"))
        if usage:
            buffer.usage(usage_of(usage))
        buffer.extra(rest_of(response, _RESPONSE | _ECHO) | {"status": status})

    def _begin_again(self) -> None:
        self._buffer.begin_again(0)
        self._buffer.complete = False
        self._responses += 1
        self._seen, self._kinds = set(), {}

    def _settle_output(self, output: list[dict[str, Any]]) -> None:
        """The last event repeats the items, but may leave some out: match them kind by kind."""
        streamed: dict[str, list[Slot]] = {}
        for slot, kind in self._kinds.items():
            streamed.setdefault(kind, []).append(slot)
        for position, item in enumerate(output):
            left = streamed.get(text(item.get("type")))
            self._take_item(left.pop(0) if left else f"output.{position}", item, whole=True)

    def _take_item(self, slot: Slot, item: dict[str, Any], *, whole: bool) -> None:
        """An output item, as it begins or as it ended."""
        kind = text(item.get("type"))
        self._kinds.setdefault(slot, kind)
        if kind in _CALLS:
            self._take_call(slot, item, kind, whole=whole)
        elif kind == "message" and whole:
            self._take_message(slot, [obj(part) for part in items(item.get("content"))])
        elif kind == "reasoning" and whole:
            self._take_reasoning(slot, item)
        elif whole and slot not in self._seen:
            self._buffer.extra({"items": [item]}, choice=0)
        if whole:
            self._seen.add(slot)

    def _take_message(self, slot: Slot, content: list[dict[str, Any]]) -> None:
        """A whole message. Its parts are not matched by index, which some providers count wrong."""
        said = "".join(text(part.get("text")) for part in content)
        refused = "".join(text(part.get("refusal")) for part in content)
        self._settle_text("text", self._place(slot, "t"), said)
        self._settle_text("refusal", self._place(slot, "t"), refused)
        for part in content:
            details = rest_of(part, frozenset({"type", "text", "refusal", "logprobs"}))
            if details and slot not in self._seen:
                self._buffer.extra(details, choice=0)

    def _take_reasoning(self, slot: Slot, item: dict[str, Any]) -> None:
        for list_name, letter in (("summary", "s"), ("content", "c")):
            parts = [obj(part) for part in items(item.get(list_name))]
            said = "".join(text(part.get("text")) for part in parts)
            self._settle_text("reasoning", self._place(slot, letter), said)
        details = rest_of(item, frozenset({"type", "summary", "content", "status"}))
        if details and slot not in self._seen:
            self._buffer.extra({"reasoning": [details]}, choice=0)

    def _place(self, slot: Slot, letter: str, part: object = "") -> str:
        """Where a text stands: response, item, list of parts, part."""
        return f"{self._responses}.{slot}.{letter}{part}"

    def _text_slot(self, payload: Mapping[str, Any]) -> str:
        if "summary_index" in payload:
            return self._place(_slot(payload), "s", number(payload["summary_index"]))
        of_reasoning = text(payload.get("type")).startswith("response.reasoning_text")
        letter = "c" if of_reasoning else "t"
        return self._place(_slot(payload), letter, number(payload.get("content_index")))

    def _take_call(self, slot: Slot, item: dict[str, Any], kind: str, *, whole: bool) -> None:
        known = self._buffer.call_at(0, slot)
        if known is None:
            id = text(item.get("call_id")) or text(item.get("id")) or None
            name, details = text(item.get("name")), rest_of(item, _CALL)
            known = self._buffer.call(
                0, Piece(slot=slot, id=id, name=name, type=kind, begins=True, details=details)
            )
        if whole:
            self._settle_call(known, text(item.get(_CALLS[kind])))
            self._buffer.close(0, known)

    def _take_arguments(self, payload: dict[str, Any], verb: str) -> None:
        call = self._buffer.call_at(0, _slot(payload))
        fragment = text(payload.get("delta"))
        if call is not None and not call.closed:
            if verb == "delta":
                self._buffer.call(0, Piece(slot=call.slot, arguments=fragment, type=call.type))
            else:
                whole = text(payload.get("arguments")) or text(payload.get("input"))
                self._settle_call(call, whole)
        elif fragment:
            message = "Arguments arrived for an item that is no open call"
            detail = {"output_index": payload.get("output_index"), "fragment": fragment[:2000]}
            self._buffer.find(Finding("lost_arguments", message, detail=detail))

    def _settle_call(self, call: OpenCall, whole: str) -> None:
        """The closing event's text completes the fragments, or contradicts them."""
        if call.closed or not whole:
            return
        arrived = call.arguments.joined()
        if whole.startswith(arrived):
            rest = whole[len(arrived) :]
            self._buffer.call(0, Piece(slot=call.slot, arguments=rest, type=call.type))
            return
        detail = {"closing_event": whole[:2000]}
        message = "The closing event's arguments are not those that arrived in fragments"
        call.findings.append(Finding("lost_arguments", message, detail=detail))
        self._buffer.decide("closing_event_differs", message, 0, call.index)

    def _add_text(self, kind: TextKind, payload: dict[str, Any], delta: str) -> None:
        self._buffer.text(0, delta, kind=kind, slot=self._text_slot(payload))

    def _settle_text(self, kind: TextKind, slot: str, whole: str) -> None:
        arrived = self._buffer.text_so_far(0, kind, slot)
        if whole.startswith(arrived):
            self._buffer.text(0, whole[len(arrived) :], kind=kind, slot=slot)
        elif whole:
            message = "A closing event's text is not the text that arrived in fragments"
            self._buffer.decide("closing_event_differs", message, 0)


def _slot(payload: Mapping[str, Any]) -> Slot:
    index = number(payload.get("output_index"))
    return text(payload.get("item_id")) or "?" if index is None else index


def usage_of(raw: Mapping[str, Any]) -> Usage:
    of_input = obj(raw.get("input_tokens_details"))
    return Usage(
        input_tokens=number(raw.get("input_tokens")),
        output_tokens=number(raw.get("output_tokens")),
        cached_input_tokens=number(of_input.get("cached_tokens")),
        cache_write_tokens=number(of_input.get("cache_write_tokens")),
        reasoning_tokens=number(obj(raw.get("output_tokens_details")).get("reasoning_tokens")),
        raw=dict(raw),
    )

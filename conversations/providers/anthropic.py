"""Anthropic's Messages API through its official SDK."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, cast

import httpx2

from console.lib import json
from conversations.providers import structured
from conversations.providers.base import Ask, Prepared, Provider, calls_of, text_of

MAX_TOKENS = 4096
_KNOWN = ("temperature", "top_p", "top_k", "metadata", "thinking", "service_tier")
_VERSION = "2023-06-01"


class Anthropic(Provider):
    default_url = "https://api.anthropic.com"

    @property
    def base_url(self) -> str:
        return super().base_url.removesuffix("/v1")

    def prepare(self, ask: Ask) -> Prepared:
        return to_messages(ask)

    @asynccontextmanager
    async def open(self, body: dict[str, Any]) -> AsyncIterator[httpx2.Response]:
        named = ("model", "messages", "max_tokens", "stream")
        extra = {key: value for key, value in body.items() if key not in named}
        kept = {key: body[key] for key in named if key in body}
        target = self._sdk().messages.with_streaming_response
        async with target.create(**kept, extra_body=extra) as answer:
            yield answer.http_response

    async def list_models(self) -> list[str]:
        headers = {"anthropic-version": _VERSION}
        if self.endpoint.key:
            headers["Authorization"] = f"Bearer {self.endpoint.key}"
        found = await self.read_json(f"{self.base_url}/v1/models?limit=1000", headers)
        items = found.get("data", []) if isinstance(found, dict) else []
        return [str(item["id"]) for item in items if isinstance(item, dict) and "id" in item]

    def _sdk(self) -> Any:
        import anthropic

        # Without a key of the connection the SDK would send a token of the environment.
        silent = {} if self.endpoint.key else {"Authorization": anthropic.Omit()}
        return anthropic.AsyncAnthropic(
            api_key=self.endpoint.key or "none",
            base_url=self.base_url,
            http_client=self.client,
            max_retries=0,
            timeout=cast(Any, self.client.timeout),
            default_headers=cast(Any, silent),
        )


def to_messages(ask: Ask) -> Prepared:
    """The canonical request as a Messages request."""
    notes: list[str] = []
    system, messages = _split(ask, notes)
    parameters = dict(ask.parameters)
    limit = parameters.pop("max_tokens", None) or parameters.pop("max_completion_tokens", None)
    if limit is None:
        limit = MAX_TOKENS
        notes.append(f"max_tokens is {MAX_TOKENS}: the protocol demands one and none was set.")
    body: dict[str, Any] = {"model": ask.model, "max_tokens": limit}
    if system:
        body["system"] = system
    body["messages"] = messages
    parallel = parameters.pop("parallel_tool_calls", None)
    if ask.tools:
        body["tools"] = _tools(ask, notes)
        if choice := _choice(ask.tool_choice, parallel):
            body["tool_choice"] = choice
    if stop := parameters.pop("stop", None):
        body["stop_sequences"] = [stop] if isinstance(stop, str) else stop
    if response_format := parameters.pop("response_format", None):
        _set_format(body, response_format, notes)
    for name, value in parameters.items():
        if name in _KNOWN:
            body[name] = value
        else:
            notes.append(f"{name} is left out: the Messages API does not know it.")
    if ask.stream:
        body["stream"] = True
    return Prepared("anthropic.messages", body, list(dict.fromkeys(notes)))


def _set_format(body: dict[str, Any], response_format: Any, notes: list[str]) -> None:
    if config := structured.to_anthropic(response_format):
        body["output_config"] = config
        if structured.is_named(response_format):
            notes.append("Of response_format only the schema is sent: Messages knows no more.")
    elif response_format.get("type") != "text":
        notes.append("response_format is left out: Messages takes it with a schema only.")


def _split(ask: Ask, notes: list[str]) -> tuple[str, list[dict[str, Any]]]:
    system: list[str] = []
    messages: list[dict[str, Any]] = []
    last_ids: list[str] = []
    for number, message in enumerate(ask.messages):
        role = message.get("role")
        if role in ("system", "developer"):
            if messages:
                notes.append("A system message in mid-conversation was moved to the system prompt.")
            system.append(text_of(message.get("content")))
        elif role in ("tool", "function"):
            identity = str(message.get("tool_call_id") or (last_ids.pop(0) if last_ids else ""))
            _append(messages, "user", [_result(message, identity)])
        elif role == "assistant":
            blocks, last_ids = _answer(message, number, notes)
            _append(messages, "assistant", blocks)
        else:
            _append(messages, "user", _content(message.get("content"), notes))
    return "\n\n".join(system), messages


def _append(messages: list[dict[str, Any]], role: str, blocks: list[dict[str, Any]]) -> None:
    if messages and messages[-1]["role"] == role:
        messages[-1]["content"] += blocks
    elif blocks:
        messages.append({"role": role, "content": blocks})


def _result(message: Mapping[str, Any], identity: str) -> dict[str, Any]:
    content = text_of(message.get("content"))
    return {"type": "tool_result", "tool_use_id": identity, "content": content}


def _answer(
    message: Mapping[str, Any], number: int, notes: list[str]
) -> tuple[list[dict[str, Any]], list[str]]:
    text = text_of(message.get("content"))
    blocks: list[dict[str, Any]] = [{"type": "text", "text": text}] if text.strip() else []
    identities = []
    for position, (identity, name, arguments) in enumerate(calls_of(message)):
        identities.append(identity or f"call_{number}_{position}")
        blocks.append(
            {
                "type": "tool_use",
                "id": identities[-1],
                "name": name,
                "input": as_object(arguments, name, notes),
            }
        )
    if message.get("reasoning_content") or message.get("reasoning"):
        notes.append("Reasoning of earlier turns is left out.")
    return blocks, identities


def as_object(arguments: str, name: str, notes: list[str]) -> dict[str, Any]:
    """Arguments as the object that a protocol demands; what is none is wrapped and noted."""
    try:
        value = json.load(arguments or "{}")
    except (ValueError, RecursionError):
        value = None
    if isinstance(value, dict):
        return value
    notes.append(f"The arguments of {name} are no JSON object; they were sent as raw_arguments.")
    return {"raw_arguments": arguments}


def _content(content: Any, notes: list[str]) -> list[dict[str, Any]]:
    if not isinstance(content, list):
        return [{"type": "text", "text": text_of(content) or " "}]
    blocks: list[dict[str, Any]] = []
    for part in content:
        match part:
            case {"type": "text", "text": text}:
                blocks.append({"type": "text", "text": text})
            case {"type": "image_url", "image_url": {"url": str(url)}}:
                blocks.append({"type": "image", "source": _image(url)})
            case {"type": kind}:
                notes.append(f"A part of type {kind} is left out.")
    return blocks


def _image(url: str) -> dict[str, str]:
    if not url.startswith("data:"):
        return {"type": "url", "url": url}
    head, _, data = url.removeprefix("data:").partition(",")
    return {"type": "base64", "media_type": head.removesuffix(";base64"), "data": data}


def _tools(ask: Ask, notes: list[str]) -> list[dict[str, Any]]:
    tools = []
    for tool in ask.tools:
        if tool.get("type") != "function":
            notes.append("A tool that is no function was sent as it is.")
            tools.append(dict(tool))
            continue
        function = tool["function"]
        made = {
            "name": function["name"],
            "input_schema": function.get("parameters") or {"type": "object", "properties": {}},
        }
        made |= {key: function[key] for key in ("description", "strict") if function.get(key)}
        tools.append(made)
    return tools


def _choice(choice: Any, parallel: Any) -> dict[str, Any] | None:
    match choice:
        case "none":
            return {"type": "none"}
        case "required":
            made: dict[str, Any] = {"type": "any"}
        case {"function": {"name": name}}:
            made = {"type": "tool", "name": name}
        case None if parallel is not False:
            return None
        case _:
            made = {"type": "auto"}
    return made | ({"disable_parallel_tool_use": True} if parallel is False else {})

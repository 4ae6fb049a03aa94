"""OpenAI and whatever is compatible with it, by base URL: chat completions with tools, the
legacy ``functions`` form, and Responses. The connection's setting ``api`` chooses.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import cached_property
from typing import Any, cast

import httpx2

from conversations.providers import structured
from conversations.providers.base import Ask, Prepared, Provider, calls_of, text_of

_CHAT_ONLY = ("seed", "stop", "frequency_penalty", "presence_penalty", "logit_bias", "n")


class OpenAI(Provider):
    default_url = "https://api.openai.com/v1"
    timeout: httpx2.Timeout | None = None
    """None is the client's own."""

    @property
    def api(self) -> str:
        return str(self.endpoint.settings.get("api") or "chat")

    def prepare(self, ask: Ask) -> Prepared:
        if self.api == "responses":
            return to_responses(ask)
        if self.api == "functions":
            return to_functions(ask)
        return to_chat(ask)

    @asynccontextmanager
    async def open(self, body: dict[str, Any]) -> AsyncIterator[httpx2.Response]:
        sdk = self._sdk()
        # Everything but what the SDK insists on goes as it is, so that it changes nothing.
        named = {key: body[key] for key in ("model", "messages", "input", "stream") if key in body}
        extra = {key: value for key, value in body.items() if key not in named}
        target: Any = sdk.responses if self.api == "responses" else sdk.chat.completions
        async with target.with_streaming_response.create(
            **named, extra_body=extra, extra_headers=self._silent()
        ) as answer:
            yield answer.http_response

    @cached_property
    def plain_target(self) -> tuple[str, dict[str, str]] | None:
        path = "responses" if self.api == "responses" else "chat/completions"
        headers = {"Content-Type": "application/json"} | self._authorization()
        return f"{self.base_url}/{path}", headers

    async def list_models(self) -> list[str]:
        found = await self.read_json(f"{self.base_url}/models", self._authorization())
        items = found.get("data", []) if isinstance(found, dict) else found
        return [str(item["id"]) for item in items if isinstance(item, dict) and "id" in item]

    def _authorization(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.endpoint.key}"} if self.endpoint.key else {}

    def _sdk(self) -> Any:
        import openai

        return openai.AsyncOpenAI(
            api_key=self.endpoint.key or "none",
            base_url=self.base_url,
            http_client=self.client,
            max_retries=0,
            timeout=cast(Any, self.timeout or self.client.timeout),
        )

    def _silent(self) -> dict[str, Any]:
        """What the SDK would send of the environment's OpenAI settings to any base URL."""
        import openai

        names = ["OpenAI-Organization", "OpenAI-Project"]
        if not self.endpoint.key:
            names.append("Authorization")
        return dict.fromkeys(names, openai.Omit())


class Local(OpenAI):
    """The local model: a llama.cpp server, whose address and key the console itself knows.

    On a busy machine it reads a long prompt for minutes before its first byte.
    """

    timeout = httpx2.Timeout(connect=10.0, read=900.0, write=30.0, pool=10.0)
    plain_target = None

    def prepare(self, ask: Ask) -> Prepared:
        prepared = super().prepare(ask)
        if isinstance(ask.tool_choice, Mapping):
            prepared.notes.append("The local model ignores a tool_choice that names a function.")
        return prepared


def to_chat(ask: Ask) -> Prepared:
    """Chat completions: the canonical form itself."""
    body: dict[str, Any] = {"model": ask.model, "messages": [dict(m) for m in ask.messages]}
    if ask.tools:
        body["tools"] = [dict(tool) for tool in ask.tools]
        if ask.tool_choice is not None:
            body["tool_choice"] = ask.tool_choice
    parameters = dict(ask.parameters)
    notes = _drop_without_tools(parameters, ask)
    body |= parameters
    _set_stream(body, ask)
    return Prepared("openai.chat", body, notes)


def _drop_without_tools(parameters: dict[str, Any], ask: Ask) -> list[str]:
    if not ask.tools and parameters.pop("parallel_tool_calls", None) is not None:
        return ["parallel_tool_calls is left out: no tools are offered."]
    return []


def _set_stream(body: dict[str, Any], ask: Ask) -> None:
    if ask.stream:
        body["stream"] = True
        body.setdefault("stream_options", {"include_usage": True})


def to_functions(ask: Ask) -> Prepared:
    """Chat completions with the deprecated ``functions`` and ``function_call``."""
    notes: list[str] = []
    body: dict[str, Any] = {"model": ask.model, "messages": _legacy_messages(ask, notes)}
    functions = [dict(tool["function"]) for tool in ask.tools if tool.get("type") == "function"]
    if len(functions) < len(ask.tools):
        notes.append("Tools that are no functions are left out: the legacy form has none.")
    for function in functions:
        if function.pop("strict", None) is not None:
            notes.append("strict is left out: the legacy form does not know it.")
    if functions:
        body["functions"] = functions
        match ask.tool_choice:
            case "auto" | "none":
                body["function_call"] = ask.tool_choice
            case {"function": {"name": name}}:
                body["function_call"] = {"name": name}
            case "required":
                notes.append("tool_choice required was sent as auto: the legacy form lacks it.")
    parameters = dict(ask.parameters)
    if parameters.pop("parallel_tool_calls", None) is not None:
        notes.append("parallel_tool_calls is left out: the legacy form makes one call a turn.")
    body |= parameters
    _set_stream(body, ask)
    return Prepared("openai.chat", body, list(dict.fromkeys(notes)))


def _legacy_messages(ask: Ask, notes: list[str]) -> list[dict[str, Any]]:
    messages: list[dict[str, Any]] = []
    names: dict[str, str] = {}
    for message in ask.messages:
        calls = calls_of(message)
        if message.get("role") == "tool":
            name = names.get(str(message.get("tool_call_id")), "unknown")
            messages.append(
                {"role": "function", "name": name, "content": text_of(message.get("content"))}
            )
        elif calls and message.get("tool_calls"):
            if len(calls) > 1:
                notes.append("Parallel calls of one message were sent as messages in a row.")
            content = message.get("content")
            for identity, name, arguments in calls:
                names[identity] = name
                call = {"name": name, "arguments": arguments}
                messages.append({"role": "assistant", "content": content, "function_call": call})
                content = None
        else:
            messages.append(dict(message))
    return messages


def to_responses(ask: Ask) -> Prepared:
    """The Responses API. Nothing is kept on the provider's side (``store`` is false)."""
    notes: list[str] = []
    body: dict[str, Any] = {"model": ask.model, "input": _items(ask, notes), "store": False}
    if ask.tools:
        body["tools"] = [
            {"type": "function", **tool["function"]} if tool.get("type") == "function" else tool
            for tool in ask.tools
        ]
        match ask.tool_choice:
            case None:
                pass
            case {"function": {"name": name}}:
                body["tool_choice"] = {"type": "function", "name": name}
            case choice:
                body["tool_choice"] = choice
    parameters = dict(ask.parameters)
    notes += _drop_without_tools(parameters, ask)
    for name in ("max_tokens", "max_completion_tokens"):
        if name in parameters:
            parameters["max_output_tokens"] = parameters.pop(name)
    if effort := parameters.pop("reasoning_effort", None):
        parameters["reasoning"] = {"effort": effort}
    if response_format := parameters.pop("response_format", None):
        text = parameters.get("text")
        kept = text if isinstance(text, Mapping) else {}
        parameters["text"] = {**kept, **structured.to_responses(response_format)}
    for name in _CHAT_ONLY:
        if parameters.pop(name, None) is not None:
            notes.append(f"{name} is left out: Responses does not know it.")
    body |= parameters
    if ask.stream:
        body["stream"] = True
    return Prepared("openai.responses", body, notes)


def _items(ask: Ask, notes: list[str]) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = []
    last_id = ""
    for number, message in enumerate(ask.messages):
        role = str(message.get("role"))
        content = message.get("content")
        if role in ("tool", "function"):
            call_id = str(message.get("tool_call_id") or last_id)
            items.append(
                {"type": "function_call_output", "call_id": call_id, "output": text_of(content)}
            )
            continue
        if content not in (None, "", []):
            items.append({"role": role, "content": _parts(role, content)})
        for position, (identity, name, arguments) in enumerate(calls_of(message)):
            last_id = identity or f"call_{number}_{position}"
            items.append(
                {
                    "type": "function_call",
                    "call_id": last_id,
                    "name": name,
                    "arguments": arguments,
                }
            )
        if message.get("reasoning_content") or message.get("reasoning"):
            notes.append("Reasoning of earlier turns is left out.")
    return items


def _parts(role: str, content: Any) -> Any:
    if not isinstance(content, list):
        return content
    kind = "output_text" if role == "assistant" else "input_text"
    parts: list[dict[str, Any]] = []
    for part in content:
        match part:
            case {"type": "text", "text": text}:
                parts.append({"type": kind, "text": text})
            case {"type": "image_url", "image_url": {"url": url}}:
                parts.append({"type": "input_image", "image_url": url})
            case _:
                parts.append(part)
    return parts

"""Ollama's own protocol, ``/api/chat`` as newline-delimited JSON.

It goes over the guarded client and not through Ollama's SDK, which hides the bytes.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx2

from console.lib import json
from conversations.providers import structured
from conversations.providers.anthropic import as_object
from conversations.providers.base import Ask, Prepared, Provider, calls_of, text_of

_OPTIONS = {
    "temperature": "temperature",
    "top_p": "top_p",
    "top_k": "top_k",
    "seed": "seed",
    "max_tokens": "num_predict",
    "max_completion_tokens": "num_predict",
    "stop": "stop",
    "frequency_penalty": "frequency_penalty",
    "presence_penalty": "presence_penalty",
}
_WHOLE = ("think", "format", "keep_alive", "options")


class Ollama(Provider):
    default_url = "http://127.0.0.1:11434"

    @property
    def base_url(self) -> str:
        return super().base_url.removesuffix("/api").removesuffix("/v1")

    def prepare(self, ask: Ask) -> Prepared:
        return to_ollama(ask)

    @asynccontextmanager
    async def open(self, body: dict[str, Any]) -> AsyncIterator[httpx2.Response]:
        async with self.client.stream(
            "POST",
            f"{self.base_url}/api/chat",
            content=json.dump(body).encode(),
            headers={"Content-Type": "application/json"} | self._authorization(),
        ) as response:
            yield response

    async def list_models(self) -> list[str]:
        found = await self.read_json(f"{self.base_url}/api/tags", self._authorization())
        items = found.get("models", []) if isinstance(found, dict) else []
        return [str(item["name"]) for item in items if isinstance(item, dict) and "name" in item]

    def _authorization(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.endpoint.key}"} if self.endpoint.key else {}


def to_ollama(ask: Ask) -> Prepared:
    """The canonical request as an ``/api/chat`` request."""
    notes: list[str] = []
    body: dict[str, Any] = {"model": ask.model, "messages": _messages(ask, notes)}
    if ask.tools:
        body["tools"] = [dict(tool) for tool in ask.tools]
    if ask.tool_choice not in (None, "auto"):
        notes.append("tool_choice is left out: Ollama does not know it.")
    options: dict[str, Any] = {}
    for name, value in ask.parameters.items():
        if name == "response_format":
            _set_format(body, value, notes)
        elif name in _WHOLE:
            body[name] = value
        elif name in _OPTIONS:
            options[_OPTIONS[name]] = value
        else:
            notes.append(f"{name} is left out: Ollama does not know it.")
    if options:
        body["options"] = options | dict(body.get("options") or {})
    body["stream"] = ask.stream
    return Prepared("ollama.chat", body, list(dict.fromkeys(notes)))


def _set_format(body: dict[str, Any], response_format: Any, notes: list[str]) -> None:
    asked = structured.to_ollama(response_format)
    if asked is not None:
        body["format"] = asked
        if structured.is_named(response_format):
            notes.append("Of response_format only the schema is sent: Ollama knows no more.")


def _messages(ask: Ask, notes: list[str]) -> list[dict[str, Any]]:
    messages: list[dict[str, Any]] = []
    names: dict[str, str] = {}
    for message in ask.messages:
        role = str(message.get("role"))
        made: dict[str, Any] = {"role": role, "content": text_of(message.get("content"))}
        if role in ("tool", "function"):
            made["role"] = "tool"
            name = message.get("name") or names.get(str(message.get("tool_call_id")))
            if name:
                made["tool_name"] = name
        elif calls := calls_of(message):
            made["tool_calls"] = []
            for identity, name, arguments in calls:
                names[identity] = name
                function = {"name": name, "arguments": as_object(arguments, name, notes)}
                made["tool_calls"].append({"function": function})
        if images := _images(message.get("content"), notes):
            made["images"] = images
        messages.append(made)
    return messages


def _images(content: Any, notes: list[str]) -> list[str]:
    images = []
    for part in content if isinstance(content, list) else []:
        match part:
            case {"type": "image_url", "image_url": {"url": str(url)}} if url.startswith("data:"):
                images.append(url.partition(",")[2])
            case {"type": "image_url"}:
                notes.append("An image by address is left out: Ollama takes images as data only.")
    return images

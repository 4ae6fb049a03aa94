"""A model call as text to run elsewhere: cURL and Python. A key is only ever named, never shown.

The request's JSON is written in ASCII, so that nothing in it can reach a terminal unescaped.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import urlsplit

Api = Literal["chat", "responses", "anthropic", "ollama"]

PATHS: dict[Api, str] = {
    "chat": "/chat/completions",
    "responses": "/responses",
    "anthropic": "/v1/messages",
    "ollama": "/api/chat",
}
DEFAULT_URLS: dict[Api, str] = {
    "chat": "https://api.openai.com/v1",
    "responses": "https://api.openai.com/v1",
    "anthropic": "https://api.anthropic.com",
    "ollama": "http://127.0.0.1:11434",
}


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a call went: ``key_variable`` names the environment variable of its key, or is ""."""

    api: Api = "chat"
    base_url: str = ""
    key_variable: str = ""

    @property
    def base(self) -> str:
        return _without_credentials(self.base_url or DEFAULT_URLS[self.api]).rstrip("/")

    @property
    def url(self) -> str:
        return self.base + PATHS[self.api]


def as_curl(endpoint: Endpoint, body: Mapping[str, Any]) -> str:
    """A shell command that sends ``body``; the key is taken from ``$NAME`` when it runs."""
    headers = ['-H "content-type: application/json"', *_headers(endpoint)]
    stream = ["--no-buffer"] if body.get("stream") else []
    options = [shlex.quote(endpoint.url), *stream, *headers, "--data-binary @- <<'JSON'"]
    # No line of a JSON text can be the word JSON alone: strings hold no raw line breaks.
    return "curl " + " \\\n  ".join(options) + f"\n{_write(body)}\nJSON\n"


def _headers(endpoint: Endpoint) -> list[str]:
    key = f"${endpoint.key_variable}"
    if endpoint.api == "anthropic":
        version = ['-H "anthropic-version: 2023-06-01"']
        return ([f'-H "x-api-key: {key}"'] if endpoint.key_variable else []) + version
    return [f'-H "authorization: Bearer {key}"'] if endpoint.key_variable else []


def as_python(endpoint: Endpoint, body: Mapping[str, Any]) -> str:
    """A script that sends ``body`` with the protocol's own SDK and prints what comes back."""
    package, client, method = {
        "chat": ("openai", "OpenAI", "chat.completions.create"),
        "responses": ("openai", "OpenAI", "responses.create"),
        "anthropic": ("anthropic", "Anthropic", "messages.create"),
        "ollama": ("ollama", "Client", "chat"),
    }[endpoint.api]
    return "\n".join(
        [
            "import json",
            *(["import os"] if endpoint.key_variable else []),
            "",
            f"from {package} import {client}",
            "",
            f"client = {client}({_client_arguments(endpoint)})",
            # Three quotes in a row cannot occur in JSON, so the raw string ends where it should.
            f'request = json.loads(r"""{_write(body)}""")',
            *_take_unknown(endpoint, body),
            f"answer = client.{method}(**request)",
            *(["for part in answer:", "    print(part)"] if body.get("stream") else _print_whole()),
            "",
        ]
    )


def _print_whole() -> list[str]:
    return ["print(answer.model_dump_json(indent=2))"]


def _client_arguments(endpoint: Endpoint) -> str:
    if endpoint.api == "ollama":
        return f"host={endpoint.base!r}"
    key = f"os.environ[{endpoint.key_variable!r}]" if endpoint.key_variable else "'none'"
    return f"base_url={endpoint.base!r}, api_key={key}"


def _take_unknown(endpoint: Endpoint, body: Mapping[str, Any]) -> list[str]:
    """The line that moves what the SDK does not know into ``extra_body``, if there is any."""
    known = _KNOWN.get(endpoint.api)
    extra = [name for name in body if known is not None and name not in known]
    if not extra:
        return []
    return [f'request["extra_body"] = {{name: request.pop(name) for name in {extra!r}}}']


_KNOWN: dict[Api, frozenset[str]] = {
    "chat": frozenset(
        [
            "audio",
            "frequency_penalty",
            "function_call",
            "functions",
            "logit_bias",
            "logprobs",
            "max_completion_tokens",
            "max_tokens",
            "messages",
            "metadata",
            "modalities",
            "model",
            "n",
            "parallel_tool_calls",
            "prediction",
            "presence_penalty",
            "reasoning_effort",
            "response_format",
            "seed",
            "service_tier",
            "stop",
            "store",
            "stream",
            "stream_options",
            "temperature",
            "tool_choice",
            "tools",
            "top_logprobs",
            "top_p",
            "user",
            "verbosity",
        ]
    )
}


def _write(body: Mapping[str, Any]) -> str:
    return json.dumps(body, indent=2, ensure_ascii=True)


def _without_credentials(url: str) -> str:
    """The address without a user and password that somebody may have written into it."""
    parts = urlsplit(url)
    if "@" not in parts.netloc:
        return url
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()

"""Token counts out of a record's ``usage``, whichever provider's object it is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from conversations.assembly import (
    anthropic_messages,
    google_generate,
    openai_chat,
    openai_responses,
)
from conversations.assembly.payload import number, obj
from conversations.parts import Usage

OURS = (
    "input_tokens",
    "output_tokens",
    "cached_input_tokens",
    "cache_write_tokens",
    "reasoning_tokens",
)


def read_usage(raw: Mapping[str, Any] | None) -> Usage | None:
    """The counts of a usage object, told by its keys: OpenAI chat and Responses, Anthropic,
    Google, Bedrock, Cohere, Ollama, and our own names. None where there is no object."""
    if not raw:
        return None
    if "prompt_tokens" in raw or "completion_tokens" in raw:
        return openai_chat.usage_of(raw)
    if "promptTokenCount" in raw or "candidatesTokenCount" in raw:
        return google_generate.usage_of(raw)
    if "inputTokens" in raw or "outputTokens" in raw:
        return _named(
            raw, "inputTokens", "outputTokens", "cacheReadInputTokens", "cacheWriteInputTokens"
        )
    if "prompt_eval_count" in raw or "eval_count" in raw:
        return _named(raw, "prompt_eval_count", "eval_count", "", "")
    if isinstance(raw.get("tokens"), Mapping):
        counts = _named(obj(raw["tokens"]), "input_tokens", "output_tokens", "", "")
        return Usage(
            counts.input_tokens, counts.output_tokens, number(raw.get("cached_tokens")), raw=raw
        )
    if "input_tokens_details" in raw or "output_tokens_details" in raw:
        return openai_responses.usage_of(raw)
    if any(key in raw for key in OURS[2:]):
        return Usage(**{key: number(raw.get(key)) for key in OURS}, raw=dict(raw))
    return anthropic_messages.usage_of(raw)


def _named(raw: Mapping[str, Any], *names: str) -> Usage:
    counts = [number(raw.get(name)) for name in names]
    return Usage(counts[0], counts[1], counts[2], counts[3], raw=dict(raw))

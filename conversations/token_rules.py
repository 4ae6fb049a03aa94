"""What a provider bills of a usage object: each provider's own rule for cached, reasoning and
audio tokens. Pure.

Counts come out in the units of genai-prices, where ``input_tokens`` and ``output_tokens`` are
whole and the others are parts of them. Sources, by provider:

- OpenAI, Azure and compatible servers: cached and audio tokens are within ``prompt_tokens``,
  reasoning and audio within ``completion_tokens`` (API reference, "The chat completion object").
- Anthropic, on Bedrock and Vertex too: ``input_tokens`` are those after the last cache breakpoint;
  reads and writes stand beside them, a write of one hour costs more than one of five minutes;
  thinking is within ``output_tokens`` ("Prompt caching", "Extended thinking").
- Amazon Bedrock Converse: ``cacheReadInputTokens`` and ``cacheWriteInputTokens`` stand beside
  ``inputTokens`` (TokenUsage).
- Google: the cached part is within ``promptTokenCount``; thoughts stand beside
  ``candidatesTokenCount``, tool use prompts beside the prompt (UsageMetadata).
- xAI chat completions: reasoning stands beside ``completion_tokens`` ("Reasoning").
- Perplexity: reasoning and citation tokens stand beside ``completion_tokens``, searches count.
- DeepSeek: ``prompt_cache_hit_tokens`` are within ``prompt_tokens``.
- Cohere: ``billed_units`` are what is billed, ``tokens`` what was processed.
- Our own names, as traces have them: the totals hold all (OpenTelemetry GenAI conventions).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from conversations.assembly.payload import number, obj
from conversations.parts import Usage

Billed = dict[str, int]


def bill(usage: Usage, seller: str) -> Billed:
    """The counts that ``seller`` bills, those that are not zero.

    ``seller`` is a provider of genai-prices, such as "x-ai"; it matters where two providers use one
    shape in two ways. Raises ValueError where the parts exceed the whole.
    """
    raw = usage.raw
    if "prompt_tokens" in raw or "completion_tokens" in raw:
        counts = _chat(raw, seller)
    elif "promptTokenCount" in raw or "candidatesTokenCount" in raw:
        counts = _google(raw)
    elif "inputTokens" in raw or "outputTokens" in raw:
        counts = _converse(raw)
    elif "billed_units" in raw:
        units = obj(raw["billed_units"])
        counts = _whole(units, "input_tokens", "output_tokens")
    elif "input_tokens_details" in raw or "output_tokens_details" in raw:
        counts = _responses(raw)
    elif "cache_read_input_tokens" in raw or "cache_creation_input_tokens" in raw:
        counts = _anthropic(raw)
    else:
        counts = _ours(usage)
    return _checked(counts)


def context_of(usage: Usage) -> dict[str, str]:
    """What else of the answer moves its price: processing in batches, a service tier, speed."""
    tier, speed = usage.raw.get("service_tier"), usage.raw.get("speed")
    context = {}
    if tier == "batch":
        context["processing"] = "batch"
    elif isinstance(tier, str):
        context["service_tier"] = tier
    if isinstance(speed, str):
        context["speed"] = speed
    return context


def _whole(raw: Mapping[str, Any], inputs: str, outputs: str) -> dict[str, int | None]:
    return {"input_tokens": number(raw.get(inputs)), "output_tokens": number(raw.get(outputs))}


def _sum(*counts: int | None) -> int:
    return sum(count or 0 for count in counts)


def _chat(raw: Mapping[str, Any], seller: str) -> dict[str, int | None]:
    of_input, of_output = obj(raw.get("prompt_tokens_details")), _details(raw, "completion")
    counts = _whole(raw, "prompt_tokens", "completion_tokens")
    counts |= {
        "cache_read_tokens": _first(
            of_input.get("cached_tokens"),
            raw.get("prompt_cache_hit_tokens"),
            raw.get("cached_tokens"),
        ),
        "cache_write_tokens": number(of_input.get("cache_write_tokens")),
        "input_audio_tokens": number(of_input.get("audio_tokens")),
        "output_audio_tokens": number(of_output.get("audio_tokens")),
    }
    reasoning = _first(of_output.get("reasoning_tokens"), raw.get("reasoning_tokens"))
    counts["output_reasoning_tokens"] = reasoning
    if seller == "perplexity":
        citations = number(raw.get("citation_tokens"))
        counts["output_citation_tokens"] = citations
        counts["output_tokens"] = _sum(counts["output_tokens"], reasoning, citations)
        counts["web_searches"] = number(raw.get("num_search_queries"))
    elif (seller == "x-ai" and not _holds_all(raw)) or _exceeds(reasoning, counts):
        counts["output_tokens"] = _sum(counts["output_tokens"], reasoning)
    return counts


def _exceeds(reasoning: int | None, counts: Mapping[str, int | None]) -> bool:
    """Reasoning that is more than the output cannot be a part of it."""
    return (reasoning or 0) > (counts["output_tokens"] or 0)


def _details(raw: Mapping[str, Any], side: str) -> Mapping[str, Any]:
    return obj(raw.get(f"{side}_tokens_details"))


def _holds_all(raw: Mapping[str, Any]) -> bool:
    """Does the answer's own total say that prompt and completion are all there is?"""
    total = number(raw.get("total_tokens"))
    parts = _sum(number(raw.get("prompt_tokens")), number(raw.get("completion_tokens")))
    return total is not None and total == parts


def _responses(raw: Mapping[str, Any]) -> dict[str, int | None]:
    of_input, of_output = _details(raw, "input"), _details(raw, "output")
    if "cache_read_input_tokens" in raw or "cache_creation_input_tokens" in raw:
        return _anthropic(raw)
    return _whole(raw, "input_tokens", "output_tokens") | {
        "cache_read_tokens": number(of_input.get("cached_tokens")),
        "cache_write_tokens": number(of_input.get("cache_write_tokens")),
        "input_audio_tokens": number(of_input.get("audio_tokens")),
        "output_reasoning_tokens": number(of_output.get("reasoning_tokens")),
        "output_audio_tokens": number(of_output.get("audio_tokens")),
    }


def _anthropic(raw: Mapping[str, Any]) -> dict[str, int | None]:
    read = number(raw.get("cache_read_input_tokens"))
    written = number(raw.get("cache_creation_input_tokens"))
    lasting = obj(raw.get("cache_creation"))
    return {
        "input_tokens": _sum(number(raw.get("input_tokens")), read, written),
        "output_tokens": number(raw.get("output_tokens")),
        "cache_read_tokens": read,
        "cache_write_tokens": written,
        "cache_write_1h_tokens": number(lasting.get("ephemeral_1h_input_tokens")),
        "output_reasoning_tokens": number(_details(raw, "output").get("thinking_tokens")),
        "web_searches": number(obj(raw.get("server_tool_use")).get("web_search_requests")),
    }


def _converse(raw: Mapping[str, Any]) -> dict[str, int | None]:
    read = number(raw.get("cacheReadInputTokens"))
    written = number(raw.get("cacheWriteInputTokens"))
    return {
        "input_tokens": _sum(number(raw.get("inputTokens")), read, written),
        "output_tokens": number(raw.get("outputTokens")),
        "cache_read_tokens": read,
        "cache_write_tokens": written,
    }


def _google(raw: Mapping[str, Any]) -> dict[str, int | None]:
    thoughts = number(raw.get("thoughtsTokenCount"))
    tool_use = number(raw.get("toolUsePromptTokenCount"))
    return {
        "input_tokens": _sum(number(raw.get("promptTokenCount")), tool_use),
        "output_tokens": _sum(number(raw.get("candidatesTokenCount")), thoughts),
        "cache_read_tokens": number(raw.get("cachedContentTokenCount")),
        "cache_audio_read_tokens": _spoken(raw, "cacheTokensDetails"),
        "input_audio_tokens": _sum(
            _spoken(raw, "promptTokensDetails"), _spoken(raw, "toolUsePromptTokensDetails")
        ),
        "output_audio_tokens": _spoken(raw, "candidatesTokensDetails"),
        "output_reasoning_tokens": thoughts,
    }


def _spoken(raw: Mapping[str, Any], name: str) -> int:
    """The tokens of audio in Google's list of modalities."""
    details = raw.get(name)
    entries = [obj(one) for one in details] if isinstance(details, list) else []
    return _sum(*(number(e.get("tokenCount")) for e in entries if e.get("modality") == "AUDIO"))


def _ours(usage: Usage) -> dict[str, int | None]:
    read, written = usage.cached_input_tokens, usage.cache_write_tokens
    whole = usage.input_tokens
    if _sum(read, written) > _sum(whole):  # then they cannot be a part of it
        whole = _sum(whole, read, written)
    counts = {
        "input_tokens": whole,
        "output_tokens": usage.output_tokens,
        "cache_read_tokens": read,
        "cache_write_tokens": written,
        "output_reasoning_tokens": usage.reasoning_tokens,
    }
    if _exceeds(usage.reasoning_tokens, counts):
        counts["output_tokens"] = _sum(usage.output_tokens, usage.reasoning_tokens)
    return counts


def _first(*values: Any) -> int | None:
    return next((count for value in values if (count := number(value)) is not None), None)


def _checked(counts: Mapping[str, int | None]) -> Billed:
    """The counts that are not zero, where they can be."""
    billed = {name: count for name, count in counts.items() if count}
    if any(count < 0 for count in billed.values()):
        raise ValueError("a count of tokens is negative")
    cached = _sum(billed.get("cache_read_tokens"), billed.get("cache_write_tokens"))
    if cached > billed.get("input_tokens", 0):
        raise ValueError("more cached tokens than input tokens")
    return billed

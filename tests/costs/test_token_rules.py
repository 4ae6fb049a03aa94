"""Each provider's tokens are billed by its own rule, as its documentation says it."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import genai_prices
import pytest

from conversations.ingest.usage import read_usage
from conversations.parts import Usage
from conversations.prices import price
from conversations.token_rules import bill, context_of

AT = datetime(2026, 3, 1, tzinfo=UTC)

# Usage objects as the providers' references show them, and what each says is billed.
TABLE: list[tuple[str, str, dict[str, Any], dict[str, int]]] = [
    (
        "OpenAI chat: cached and audio within the prompt, reasoning within the completion",
        "openai",
        {
            "prompt_tokens": 1117, "completion_tokens": 46, "total_tokens": 1163,
            "prompt_tokens_details": {"cached_tokens": 1024, "audio_tokens": 10},
            "completion_tokens_details": {"reasoning_tokens": 20, "audio_tokens": 6},
        },
        {
            "input_tokens": 1117, "output_tokens": 46, "cache_read_tokens": 1024,
            "input_audio_tokens": 10, "output_reasoning_tokens": 20, "output_audio_tokens": 6,
        },
    ),
    (
        "OpenAI Responses: the same by other names",
        "openai",
        {
            "input_tokens": 328, "input_tokens_details": {"cached_tokens": 100},
            "output_tokens": 52, "output_tokens_details": {"reasoning_tokens": 30},
        },
        {
            "input_tokens": 328, "output_tokens": 52, "cache_read_tokens": 100,
            "output_reasoning_tokens": 30,
        },
    ),
    (
        "Anthropic: the cache stands beside the input",
        "anthropic",
        {
            "input_tokens": 50, "cache_read_input_tokens": 100_000,
            "cache_creation_input_tokens": 456, "output_tokens": 503,
            "cache_creation": {"ephemeral_5m_input_tokens": 356, "ephemeral_1h_input_tokens": 100},
        },
        {
            "input_tokens": 100_506, "output_tokens": 503, "cache_read_tokens": 100_000,
            "cache_write_tokens": 456, "cache_write_1h_tokens": 100,
        },
    ),
    (
        "Anthropic's shape at another seller keeps its rule",
        "aws",
        {"input_tokens": 10, "output_tokens": 5, "cache_read_input_tokens": 90},
        {"input_tokens": 100, "output_tokens": 5, "cache_read_tokens": 90},
    ),
    (
        "Anthropic's searches are counted",
        "anthropic",
        {
            "input_tokens": 105, "output_tokens": 6039, "cache_read_input_tokens": 0,
            "server_tool_use": {"web_search_requests": 2},
        },
        {"input_tokens": 105, "output_tokens": 6039, "web_searches": 2},
    ),
    (
        "Bedrock Converse: the cache stands beside the input",
        "aws",
        {
            "inputTokens": 10, "outputTokens": 20, "cacheReadInputTokens": 300,
            "cacheWriteInputTokens": 40,
        },
        {
            "input_tokens": 350, "output_tokens": 20, "cache_read_tokens": 300,
            "cache_write_tokens": 40,
        },
    ),
    (
        "Google: cached within the prompt, thoughts and tool use beside",
        "google",
        {
            "promptTokenCount": 100, "candidatesTokenCount": 10, "thoughtsTokenCount": 90,
            "cachedContentTokenCount": 20, "toolUsePromptTokenCount": 7,
            "promptTokensDetails": [
                {"modality": "TEXT", "tokenCount": 60}, {"modality": "AUDIO", "tokenCount": 40},
            ],
        },
        {
            "input_tokens": 107, "output_tokens": 100, "cache_read_tokens": 20,
            "input_audio_tokens": 40, "output_reasoning_tokens": 90,
        },
    ),
    (
        "xAI: reasoning stands beside the completion",
        "x-ai",
        {
            "prompt_tokens": 32, "completion_tokens": 9, "total_tokens": 135,
            "completion_tokens_details": {"reasoning_tokens": 94},
        },
        {"input_tokens": 32, "output_tokens": 103, "output_reasoning_tokens": 94},
    ),
    (
        "reasoning within the completion elsewhere",
        "groq",
        {
            "prompt_tokens": 32, "completion_tokens": 109, "total_tokens": 141,
            "completion_tokens_details": {"reasoning_tokens": 94},
        },
        {"input_tokens": 32, "output_tokens": 109, "output_reasoning_tokens": 94},
    ),
    (
        "Perplexity: reasoning and citations beside the completion",
        "perplexity",
        {
            "prompt_tokens": 33, "completion_tokens": 7163, "citation_tokens": 20016,
            "num_search_queries": 18, "reasoning_tokens": 73_997,
        },
        {
            "input_tokens": 33, "output_tokens": 101_176, "output_reasoning_tokens": 73_997,
            "output_citation_tokens": 20_016, "web_searches": 18,
        },
    ),
    (
        "DeepSeek: cache hits within the prompt",
        "deepseek",
        {
            "prompt_tokens": 100, "completion_tokens": 9, "prompt_cache_hit_tokens": 64,
            "prompt_cache_miss_tokens": 36,
        },
        {"input_tokens": 100, "output_tokens": 9, "cache_read_tokens": 64},
    ),
    (
        "Cohere: billed units, not all that was processed",
        "cohere",
        {
            "billed_units": {"input_tokens": 17, "output_tokens": 12},
            "tokens": {"input_tokens": 83, "output_tokens": 22},
        },
        {"input_tokens": 17, "output_tokens": 12},
    ),
    (
        "our own names: the whole holds the cached part",
        "anthropic",
        {"input_tokens": 100, "output_tokens": 5, "cached_input_tokens": 90},
        {"input_tokens": 100, "output_tokens": 5, "cache_read_tokens": 90},
    ),
    (
        "our own names: what does not fit within stands beside",
        "anthropic",
        {"input_tokens": 10, "output_tokens": 5, "cached_input_tokens": 90},
        {"input_tokens": 100, "output_tokens": 5, "cache_read_tokens": 90},
    ),
]  # fmt: skip


@pytest.mark.parametrize(("seller", "raw", "billed"), [row[1:] for row in TABLE], ids=lambda _: "")
def test_it_bills_what_the_provider_documents(
    seller: str, raw: dict[str, Any], billed: dict[str, int]
) -> None:
    usage = read_usage(raw)
    assert usage is not None
    assert bill(usage, seller) == billed


@pytest.mark.parametrize(
    ("seller", "flavor", "model", "raw"),
    [
        ("openai", "chat", "gpt-4o", TABLE[0][2]),
        ("openai", "responses", "gpt-5", TABLE[1][2]),
        ("anthropic", "default", "claude-sonnet-4-5", TABLE[2][2]),
        ("aws", "default", "anthropic.claude-sonnet-4-5-20250929-v1:0", TABLE[5][2]),
        ("x-ai", "chat", "grok-3-mini", TABLE[7][2]),
        ("perplexity", "default", "sonar-deep-research", TABLE[9][2]),
    ],
)
def test_it_costs_what_the_price_list_itself_makes_of_the_answer(
    seller: str, flavor: str, model: str, raw: dict[str, Any]
) -> None:
    extracted = genai_prices.extract_usage(
        {"model": model, "usage": raw}, provider_id=seller, api_flavor=flavor
    )
    theirs = extracted.calc_price(genai_request_timestamp=AT).total_price
    usage = read_usage(raw)
    assert usage is not None
    ours = price(usage, model=model, protocol=seller, at=AT).cost
    assert ours is not None and abs(ours - theirs) < Decimal("0.000000001")


def test_it_refuses_what_cannot_be() -> None:
    usage = Usage(input_tokens=10, raw={"prompt_tokens": 10, "prompt_cache_hit_tokens": 11})
    with pytest.raises(ValueError, match="more cached tokens"):
        bill(usage, "openai")
    told = price(usage, model="gpt-4o", protocol="openai", at=AT)
    assert told.cost is None and "more cached tokens" in told.snapshot["reason"]


@pytest.mark.parametrize(
    ("raw", "context"),
    [
        ({"service_tier": "batch"}, {"processing": "batch"}),
        ({"service_tier": "flex"}, {"service_tier": "flex"}),
        ({"speed": "fast"}, {"speed": "fast"}),
        ({}, {}),
    ],
)
def test_it_knows_what_else_moves_a_price(raw: dict[str, Any], context: dict[str, str]) -> None:
    assert context_of(Usage(raw=raw)) == context

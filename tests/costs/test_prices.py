"""Prices: the list's as of the day, tiers and audio, a connection's own before it, never zero."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import genai_prices
import pytest

from conversations import token_rules
from conversations.connection_forms import ConnectionForm
from conversations.ingest.usage import read_usage
from conversations.models import Connection
from conversations.parts import Usage
from conversations.price_forms import PriceForm, change_prices
from conversations.price_overrides import Override, find, put, read_overrides
from conversations.prices import price
from tests.factories import make_connection

AT = datetime(2026, 3, 1, tzinfo=UTC)
PLAIN = {"prompt_tokens": 1000, "completion_tokens": 100}


def _usage(**raw: Any) -> Usage:
    found = read_usage(raw)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("seller", "model", "raw"),
    [
        ("openai", "gpt-4o", PLAIN),
        ("openai", "gpt-4o", PLAIN | {"prompt_tokens_details": {"cached_tokens": 512}}),
        ("google", "gemini-2.5-pro", PLAIN),
        ("google", "gemini-2.5-pro", {"prompt_tokens": 200_001, "completion_tokens": 100}),
        ("anthropic", "claude-sonnet-4-5", {"prompt_tokens": 250_000, "completion_tokens": 10}),
        ("mistral", "mistral-large-latest", PLAIN),
        ("perplexity", "sonar", PLAIN),
        ("google", "gemini-2.5-flash", {
            "promptTokenCount": 100, "candidatesTokenCount": 5, "cachedContentTokenCount": 20,
            "promptTokensDetails": [{"modality": "AUDIO", "tokenCount": 40}],
        }),
    ],
)  # fmt: skip
def test_it_costs_what_the_price_list_says(seller: str, model: str, raw: dict[str, Any]) -> None:
    usage = _usage(**raw)
    billed: dict[str, Any] = token_rules.bill(usage, seller)
    if "input_audio_tokens" in billed and "cache_read_tokens" in billed:
        billed.setdefault("cache_audio_read_tokens", 0)
    whole = genai_prices.Usage(**billed)
    theirs = genai_prices.calc_price(
        whole, model, provider_id=seller, genai_request_timestamp=AT
    ).total_price
    told = price(usage, model=model, protocol=seller, at=AT)
    assert told.cost is not None and abs(told.cost - theirs) < Decimal("0.000000001")
    assert told.snapshot["as_of"] == "2026-03-01"
    assert told.snapshot["source"].startswith("genai-prices ")
    assert told.snapshot["tokens"] == token_rules.bill(usage, seller)


@pytest.mark.parametrize(
    ("model", "protocol", "reason"),
    [
        ("no-such-model", "openai", "no price known"),
        ("gpt-4o", "no-such-seller", "no price known"),
        ("smollm2", "local", "local, no price"),
        ("any", "scripted", "scripted, no price"),
    ],
)
def test_without_a_price_it_is_unpriced_and_says_why(
    model: str, protocol: str, reason: str
) -> None:
    told = price(_usage(**PLAIN), model=model, protocol=protocol, at=AT)
    assert told.cost is None
    assert told.snapshot["reason"].startswith(reason)


def test_without_usage_it_is_unpriced() -> None:
    assert price(Usage(), model="gpt-4o", protocol="openai", at=AT).cost is None


OWN = [
    Override("gpt-4o", date(2026, 1, 1), {"input": Decimal(2), "output": Decimal(8)}),
    Override("gpt-4o", date(2026, 2, 1), {"input": Decimal(1), "output": Decimal(4)}),
    Override("gpt-4*", date(2025, 1, 1), {"input": Decimal(9)}),
]


@pytest.mark.parametrize(
    ("model", "day", "rate"),
    [
        ("gpt-4o", date(2026, 3, 1), 1),
        ("gpt-4o", date(2026, 1, 15), 2),
        ("GPT-4o", date(2025, 6, 1), 9),
        ("gpt-4-turbo", date(2026, 3, 1), 9),
        ("gpt-4o", date(2024, 1, 1), None),
        ("claude", date(2026, 3, 1), None),
    ],
)
def test_the_longest_name_and_then_the_latest_day_wins(
    model: str, day: date, rate: int | None
) -> None:
    found = find(OWN, model, day)
    assert (found.rate("input") if found else None) == rate


def test_a_connections_own_price_stands_before_the_list() -> None:
    raw = PLAIN | {"prompt_tokens_details": {"cached_tokens": 400}}
    rates = {"input": Decimal(1), "output": Decimal(4), "cache_read": Decimal("0.5")}
    own = [Override("gpt-4o", date(2026, 1, 1), rates | {"request": Decimal(2)})]
    told = price(_usage(**raw), model="gpt-4o", protocol="openai", at=AT, overrides=own)
    assert told.cost == Decimal("0.0006") + Decimal("0.0002") + Decimal("0.0004") + Decimal("0.002")
    assert told.snapshot["source"] == "connection price since 2026-01-01"


def test_what_has_no_list_price_can_have_one_of_its_own() -> None:
    own = [Override("*", date(2026, 1, 1), {"input": Decimal(1), "output": Decimal(1)})]
    told = price(_usage(**PLAIN), model="smollm2", protocol="local", at=AT, overrides=own)
    assert told.cost == Decimal("0.0011")


def test_overrides_survive_their_settings() -> None:
    held = {"prices": [one.to_json() for one in OWN] + ["broken", {"model": "x"}]}
    assert read_overrides(held) == OWN
    assert read_overrides({"prices": "broken"}) == []


def test_a_new_override_takes_the_place_of_one_of_the_same_day() -> None:
    new = Override("gpt-4o", date(2026, 2, 1), {"input": Decimal(3)})
    kept = put(OWN, new)
    assert len(kept) == 3
    assert find(kept, "gpt-4o", date(2026, 3, 1)) == new


@pytest.mark.django_db
def test_edits_at_the_same_time_keep_each_other() -> None:
    pk = make_connection(protocol="openai", settings={"api": "chat"}).pk
    opened = [Connection.objects.get(pk=pk) for _ in range(4)]
    forms = [
        PriceForm({"model": model, "since": "2026-01-01", "input": "1"}, connection=one)
        for model, one in zip("ab", opened, strict=False)
    ]
    for form in forms:
        assert form.is_valid()
        form.save()
    data = {"name": "Renamed", "protocol": "openai", "models": "gpt-4o", "api": "responses"}
    renaming = ConnectionForm(data, project=opened[2].project, connection=opened[2])
    assert renaming.is_valid(), renaming.errors
    renaming.save()
    assert change_prices(opened[3], lambda held: [one for one in held if one.model != "a"])
    assert not change_prices(opened[3], lambda held: held)
    kept = Connection.objects.get(pk=pk)
    assert kept.name == "Renamed" and kept.settings["api"] == "responses"
    assert [one.model for one in read_overrides(kept.settings)] == ["b"]

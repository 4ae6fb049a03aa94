"""Sentences of alerts, and when a message is tried again."""

from __future__ import annotations

from typing import Any

import pytest

from analytics.alerts.backoff import TRIES, WAITS, wait_before
from analytics.alerts.notifiers.webhook import sign
from analytics.alerts.rules import Reading, Rule, measure
from analytics.alerts.watched import WATCHED
from analytics.alerts.wording import tell_condition, tell_notice

RATE = WATCHED["rejection_rate"]
RULE = Rule("percent", window=300, level=10, warning=5, minimum=20)
BAD = measure(RULE, Reading(104, 120, 300))
FEW = measure(RULE, Reading(1, 3, 300))


@pytest.mark.parametrize(
    ("notice", "measured", "text"),
    [
        (
            "alert",
            BAD,
            "Calls: Rejection rate 86.7% (104 of 120 calls) in the last 5 minutes, above 10%.",
        ),
        (
            "reminder",
            BAD,
            "Calls, still on alert: Rejection rate 86.7% (104 of 120 calls) in the last"
            " 5 minutes, above 10%.",
        ),
        (
            "recovered",
            measure(RULE, Reading(2, 100, 300)),
            "Calls has recovered: Rejection rate 2% (2 of 100 calls) in the last 5 minutes.",
        ),
        ("no_data", FEW, "Calls: no data. 3 calls in the last 5 minutes; it takes 20."),
        (
            "no_data",
            measure(RULE, Reading(1, 1, 300)),
            "Calls: no data. 1 call in the last 5 minutes; it takes 20.",
        ),
    ],
)
def test_a_notice_has_the_numbers_with_their_base(notice: Any, measured: Any, text: str) -> None:
    assert tell_notice(notice, "Calls", RATE, RULE, measured) == text


@pytest.mark.parametrize(
    ("metric", "rule", "text"),
    [
        (
            "rejection_rate",
            RULE,
            "Rejection rate above 10% in the last 5 minutes, of at least 20 calls",
        ),
        (
            "cost_per_hour",
            Rule("dollars", window=3600, level=4, basis="past"),
            "Cost per hour 4 spreads above its own past in the last hour",
        ),
        (
            "calls",
            Rule("count", window=86_400, level=1000, direction="below"),
            "Number of tool calls below 1,000 in the last day",
        ),
    ],
)
def test_a_condition_is_one_phrase(metric: str, rule: Rule, text: str) -> None:
    assert tell_condition(WATCHED[metric], rule) == text


def test_waits_grow_and_end_within_a_night() -> None:
    waits = [wait_before(tries, seed=0) for tries in range(1, TRIES)]
    assert waits == sorted(waits) == list(WAITS)
    assert 10 <= wait_before(1, seed=999) <= 12
    assert sum(waits) < 6 * 3600


def test_a_signature_is_that_of_the_documentation() -> None:
    signed = sign("whsec_example", 1706928420, b'{"type":"test"}')
    assert signed == (
        "t=1706928420,v1=843f1399b8d8783cc93b2a6589c36b2834be7205aba2da35dc73fb329fbe8ecc"
    )

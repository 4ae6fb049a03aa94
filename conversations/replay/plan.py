"""What a replay will ask, and what that will cost. Pure.

Sizes come from what was recorded: a turn's own tokens where its provider counted them, else four
characters a token of its request as JSON.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from console.lib import json
from conversations.replay.cases import Case
from conversations.replay.variants import AS_RECORDED, Variant

CHARACTERS_A_TOKEN = 4
ANSWER_TOKENS = 100
"""Of an answer whose size nobody recorded."""

PriceOf = Callable[[Case, Variant, int, int], Decimal | None]
"""Dollars of one model call from (case, variant, input tokens, output tokens), None unpriced."""


@dataclass(frozen=True)
class Estimate:
    """What a replay takes. ``dollars`` are of the priced calls; ``unpriced`` counts the others.

    ``guessed`` counts cases whose tokens nobody recorded, so that they are reckoned from their
    length. In conversation mode ``calls`` has as many rounds as the recording had.
    """

    outcomes: int = 0
    calls: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    dollars: Decimal = Decimal(0)
    unpriced: int = 0
    guessed: int = 0

    @property
    def tokens(self) -> int:
        return self.input_tokens + self.output_tokens

    def to_json(self) -> dict[str, Any]:
        return {
            "outcomes": self.outcomes,
            "calls": self.calls,
            "input_tokens": self.input_tokens,
            "output_tokens": self.output_tokens,
            "dollars": str(self.dollars),
            "unpriced": self.unpriced,
            "guessed": self.guessed,
        }


def with_control(variants: Sequence[Variant]) -> list[Variant]:
    """The variants with *as recorded* before them."""
    return [AS_RECORDED, *variants]


def estimate(
    cases: Sequence[Case],
    variants: Sequence[Variant],
    trials: int,
    *,
    mode: str = "next_call",
    price: PriceOf = lambda *_: None,
) -> Estimate:
    """What the replay takes; the control is counted though ``variants`` lack it."""
    everyone = with_control(variants)
    outcomes = len(cases) * len(everyone) * trials
    if mode == "no_model":
        return Estimate(outcomes=len(cases) * len(everyone))
    calls = sent = received = unpriced = guessed = 0
    dollars = Decimal(0)
    for case in cases:
        asked, told, is_guessed = tokens_of(case)
        guessed += is_guessed
        rounds = rounds_of(case) if mode == "conversation" else [(asked, told)]
        for variant in everyone:
            for one_sent, one_told in rounds:
                one = price(case, variant, one_sent, one_told)
                unpriced += trials * (one is None)
                dollars += trials * (one or 0)
        factor = trials * len(everyone)
        calls += factor * len(rounds)
        sent += factor * sum(size for size, _ in rounds)
        received += factor * sum(size for _, size in rounds)
    return Estimate(outcomes, calls, sent, received, dollars, unpriced, guessed)


def tokens_of(case: Case) -> tuple[int, int, bool]:
    """Input and output tokens of the recorded call, and whether they are reckoned."""
    recorded = case.recorded
    if recorded and recorded.input_tokens is not None:
        told = recorded.output_tokens
        return recorded.input_tokens, ANSWER_TOKENS if told is None else told, False
    return size_of([*case.messages, *case.tools]), ANSWER_TOKENS, True


def rounds_of(case: Case) -> list[tuple[int, int]]:
    """Input and output tokens of every model call that the recorded conversation took on."""
    asked, told, _ = tokens_of(case)
    rest = case.recorded.rest if case.recorded else ()
    rounds, so_far = [(asked, told)], asked
    for place, message in enumerate(rest):
        so_far += size_of([message])
        if message.get("role") == "assistant" and place:
            rounds.append((so_far, size_of([message])))
    return rounds


def size_of(values: Sequence[Any]) -> int:
    """Tokens by the rule of thumb."""
    return sum(len(json.dump_bytes(value)) for value in values) // CHARACTERS_A_TOKEN

"""What is counted, in a size that does not grow with the calls."""

from __future__ import annotations

from datetime import UTC, datetime

from console.lib import json, uuid7
from conversations.backtest.comparison import Outcome
from conversations.backtest.tally import MOST, OTHERS, Tally, key_of
from tools_registry.validation import Finding

MONDAY, SUNDAY = datetime(2024, 2, 5, 1, tzinfo=UTC), datetime(2024, 2, 4, 23, tzinfo=UTC)


def rejected(pointer: str) -> Outcome:
    found = Finding("wrong_type", "x", pointer)
    return Outcome((), (found,), "accepted", "rejected", "newly_rejected")


def test_places_in_a_list_count_as_one() -> None:
    assert key_of(Finding("wrong_type", "x", "/items/3/price")) == "wrong_type /items/*/price"
    assert key_of(Finding("malformed_json", "x")) == "malformed_json"


def test_calls_count_by_verdict_finding_model_and_week() -> None:
    tally = Tally()
    clean = Outcome((), (), "accepted", "accepted", "unchanged")
    assert tally.add(uuid7.of(MONDAY, "a"), "m", rejected("/a/0")) == ["wrong_type /a/*"]
    tally.add(uuid7.of(SUNDAY, "b"), "n", clean)
    tally.span([uuid7.of(MONDAY, "a"), uuid7.of(SUNDAY, "b")])
    told = tally.to_json()
    assert told["matrix"] == {"accepted>rejected": 1, "accepted>accepted": 1}
    assert told["findings"] == {"wrong_type /a/*": {"after": 1, "new": 1}}
    assert told["models"]["m"] == {"calls": 1, "newly_rejected": 1}
    assert list(told["weeks"]) == ["2024-01-29", "2024-02-05"]
    assert told["first"].startswith("2024-02-04") and told["last"].startswith("2024-02-05")


def test_a_tally_goes_on_from_what_was_kept() -> None:
    tally = Tally()
    tally.add(uuid7.of(MONDAY, "a"), "m", rejected("/a"))
    kept = Tally.from_json(json.load(json.dump(tally.to_json())))
    kept.add(uuid7.of(MONDAY, "b"), "m", rejected("/a"))
    assert kept.findings["wrong_type /a"]["new"] == 2
    assert kept.models["m"]["calls"] == 2


def test_what_comes_after_many_names_counts_together() -> None:
    tally = Tally()
    for number in range(MOST + 50):
        tally.add(uuid7.of(MONDAY, str(number)), f"m{number}", rejected(f"/p{number}"))
    assert len(tally.models) == len(tally.findings) == MOST + 1
    assert tally.models[OTHERS]["calls"] == 50
    assert sum(row["calls"] for row in tally.models.values()) == MOST + 50

"""Errors among real tool results: each one that the data names is found, and no other.

The transcripts have no status: what is known of a result is its text. Each call is joined to
its result by position, as ids repeat within a conversation.
"""

from __future__ import annotations

import gzip
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from tools_registry.validation.conduct import PastCall, Setting, judge_conduct
from tools_registry.validation.findings import CODES

DOMAINS = ("airline", "retail", "telecom")
TOOL_ERRORS = 109
"""Tool errors that the conversations of the data name."""


def main(data: Path) -> None:
    total: Counter[str] = Counter()
    for domain in DOMAINS:
        counts: Counter[str] = Counter()
        with gzip.open(data / "tau" / f"{domain}.jsonl.gz", "rt", encoding="utf-8") as lines:
            for line in lines:
                counts += check_conversation(json.loads(line))
        print(f"   {domain}: {dict(counts)}")
        total += counts
    print(f"   all: {dict(total)}")
    assert total["tool errors named"] == total["tool errors found"] == TOOL_ERRORS, total
    for code in ("timeout", "rate_limited", "swallowed_error"):
        assert not total[code], f"{total[code]} times {code}, where no result is one"


def check_conversation(record: dict[str, Any]) -> Counter[str]:
    pairs, setting = read_calls(record["messages"])
    calls = [call for _, call in pairs]
    judged = judge_conduct(calls, setting)
    found = [
        {"call_id": call_id, "error": (call.result or "")}
        for (call_id, call), findings in zip(pairs, judged, strict=True)
        if any(CODES[finding.code].layer == "execution" for finding in findings)
    ]
    named = record["annotations"]["tool_errors"]
    assert len(found) == len(named), (record["id"], found, named)
    for one, other in zip(found, named, strict=True):
        assert one["call_id"] == other["call_id"], (record["id"], one, other)
        # The data keeps the beginning of long errors.
        assert one["error"].startswith(other["error"]), (record["id"], one, other)
    check_repeatable(calls, judged, setting)
    check_reported_as_ok(calls, setting, len(named), record["id"])
    counts = Counter(finding.code for findings in judged for finding in findings)
    counts["conversations"] = 1
    counts["calls"] = len(calls)
    counts["tool errors named"] = len(named)
    counts["tool errors found"] = len(found)
    return counts


def check_repeatable(calls: list[PastCall], judged: list[Any], setting: Setting) -> None:
    """The same input gives the same findings; what was said of earlier calls stays."""
    assert judge_conduct(calls, setting) == judged
    half = calls[: len(calls) // 2]
    assert judge_conduct(half, setting) == judged[: len(half)]


def check_reported_as_ok(calls: list[PastCall], setting: Setting, named: int, id: str) -> None:
    """Had an application called every result OK, each error would be a swallowed one."""
    answered = [replace(call, status="ok") for call in calls if call.result is not None]
    judged = judge_conduct(answered, Setting())
    swallowed = sum(f.code == "swallowed_error" for findings in judged for f in findings)
    assert swallowed == named, (id, swallowed, named)


def read_calls(messages: list[dict[str, Any]]) -> tuple[list[tuple[str, PastCall]], Setting]:
    """The calls of a transcript with their ids, and the texts of its answers."""
    pairs: list[tuple[str, PastCall]] = []
    answers: dict[int, str] = {}
    turn = request = 0
    for place, message in enumerate(messages):
        if message["role"] == "user":
            request += 1
        if message["role"] != "assistant":
            continue
        turn += 1
        answers[turn] = message.get("content") or ""
        results = list(results_after(messages, place))
        for position, call in enumerate(message.get("tool_calls") or ()):
            result = take_result(results, call["id"])
            body = call["function"]
            past = PastCall(
                turn, position, body["name"], body["arguments"], result=result, request=request
            )
            pairs.append((call["id"], past))
    return pairs, Setting(last_turn=turn, answers=answers)


def results_after(messages: list[dict[str, Any]], place: int) -> Iterator[tuple[str, str]]:
    for message in messages[place + 1 :]:
        if message["role"] != "tool":
            return
        yield message["tool_call_id"], message["content"]


def take_result(results: list[tuple[str, str]], call_id: str) -> str | None:
    """The first result of that id that no call took yet."""
    for index, (id, _) in enumerate(results):
        if id == call_id:
            return results.pop(index)[1]
    return None

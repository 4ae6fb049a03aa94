"""The conduct and execution layers: does the conversation call sensibly, did the tool do it?

Pure, and linear in the calls: one pass over a conversation, each call judged by itself and by
the calls before it. So later calls never change what was said of earlier ones; only that a
result came, or never did, and what the model made of an empty one, is told afterwards.
The rules and their numbers are in ``docs/conduct.md``.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from tools_registry.validation.absence import admits_absence, promises_value
from tools_registry.validation.findings import Finding
from tools_registry.validation.past import PastCall, Seen, look_at
from tools_registry.validation.repeats import STORM, Repeats, Storms
from tools_registry.validation.wording import cut_line, span_of

PATIENCE = timedelta(minutes=10)
"""How long a result may take before its call counts as unanswered."""


@dataclass(frozen=True, slots=True)
class Setting:
    """What is known of the conversation beside its calls.

    ``last_turn`` is the number of its latest turn. ``answers`` are the texts that the model
    said, by turn. ``now`` is the time of judging; None leaves waiting calls unjudged.
    ``valued`` are the tools that are known to return a value (read-only, or with an output
    schema); of others the name decides.
    """

    last_turn: int | None = None
    answers: Mapping[int, str] = field(default_factory=dict)
    now: datetime | None = None
    patience: timedelta = PATIENCE
    valued: Collection[str] = ()


def judge_conduct(
    calls: Sequence[PastCall], setting: Setting | None = None
) -> list[tuple[Finding, ...]]:
    """The findings of each call, in the order of ``calls``, which is that of the conversation.

    Gives ``repeated_call``, ``retry_storm``, ``unanswered_call`` and ``swallowed_error``, and
    of the execution layer ``tool_error``, ``timeout`` and ``rate_limited``.
    """
    setting = setting or Setting()
    last = max([*(call.turn for call in calls), setting.last_turn or 0], default=0)
    looked_at = [look_at(call) for call in calls]
    presented = _presented(looked_at, setting.answers)
    repeats, storms = Repeats(), Storms()
    judged = []
    for seen in looked_at:
        repeat, storm = repeats.see(seen), storms.see(seen)
        found = [
            _judge_result(seen) or _judge_void(seen, presented.get(seen.call.turn), setting.valued),
            storm or repeat,
            _judge_waiting(seen, last, setting),
        ]
        judged.append(tuple(finding for finding in found if finding))
    return judged


def _judge_result(seen: Seen) -> Finding | None:
    """An error that the tool reported, or one inside of a result that was called OK."""
    outcome, status = seen.outcome, seen.call.status
    if outcome.kind != "failed" or outcome.code is None:
        return None
    said = cut_line(outcome.error)
    detail = {"transient": outcome.transient} | ({"http": outcome.http} if outcome.http else {})
    if status == "ok":
        message = f"Reported as OK, but the result is an error: {said}"
        return Finding("swallowed_error", message, detail=detail | {"code": outcome.code})
    words = {
        "tool_error": "answered with an error",
        "timeout": "did not answer in time",
        "rate_limited": "refused because of its rate limit",
    }[outcome.code]
    message = f"{seen.call.name} {words}" + (f": {said}" if said else "")
    return Finding(outcome.code, message, detail=detail)


def _judge_void(seen: Seen, answer: str | None, valued: Collection[str]) -> Finding | None:
    """A result without a value, after which the model answered as if there were one."""
    if seen.outcome.kind != "empty" or not answer or admits_absence(answer):
        return None
    if seen.call.name not in valued and not promises_value(seen.call.name):
        return None
    result = cut_line(seen.call.result or "") or "empty"
    message = f"The result is {result}, but the answer presents a value: {cut_line(answer)}"
    return Finding("swallowed_error", message, detail={"empty": True})


def _presented(calls: Sequence[Seen], answers: Mapping[int, str]) -> dict[int, str]:
    """For each turn with calls, the first later answer in words that calls nothing; "" where a
    call on the way there brought a value that the answer may speak of.
    """
    turns: dict[int, bool] = {}
    for seen in calls:
        turns[seen.call.turn] = turns.get(seen.call.turn, False) or seen.outcome.kind == "ok"
    following: dict[int, str] = {}
    answer = ""
    for turn in sorted(turns.keys() | answers.keys(), reverse=True):
        if turn in turns:
            answer = "" if turns[turn] else answer
            following[turn] = answer
        elif answers[turn].strip():
            answer = answers[turn]
    return following


def _judge_waiting(seen: Seen, last: int, setting: Setting) -> Finding | None:
    call = seen.call
    if seen.outcome.kind != "pending":
        return None
    if call.turn < last:
        message = "No result came before the conversation went on"
        return Finding("unanswered_call", message, detail={"last_turn": last})
    if setting.now is None or call.at is None or setting.now - call.at < setting.patience:
        return None
    return Finding("unanswered_call", f"No result came in {span_of(setting.patience)}")


__all__ = ["PATIENCE", "STORM", "PastCall", "Setting", "judge_conduct"]

"""The conduct of conversations that turns were added to: all their calls judged together."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from conversations.ingest.store import rows
from conversations.ingest.store.judging import LATE_LAYERS, settle
from conversations.ingest.store.prepared import CallState
from conversations.ingest.store.threads import Thread
from tools_registry.validation.conduct import Setting, judge_conduct
from tools_registry.validation.findings import worst
from tools_registry.validation.outcome import is_empty
from tools_registry.validation.past import PastCall

_SHORT = 200


def judge_threads(threads: Sequence[Thread]) -> None:
    """Judge the calls of each conversation by what came before and after them."""
    wanted = [link.id for one in threads if has_void(one) for link in one.links if not link.called]
    said = rows.read_answers(wanted) if wanted else {}
    for thread in threads:
        judge_thread(thread, said)


def has_void(thread: Thread) -> bool:
    """Is there a result without a value, so that it matters what the model said of it?"""
    called = {call.turn for call in thread.calls}
    for link in thread.links:
        link.called = link.id in called
    return any(
        call.result is not None and len(call.result) < _SHORT and is_empty(call.result)
        for call in thread.calls
    )


def judge_thread(thread: Thread, said: dict[UUID, str]) -> None:
    numbers, calls = thread.numbers, thread.calls
    if not calls:
        return
    users = {link.id: link.users for link in thread.ordered}
    answers = {numbers[pk]: text for pk, text in said.items() if pk in numbers}
    for new in thread.new:
        if not new.calls and new.record.response is not None:
            answers[new.number] = rows.words_of(new.record.response.message)
    known = [call for call in calls if call.turn in numbers]
    past = [past_call(call, numbers[call.turn], users[call.turn]) for call in known]
    setting = Setting(last_turn=max(numbers.values(), default=None), answers=answers)
    # What lies before the window was seen when the older calls in it were judged, and is not now.
    is_cut = not thread.is_whole and len(thread.held) >= rows.WINDOW
    spared = len(thread.held) // 2 if is_cut else 0
    for place, (call, findings) in enumerate(zip(known, judge_conduct(past, setting), strict=True)):
        if place >= spared or not call.stored or call.changed:
            settle(call, findings)


def past_call(call: CallState, number: int, users: int) -> PastCall:
    return PastCall(
        turn=number,
        position=call.position,
        name=call.name,
        arguments=call.arguments,
        at=call.at,
        status=call.status or None,
        result=call.result,
        verdict=worst(one for one in call.findings if one.layer not in LATE_LAYERS),
        request=users,
    )

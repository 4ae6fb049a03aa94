"""The conduct of conversations that turns were added to: all their calls judged together."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

from django.utils import timezone

from conversations.ingest.store import stored
from conversations.ingest.store.judging import LATE_LAYERS, settle
from conversations.ingest.store.prepared import CallState
from conversations.ingest.store.results import words_of
from conversations.ingest.store.threads import Thread
from tools_registry.models import ToolVersion
from tools_registry.validation.conduct import Setting, judge_conduct
from tools_registry.validation.findings import worst
from tools_registry.validation.outcome import is_empty
from tools_registry.validation.past import PastCall

_SHORT = 200


def judge_threads(threads: Sequence[Thread], now: datetime | None = None) -> None:
    """Judge the calls of each conversation by what came before and after them.

    With ``now``, calls that nobody answered in time are told as well; what was told of the time
    before stays told.
    """
    void = [one for one in threads if has_void(one)]
    wanted = [link.id for one in void for link in one.links if not link.called]
    said = stored.read_answers(wanted) if wanted else {}
    valued = find_valued(void) if void else ()
    for thread in threads:
        judge_thread(thread, said, valued, now)


def has_void(thread: Thread) -> bool:
    """Is there a result without a value, so that it matters what the model said of it?"""
    called = {call.turn for call in thread.calls}
    for link in thread.links:
        link.called = link.id in called
    return any(is_void(call) for call in thread.calls)


def is_void(call: CallState) -> bool:
    return call.result is not None and len(call.result) < _SHORT and is_empty(call.result)


def find_valued(threads: Sequence[Thread]) -> frozenset[str]:
    """Of the tools that brought no value, those that say they return one: read-only, or with an
    output schema."""
    calls = [call for one in threads for call in one.calls if is_void(call)]
    versions = {call.version for call in calls if call.version is not None}
    specs = [version.spec for version in ToolVersion.objects.filter(pk__in=versions)]
    return frozenset(
        spec.name
        for spec in specs
        if spec.output_schema is not None or (spec.annotations or {}).get("readOnlyHint") is True
    )


def judge_thread(
    thread: Thread,
    said: dict[UUID, str],
    valued: Collection[str] = (),
    now: datetime | None = None,
) -> None:
    numbers, calls = thread.numbers, thread.calls
    if not calls:
        return
    users = {link.id: link.users for link in thread.ordered}
    answers = {numbers[pk]: text for pk, text in said.items() if pk in numbers}
    for new in thread.new:
        if not new.calls and new.record.response is not None:
            answers[new.number] = words_of(new.record.response.message)
    known = [call for call in calls if call.turn in numbers]
    past = [past_call(call, numbers[call.turn], users[call.turn]) for call in known]
    if now is None and any("unanswered_call" in call.codes for call in thread.held):
        now = timezone.now()
    last = max(numbers.values(), default=None)
    setting = Setting(last_turn=last, answers=answers, now=now, valued=valued)
    # What lies before the window was seen when the older calls in it were judged, and is not now.
    is_cut = not thread.is_whole and len(thread.held) >= stored.WINDOW
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

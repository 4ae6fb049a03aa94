"""Results of tools that came apart from their calls: joined to the stored ones of their trace."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from django.db import transaction
from django.utils import timezone

from console.accounts.models import Project
from conversations.ingest.otlp import CallSite, ResultFragment, match
from conversations.ingest.store import fragments
from conversations.ingest.store.answers import Answer, apply_answers
from conversations.ingest.store.fragments import Held
from conversations.ingest.store.stored import read_calls_of


def join_results(project: Project, traces: Iterable[str]) -> int:
    """Give stored calls the results of their traces that came apart from them; how many changed.

    All results of a trace are matched anew, so that their order of arrival does not matter.
    """
    with transaction.atomic():
        traces = set(traces)
        fragments.lock_traces(project, traces)
        held = fragments.read(project, traces)
        answers: list[Answer] = []
        for trace in sorted(traces):
            own = [one for one in held if one.trace == trace]
            answers += _match(
                project,
                [one for one in own if one.kind == "site"],
                [one for one in own if one.kind == "result"],
            )
        apply_answers(project, answers)
        fragments.mark_joined(answers)
    return len(answers)


def _match(project: Project, sites: Sequence[Held], results: Sequence[Held]) -> list[Answer]:
    if not sites or not results:
        return []
    by_turn = {one.value["turn"]: one for one in sites}
    candidates = [
        CallSite(
            turn=call.id,
            position=call.position,
            call_id=call.call_id or None,
            name=call.name,
            arguments=call.arguments,
            ended_ns=site.value["end_ns"],
            parent_id=site.value["parent"],
        )
        for call in read_calls_of([one.value["turn"] for one in sites])
        if call.position not in (site := by_turn[str(call.turn)]).value["done"]
    ]
    answers: list[Answer] = []
    taken_back: list[Answer] = []
    read = [(one, ResultFragment.from_json(one.value)) for one in results]
    for held, result in sorted(read, key=lambda pair: (pair[1].start_ns, pair[1].span_id)):
        found = match(result, candidates)
        if found is None:
            continue
        found.answered = True
        if held.call_id != found.turn:
            if held.call_id is not None:
                taken_back.append(Answer(0, held.call_id, None))
            at = datetime.fromtimestamp(result.start_ns / 1e9, timezone.get_current_timezone())
            answers.append(Answer(held.pk, found.turn, result.result, at))
    return [*taken_back, *answers]

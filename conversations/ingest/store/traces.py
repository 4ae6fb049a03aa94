"""Spans and log records into turns: stored at once where they are whole, held where they are not.

A turn whose messages come as log records is held for them; a tool span is joined to its call
whenever that comes. What still has to be joined is kept for a day. Writers of one trace take
turns, so that no two halves pass each other unseen.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from django.db import OperationalError, transaction
from django.utils import timezone

from console.accounts.models import Project
from console.lib import json
from conversations.ingest.batch import Entry
from conversations.ingest.otlp import (
    CallSite,
    Decoded,
    LogFragment,
    Refused,
    ResultFragment,
    TurnFragment,
    complete,
    read_log,
    read_spans,
    sites_of,
    with_results,
)
from conversations.ingest.record import BadRecord, TurnRecord
from conversations.ingest.store import (
    TRIES,
    fragments,
    is_off,
    rows,
    state_of,
    store_entries,
    tally,
)
from conversations.ingest.store.fragments import Held
from conversations.ingest.store.hidden import hide_result, hide_spoken
from conversations.ingest.store.late_results import join_results
from conversations.ingest.store.prepared import claim_of
from conversations.ingest.store.tally import Outcome, Refusal, Sender
from conversations.ingest.store.toolsets import Offers
from conversations.models import TraceFragment
from conversations.rulebook import rules_for

TRACES = 64
"""Traces of one transaction: each of them is locked."""
HOLD = timedelta(seconds=15)
KEPT = timedelta(days=1)
_WANTING = frozenset(["content_not_recorded", "request_not_recorded", "response_not_recorded"])
Fragment = TurnFragment | ResultFragment | LogFragment


def store_spans(sender: Sender, decoded: Decoded) -> Outcome:
    """Store what a body of OTLP holds; committed when this returns."""
    read = [*read_spans(decoded.spans), *map(read_log, decoded.logs)]
    found = [one for one in read if isinstance(one, TurnFragment | ResultFragment | LogFragment)]
    found = hide_spoken(found, rules_for(sender.project))
    refused = [one for one in read if isinstance(one, Refused)]
    outcome = Outcome(beside=len(read) - len(found) - len(refused))
    errors = [("rejected", said) for said in decoded.rejected]
    errors += [(one.code, f"span {one.span_id}: {one.detail}") for one in refused]
    refusals = [
        Refusal(0, b"", BadRecord(code, detail))  # type: ignore[arg-type]
        for code, detail in errors
    ]
    by_trace: dict[str, list[Fragment]] = defaultdict(list)
    for one in found:
        by_trace[one.trace_id].append(one)
    offers = _offer_ahead(sender.project, found)
    traces = sorted(by_trace)
    for start in range(0, max(len(traces), 1), TRACES):
        some = [one for trace in traces[start : start + TRACES] for one in by_trace[trace]]
        outcome += _store(sender, some, refusals, outcome.beside if start == 0 else 0, offers)
        refusals = []
    return outcome


def _offer_ahead(project: Project, found: Iterable[Fragment]) -> Offers:
    """Keep toolsets that are new before the traces' transaction: in it, their locks would be held
    until its end, and writers that meet would wait in a circle."""
    offers = Offers(project)
    records = [one.record for one in found if isinstance(one, TurnFragment)]
    for record in records:
        tools = record.request.tools
        if tools is not None and not is_off(record):
            offers.of(tools)
    return offers


@dataclass(slots=True)
class Joint:
    """The fragments of some traces that are at hand: just arrived, or held."""

    turns: list[TurnFragment] = field(default_factory=list)
    results: list[ResultFragment] = field(default_factory=list)
    logs: dict[tuple[str, str], list[LogFragment]] = field(default_factory=dict)
    whole: list[tuple[TurnFragment, TurnRecord]] = field(default_factory=list)
    wanting: list[TurnFragment] = field(default_factory=list)
    open: list[ResultFragment] = field(default_factory=list)
    """Results whose call is not at hand, or not beyond doubt."""
    offers: Offers | None = None

    def complete(self) -> None:
        """Join turns with their log records; those that still lack their messages are wanting."""
        for turn in self.turns:
            logs = self.logs.get((turn.trace_id, turn.span_id), ())
            record = complete(turn, logs)
            lacks = any(note.code in _WANTING for note in record.notes)
            if turn.wants_logs and lacks and not is_off(record):
                self.wanting.append(turn)
            else:
                self.whole.append((turn, record))


def _store(
    sender: Sender,
    arrived: Sequence[Fragment],
    refusals: Sequence[Refusal],
    beside: int,
    offers: Offers,
) -> Outcome:
    for attempt in range(1, TRIES + 1):
        try:
            return _store_once(sender, arrived, refusals, beside, offers)
        except OperationalError as error:
            if not state_of(error).startswith("40") or attempt == TRIES:
                raise
    raise AssertionError("every attempt returns or raises")


def _store_once(
    sender: Sender,
    arrived: Sequence[Fragment],
    refusals: Sequence[Refusal],
    beside: int,
    offers: Offers,
) -> Outcome:
    with transaction.atomic():
        traces = {one.trace_id for one in arrived}
        fragments.lock_traces(sender.project, traces)
        held = fragments.read(sender.project, traces)
        joint = _gather(arrived, held)
        joint.offers = offers
        joint.complete()
        outcome = _write(sender, joint, held, arrived, refusals)
        outcome.beside = beside = beside + sum(not isinstance(o, TurnFragment) for o in arrived)
        tally.count(sender, replace(outcome, errors=[]))
    if joint.open or any(one.kind == "result" for one in held):
        join_results(sender.project, traces)
    outcome.beside = beside
    return outcome


def _gather(arrived: Sequence[Fragment], held: Sequence[Held]) -> Joint:
    joint = Joint()
    seen: set[tuple[str, str]] = set()
    for one in held:
        if one.kind == "turn":
            joint.turns.append(TurnFragment.from_json(one.value))
            seen.add((one.trace, one.span))
        elif one.kind == "log":
            log = LogFragment.from_json(one.value)
            joint.logs.setdefault((one.trace, one.span), []).append(log)
    for fragment in arrived:
        key = fragment.trace_id, fragment.span_id
        if isinstance(fragment, LogFragment):
            known = joint.logs.setdefault(key, [])
            if fragment not in known:
                known.append(fragment)
        elif isinstance(fragment, ResultFragment):
            joint.results.append(fragment)
        elif key not in seen:
            joint.turns.append(fragment)
            seen.add(key)
    return joint


def _write(
    sender: Sender,
    joint: Joint,
    held: Sequence[Held],
    arrived: Sequence[Fragment],
    refusals: Sequence[Refusal],
) -> Outcome:
    """Store whole turns, hold the others; what became of the turns that arrived."""
    claimed = {(one.trace, one.span) for one in held if one.kind == "turn"}
    stored = {(one.trace, one.span) for one in held if one.kind == "site"}
    records, answered = _answer(joint, stored)
    fresh = [(t, r) for t, r in records if (t.trace_id, t.span_id) not in claimed]
    waited = [(t, r) for t, r in records if (t.trace_id, t.span_id) in claimed]
    outcome = store_entries(
        sender, _entries(fresh), refusals=refusals, uncounted=True, offers=joint.offers
    )
    if waited:
        store_entries(
            sender, _entries(waited), is_claimed=True, uncounted=True, offers=joint.offers
        )
    again = sum(
        isinstance(one, TurnFragment) and (one.trace_id, one.span_id) in claimed for one in arrived
    )
    news = [turn for turn in joint.wanting if (turn.trace_id, turn.span_id) not in claimed]
    taken = rows.claim_keys(
        sender.project.pk, [claim_of(sender.project.pk, turn.record) for turn in news]
    )
    kept = [turn for turn in news if claim_of(sender.project.pk, turn.record)[0] in taken]
    outcome.stored += len(kept)
    outcome.duplicate += len(news) - len(kept) + again
    now = timezone.now()
    left = [one for one in joint.results if (one.trace_id, one.span_id) not in answered]
    rules = rules_for(sender.project)
    joint.open = [hide_result(one, rules) for one in left]
    owned = {(turn.trace_id, turn.span_id) for turn, _ in records}
    logs = [
        one
        for one in arrived
        if isinstance(one, LogFragment) and (one.trace_id, one.span_id) not in owned
    ]
    fragments.write(
        sender,
        [
            *(Held.of("turn", turn, turn.to_json()) for turn in kept),
            *(Held.of("result", result, result.to_json()) for result in joint.open),
            *(Held.of("log", log, log.to_json(), _digest(log)) for log in logs),
            *_sites(sender.project, records),
        ],
        now,
    )
    joined = {(one.trace, one.span) for one in held if one.kind in ("turn", "log")}
    fragments.drop(sender.project, owned & joined, ("turn", "log"))
    return outcome


def _digest(log: LogFragment) -> str:
    return hashlib.sha256(json.dump(log.to_json()).encode()).hexdigest()[:32]


def _entries(records: Iterable[tuple[TurnFragment, TurnRecord]]) -> list[Entry]:
    return [Entry(line, record, b"") for line, (_, record) in enumerate(records, 1)]


def _answer(
    joint: Joint, stored: Collection[tuple[str, str]]
) -> tuple[list[tuple[TurnFragment, TurnRecord]], set[tuple[str, str]]]:
    """Give the turns at hand the results at hand that name one of their calls beyond doubt;
    which results they were. A turn in ``stored`` came before: its row has to be joined."""
    records = dict(enumerate(joint.whole))
    sites: dict[str, list[CallSite]] = defaultdict(list)
    for number, (turn, record) in records.items():
        if (turn.trace_id, turn.span_id) in stored:
            continue
        sites[turn.trace_id] += sites_of(number, turn, record)
    answered: set[tuple[str, str]] = set()
    given: dict[int, list[tuple[CallSite, ResultFragment]]] = defaultdict(list)
    for result in sorted(joint.results, key=lambda one: (one.start_ns, one.span_id)):
        candidates = sites[result.trace_id]
        named = [site for site in candidates if site.call_id == result.result.call_id]
        if result.result.call_id is None or len(named) != 1 or named[0].answered:
            continue
        site = named[0]
        if joint.whole[site.turn][0].start_ns > result.start_ns:
            continue
        site.answered = True
        given[site.turn].append((site, result))
        answered.add((result.trace_id, result.span_id))
    for number, some in given.items():
        turn, record = records[number]
        records[number] = turn, with_results(record, some)
    return [*records.values()], answered


def _sites(project: Project, records: Iterable[tuple[TurnFragment, TurnRecord]]) -> Iterable[Held]:
    """The turns whose calls a tool span may still answer."""
    for turn, record in records:
        done = {result.position for result in record.tool_results}
        if len(record.calls) > len(done):
            value = {
                "turn": str(claim_of(project.pk, record)[1]),
                "key": record.id,
                "conversation": record.conversation,
                "at": record.at.isoformat(),
                "end_ns": turn.end_ns,
                "parent": turn.parent_id,
                "done": sorted(place for place in done if place is not None),
            }
            yield Held.of("site", turn, value)


def settle_traces(now: datetime | None = None) -> int:
    """Store held turns whose messages did not come in time, as they are; drop what is over a day
    old. How many turns were stored."""
    now = now or timezone.now()
    stored = 0
    waiting = TraceFragment.objects.filter(kind="turn", received_at__lt=now - HOLD)
    for row in waiting.select_related("project", "api_key").order_by("received_at")[:1000]:
        sender = Sender(row.project, "otlp", row.api_key)
        stored += _settle(sender, row.trace, row.span)
    TraceFragment.objects.filter(received_at__lt=now - KEPT).delete()
    return stored


def _settle(sender: Sender, trace: str, span: str) -> int:
    with transaction.atomic():
        fragments.lock_traces(sender.project, [trace])
        held = fragments.read(sender.project, [trace])
        joint = _gather([], [one for one in held if one.span == span])
        if not joint.turns:
            return 0
        joint.complete()
        records = [*joint.whole, *((t, _with_logs(joint, t)) for t in joint.wanting)]
        store_entries(sender, _entries(records), is_claimed=True, uncounted=True)
        fragments.write(sender, _sites(sender.project, records), timezone.now())
        fragments.drop(sender.project, [(trace, span)], ("turn", "log"))
    join_results(sender.project, [trace])
    return len(records)


def _with_logs(joint: Joint, turn: TurnFragment) -> TurnRecord:
    return complete(turn, joint.logs.get((turn.trace_id, turn.span_id), ()))

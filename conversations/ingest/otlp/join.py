"""Fragments to turns: pure, whatever the order of arrival and however batches were cut.

A store calls ``complete`` and ``match`` with what it has of one trace; ``join`` is both over
fragments that are all at hand.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from conversations.assembly.payload import obj, text
from conversations.ingest.native import clean
from conversations.ingest.otlp import events
from conversations.ingest.otlp.content import Content, structured
from conversations.ingest.otlp.fragments import (
    Ignored,
    LogFragment,
    Refused,
    ResultFragment,
    TurnFragment,
)
from conversations.ingest.otlp.spans import read_log, read_spans
from conversations.ingest.otlp.turns import missing
from conversations.ingest.otlp.values import Log, Span
from conversations.ingest.record import Response, TurnRecord

LACKING = frozenset(
    [
        "content_not_recorded",
        "request_not_recorded",
        "response_not_recorded",
        "calls_not_recorded",
        "tools_not_recorded",
        "choices_left_out",
    ]
)


def complete(turn: TurnFragment, logs: Iterable[LogFragment]) -> TurnRecord:
    """The turn's record with what its log records bring. Other turns' logs are left aside."""
    own = sorted(
        (log for log in logs if (log.trace_id, log.span_id) == (turn.trace_id, turn.span_id)),
        key=lambda log: log.time_ns,
    )
    if not own:
        return turn.record
    content = turn.content.filled_by(events.merge([log.content for log in own]))
    return _with_content(turn.record, content)


def _with_content(record: TurnRecord, content: Content) -> TurnRecord:
    request = record.request.model_copy(
        update={
            "messages": content.messages or [],
            "tools": content.tools,
            "tool_choice": content.tool_choice,
        }
    )
    response = record.response
    if content.message is not None:
        response = Response(
            message=content.message,
            finish_reason=content.finish_reason and clean(content.finish_reason, 200),
            usage=response.usage if response else None,
        )
    kept = tuple(note for note in record.notes if note.code not in LACKING)
    joined = record.model_copy(update={"request": request, "response": response, "notes": kept})
    return joined.with_notes([*content.notes, *missing(content, record.error is not None)])


@dataclass(slots=True)
class CallSite:
    """One call of a stored turn, for a result to find. ``turn`` is the store's own key of it;
    whoever gives it a result says so in ``answered``.

    ``ended_ns`` is when its answer was complete; ``arguments`` the raw text.
    """

    turn: Any
    position: int
    call_id: str | None
    name: str
    arguments: str
    ended_ns: int
    parent_id: str = ""
    answered: bool = False


def match(result: ResultFragment, sites: Sequence[CallSite]) -> CallSite | None:
    """The call that a tool span answers, among the calls of its trace or conversation.

    By call id; where it repeats or there is none, by name, arguments and closeness: the last
    unanswered call that ended before the tool began. Clocks of one trace are one clock, but
    tools that begin while the stream still runs are taken too, after the others.
    """
    named = result.result
    if named.call_id is not None:
        candidates = [site for site in sites if site.call_id == named.call_id]
        if len(candidates) == 1:
            return candidates[0]
    else:
        candidates = [site for site in sites if site.name == named.name]
    if not candidates:
        return None
    return max(candidates, key=lambda site: _closeness(result, site))


def _closeness(result: ResultFragment, site: CallSite) -> tuple[Any, ...]:
    before = site.ended_ns <= result.start_ns
    distance = abs(result.start_ns - site.ended_ns)
    same = result.arguments is not None and structured(result.arguments) == structured(
        site.arguments
    )
    return (
        site.name == result.result.name,
        not site.answered,
        same,
        before,
        site.parent_id == result.parent_id,
        -distance,
        -site.position,
    )


@dataclass(frozen=True, slots=True)
class Joined:
    """``results`` and ``logs`` are those that belong to no turn at hand."""

    records: tuple[TurnRecord, ...]
    results: tuple[ResultFragment, ...] = ()
    logs: tuple[LogFragment, ...] = ()
    refused: tuple[Refused, ...] = ()
    ignored: tuple[Ignored, ...] = ()


def join(
    turns: Iterable[TurnFragment],
    results: Iterable[ResultFragment] = (),
    logs: Iterable[LogFragment] = (),
) -> Joined:
    """All fragments at hand as turns, in the order of their start. A span that arrived twice is
    one; so is its result."""
    ordered = sorted(_once(turns), key=lambda turn: (turn.start_ns, turn.trace_id, turn.span_id))
    by_span: dict[tuple[str, str], list[LogFragment]] = defaultdict(list)
    for log in logs:
        by_span[log.trace_id, log.span_id].append(log)
    records = [complete(turn, by_span.pop((turn.trace_id, turn.span_id), ())) for turn in ordered]
    sites: dict[str, list[CallSite]] = defaultdict(list)
    for number, (turn, record) in enumerate(zip(ordered, records, strict=True)):
        sites[turn.trace_id] += sites_of(number, turn, record)
    unmatched = []
    for result in sorted(_once(results), key=lambda one: (one.start_ns, one.trace_id, one.span_id)):
        candidates = sites[result.trace_id]
        site = match(result, candidates)
        if site is None:
            unmatched.append(result)
            continue
        site.answered = True
        records[site.turn] = with_results(records[site.turn], [(site, result)])
    left = tuple(log for group in by_span.values() for log in group)
    return Joined(tuple(records), tuple(unmatched), left)


def _once(fragments: Iterable[Any]) -> list[Any]:
    return list({(one.trace_id, one.span_id): one for one in fragments}.values())


def sites_of(key: Any, turn: TurnFragment, record: TurnRecord) -> list[CallSite]:
    return [
        CallSite(
            turn=key,
            position=position,
            call_id=call.get("id") if isinstance(call.get("id"), str) else None,
            name=text(obj(call.get("function")).get("name")),
            arguments=text(obj(call.get("function")).get("arguments")),
            ended_ns=turn.end_ns,
            parent_id=turn.parent_id,
        )
        for position, call in enumerate(obj(call) for call in record.calls)
    ]


def with_results(
    record: TurnRecord, found: Iterable[tuple[CallSite, ResultFragment]]
) -> TurnRecord:
    """The record with more results, each at its call's position."""
    added = [
        one.result.model_copy(update={"position": site.position, "call_id": site.call_id})
        for site, one in found
    ]
    results = sorted(
        (*record.tool_results, *added),
        key=lambda one: one.position if one.position is not None else -1,
    )
    return record.model_copy(update={"tool_results": tuple(results)})


def map_traces(spans: Iterable[Span], logs: Iterable[Log] = ()) -> Joined:
    """Spans and log records, all of them at hand, as turns."""
    fragments = read_spans(spans)
    spoken = [read_log(log) for log in logs]
    joined = join(
        [one for one in fragments if isinstance(one, TurnFragment)],
        [one for one in fragments if isinstance(one, ResultFragment)],
        [one for one in spoken if isinstance(one, LogFragment)],
    )
    return replace(
        joined,
        refused=tuple(one for one in fragments if isinstance(one, Refused)),
        ignored=tuple(one for one in (*fragments, *spoken) if isinstance(one, Ignored)),
    )

"""One batch of turns in one transaction.

Locks are taken in one order by every writer: keys of turns, then conversations, each sorted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from console.lib import json
from console.lib.fields import to_stored
from conversations.ingest.store import heads, rows, stored
from conversations.ingest.store.conduct import judge_threads
from conversations.ingest.store.enforced import Enforced
from conversations.ingest.store.judging import Known, judge_turn
from conversations.ingest.store.lineage import Family, Link, may_move
from conversations.ingest.store.prepared import CallState, NewTurn
from conversations.ingest.store.results import carried_results, is_answer_of
from conversations.ingest.store.tally import Sender
from conversations.ingest.store.threads import Thread
from conversations.ingest.store.toolsets import Offered
from conversations.storage import digests

Messages = Sequence[Mapping[str, Any]]


def write_turns(
    sender: Sender,
    turns: Sequence[NewTurn],
    offers: Mapping[UUID, Offered | None],
    wires: Mapping[str, rows.Wire],
    source: str,
) -> None:
    """Store turns whose keys are taken: within the caller's transaction."""
    project, known, enforced = sender.project.pk, Known(sender.project), Enforced(sender.project)
    grouped = heads.by_conversation(turns)
    locked = heads.lock_heads(project, source, grouped)
    threads = [Thread(locked[key], new) for key, new in sorted(grouped.items())]
    read_stored([thread for thread in threads if not thread.head.is_new])
    find_parents(threads)
    for thread in threads:
        for new in thread.new:
            judge_turn(new, offers.get(new.id), known, enforced, thread)
        join_carried(thread)
        number(thread)
    judge_threads(threads)
    rows.write_turns(project, source, turns)
    rows.write_calls(project, source, turns)
    kept = [(new.id, wires[new.record.id]) for new in turns if new.record.id in wires]
    if kept:
        rows.write_wires(project, kept)
    heads.add_counts(locked, grouped)
    write_changes(threads)


def read_stored(threads: Sequence[Thread]) -> None:
    if not threads:
        return
    bounds = heads.bounds_of(thread.head for thread in threads)
    ids = [thread.head.id for thread in threads]
    most = None if all(thread.is_whole for thread in threads) else stored.WINDOW
    links, calls = stored.read_links(ids, bounds, most), stored.read_calls(ids, bounds, most)
    for thread in threads:
        thread.links, thread.held = links[thread.head.id], calls[thread.head.id]


def find_parents(threads: Sequence[Thread]) -> None:
    """Give every new turn its parent, and stored ones a better one where it has come now."""
    movable: list[tuple[Thread, Link]] = []
    for thread in threads:
        added = [new.link for new in thread.new]
        thread.family = Family([*thread.links, *added])
        for new in thread.new:
            new.conversation = thread.head.id
            for call in new.calls:
                call.conversation = thread.head.id
            parent = thread.family.parent_of(new.link, new.names)
            if parent is not None:
                new.link.parent, new.link.inherited = parent.id, parent.count
        movable += [(thread, link) for link in thread.links if may_move(link, added)]
    if movable:
        messages = stored.read_messages([link.id for _, link in movable])
        for thread, link in movable:
            move(thread, link, messages[link.id])


def move(thread: Thread, link: Link, messages: Messages) -> None:
    """Find the parent of a stored turn anew, now that turns have come which belong before it."""
    former = thread.family.by_id.get(link.parent) if link.parent else None
    if link.parent and former is None:
        return
    names = digests(messages, former.prefix if former else "")
    first = link.inherited + 1
    if former is not None:
        names, first = [former.prefix, *names], link.inherited
    parent = thread.family.parent_of(link, names, first)
    if parent is None:
        return
    own = messages[parent.count - link.inherited :]
    if parent.id != link.parent:
        link.parent, link.inherited = parent.id, parent.count
        thread.moved.append((link, to_stored(json.dump(own))))
    carry(thread, link, own, _calls_by_turn(thread))


def join_carried(thread: Thread) -> None:
    """Give calls the results that the new turns' requests carry."""
    by_turn = _calls_by_turn(thread)
    for new in thread.new:
        if new.link.parent is not None:
            carry(thread, new.link, new.new_messages, by_turn)


def _calls_by_turn(thread: Thread) -> dict[UUID, list[CallState]]:
    found: dict[UUID, list[CallState]] = {}
    for call in thread.calls:
        found.setdefault(call.turn, []).append(call)
    return found


def carry(
    thread: Thread, link: Link, messages: Messages, by_turn: Mapping[UUID, list[CallState]]
) -> None:
    """The first of the new messages is the answer of the parent, or of a turn with its list."""
    if not messages or messages[0].get("role") != "assistant" or link.parent is None:
        return
    for owner in thread.family.siblings(thread.family.by_id[link.parent]):
        calls = by_turn.get(owner.id, [])
        named = [call.named for call in calls]
        if calls and is_answer_of(messages[0], named):
            for found in carried_results(named, messages[1:]):
                calls[found.position].carry(found.content, found.failed, link.at)
            return


def number(thread: Thread) -> None:
    """Number the new turns after those that are stored; late ones are put in order afterwards."""
    numbers = thread.numbers
    for new in thread.new:
        new.number = numbers[new.id]


def write_changes(threads: Sequence[Thread]) -> None:
    """Write what the new turns changed in stored ones."""
    changed = [call for thread in threads for call in thread.held if call.changed]
    stored.update_calls(changed)
    stored.judge_turns_again(sorted({call.turn for call in changed}))
    heads.judge_heads_again(sorted({call.conversation for call in changed}))
    stored.update_parents([one for thread in threads for one in thread.moved])
    late = [thread.head.id for thread in threads if thread.is_late]
    if late:
        stored.number_turns(late)

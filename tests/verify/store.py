"""Real conversations stored from their files twice: each once, rebuilt equal, in linear space."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from conversations.ingest.batch import Entry
from conversations.ingest.files import Source, read_file
from conversations.ingest.record import TurnRecord
from tests.servers import database

NOW = datetime(2026, 1, 1, tzinfo=UTC)
TABLES = ("conversations_conversation", "conversations_turn", "conversations_toolcall")
TABLES += ("conversations_turnkey", "tools_registry_toolset")


def main(data: Path) -> None:
    with database():
        verify(data)


def files(data: Path) -> Iterator[Path]:
    for folder in ("tau", "conversations"):
        yield from sorted((data / folder).glob("*.jsonl.gz"))


def entries_of(path: Path, prompts: dict[str, str]) -> list[Entry]:
    import gzip

    with gzip.open(path) as lines:
        return list(read_file(lines.read(), Source(NOW, name=path.stem, prompts=prompts)))


def verify(data: Path) -> None:
    from console.accounts.models import Project
    from conversations.ingest.imports import import_entries
    from conversations.ingest.store import Outcome

    project = Project.objects.create(slug="verify", name="Verify")
    prompts = json.loads((data / "tau" / "system_prompts.json").read_text())
    records: dict[str, TurnRecord] = {}
    first, again = Outcome(), Outcome()
    for path in files(data):
        entries = entries_of(path, prompts)
        records |= {one.item.id: one.item for one in entries if isinstance(one.item, TurnRecord)}
        first += import_entries(project, entries)
        again += import_entries(project, entries)
    print(f"   first: {counts_of(first)}")
    print(f"   again: {counts_of(again)}")
    assert first.stored == len(records), (first.stored, len(records))
    assert (again.stored, again.duplicate) == (0, first.sent - first.rejected - first.quarantined)
    check_tally(first, again)
    check_requests(project, records)
    check_calls(project, records)
    measure(records)


def counts_of(outcome: Any) -> dict[str, int]:
    names = ("sent", "stored", "duplicate", "rejected", "quarantined")
    return {name: getattr(outcome, name) for name in names}


def check_tally(*outcomes: Any) -> None:
    from django.db.models import Sum

    from conversations.models import IngestTally

    for name, total in (
        (name, sum(counts_of(one)[name] for one in outcomes)) for name in counts_of(outcomes[0])
    ):
        found = IngestTally.objects.aggregate(sum=Sum(name))["sum"]
        assert found == total, (name, found, total)


def check_requests(project: Any, records: dict[str, TurnRecord]) -> None:
    """Every request along the parents, and some through the console's own function."""
    from conversations.models import Turn
    from conversations.recording import rebuild_request

    turns = {one.pk: one for one in Turn.objects.filter(project=project).select_related("toolset")}
    lists: dict[UUID, list[Any]] = {}

    def whole(pk: UUID) -> list[Any]:
        chain = []
        at: UUID | None = pk
        while at is not None and at not in lists:
            chain.append(at)
            at = turns[at].parent_id
        for one in reversed(chain):
            parent = turns[one].parent_id
            lists[one] = [*(lists[parent] if parent else []), *turns[one].new_messages]
        return lists[pk]

    linear = 0
    for number, turn in enumerate(turns.values()):
        asked = records[turn.key].request
        assert same(whole(turn.pk), asked.messages), turn.key
        assert same(turn.toolset.tools if turn.toolset else None, asked.tools), turn.key
        linear += len(turn.new_messages)
        if number % 50 == 0:
            assert same(rebuild_request(turn)["messages"], asked.messages), turn.key
    total = sum(len(record.request.messages) for record in records.values())
    print(f"   {len(turns)} requests rebuilt equal; {linear} messages stored of {total} sent")


def same(one: Any, other: Any) -> bool:
    """Equal JSON, with the order of keys."""
    return json.dumps(one) == json.dumps(other)


def check_calls(project: Any, records: dict[str, TurnRecord]) -> None:
    from conversations.models import ToolCall

    calls = ToolCall.objects.filter(project=project)
    made = sum(len(record.calls) for record in records.values())
    assert calls.count() == made, (calls.count(), made)
    codes = Counter(code for some in calls.values_list("codes", flat=True) for code in some)
    answered = calls.exclude(result=None).count()
    tied = calls.exclude(tool_version=None).count()
    print(f"   {made} calls, {answered} with their result, {tied} tied to their version")
    print(f"   findings: {dict(codes.most_common())}")


def measure(records: dict[str, TurnRecord]) -> None:
    """Bytes on disk of a turn, against a table that holds each request and answer whole."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE whole (id text PRIMARY KEY, body text)")
        with cursor.copy("COPY whole FROM STDIN") as copy:
            for record in records.values():
                copy.write_row((record.id, json.dumps(record.to_json()).replace("\\u0000", "")))
        cursor.execute("SELECT pg_total_relation_size('whole')")
        whole = cursor.fetchone()[0]
        cursor.execute(
            "SELECT sum(pg_total_relation_size(c.oid)) FROM pg_class c WHERE c.relkind = 'r'"
            " AND c.relname ~ %s",
            ["^(" + "|".join(TABLES) + ")(_[0-9]{4}_[0-9]{2}|_default)?$"],
        )
        ours = int(cursor.fetchone()[0])
    count = len(records)
    print(
        f"   {ours // count:,} bytes a turn with calls, verdicts and indexes; each request whole"
        f" takes {whole // count:,} ({whole / ours:.1f} times as much)"
    )

"""A month of traffic by direct COPY: ``python -m tests.bench.generate [--calls 1000000]``.

The same seed gives the same rows, up to their time, which ends now. Tools, models, users and tags
are skewed as in production: a few take most. One tool in twenty is of the first days only, another
of the last; rejected calls come in bursts. It writes one project, ``bench-lists``, into the
database of ``DATABASE_URL``, which must be migrated, and replaces what it wrote there before.
"""

from __future__ import annotations

import argparse
import bisect
import itertools
import json
import os
import random
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

SLUG = "bench-lists"
SEED = 20240203
DAYS = 30
STEP = 20_000
"""Turns that one COPY writes."""

VERBS = ["get", "find", "list", "search", "create", "update"]
VERBS += ["delete", "send", "book", "cancel", "check", "convert"]
NOUNS = ["weather", "city", "order", "invoice", "customer", "ticket", "flight", "hotel", "route"]
NOUNS += ["stock", "price", "account", "balance", "message", "calendar", "contact", "document"]
NOUNS += ["report", "image", "translation"]
MODELS = [
    ("openai", "gpt-4o-mini"), ("openai", "gpt-4o"), ("openai", "gpt-4-0125-preview"),
    ("anthropic", "claude-3-5-sonnet"), ("anthropic", "claude-3-haiku"),
    ("mistral", "mistral-small"), ("ollama", "llama3.1:8b"), ("google", "gemini-1.5-flash"),
    ("openai", "gpt-3.5-turbo"), ("bedrock", "anthropic.claude-v2"),
]  # fmt: skip
SCHEMA = [
    "missing_required", "unexpected_parameter", "wrong_type", "not_in_enum", "out_of_range",
    "pattern_mismatch", "malformed_json", "unknown_tool", "tool_not_offered", "schema_other",
]  # fmt: skip
MILD = ["repeated_call", "swallowed_error", "tool_error", "timeout", "markup", "retry_storm"]
TAGS = [f"app:{n}" for n in ("web", "ios", "android", "cli", "kiosk")] + [
    f"{key}:{value}"
    for key, values in (
        ("locale", ("en", "de", "fr", "pt", "ja", "no", "sw")),
        ("release", [f"2024.{n}" for n in range(1, 25)]),
        ("experiment", [f"e{n}" for n in range(1, 60)]),
    )
    for value in values
]
ENVIRONMENTS = ["production", "staging", "test", "development"]
SOURCES = ["otlp", "proxy", "api", "file", "playground"]
TURN_COLUMNS = (
    "id", "project_id", "conversation_id", "number", "key", "at", "source", "status", "provider",
    "protocol", "model", "messages", "message_count", "inherited_count", "prefix_hash",
    "parameters", "response", "error", "finish_reason", "input_tokens", "output_tokens", "usage",
    "cost", "price", "latency_ms", "first_token_ms", "user", "environment", "tags", "verdict",
    "findings", "codes", "notes", "expected",
)  # fmt: skip
CALL_COLUMNS = (
    "id", "project_id", "conversation_id", "turn_id", "position", "at", "call_id", "name",
    "arguments", "tool_version_id", "model", "verdict", "findings", "layers", "codes", "status",
    "result", "answered_by", "latency_ms", "cached", "cost", "former", "source", "provider",
    "user", "environment", "tags",
)  # fmt: skip
CONVERSATION_COLUMNS = (
    "id", "project_id", "key", "title", "source", "user", "environment", "tags", "turn_count",
    "call_count", "verdict", "started_at", "last_at",
)  # fmt: skip


class Skewed:
    """Draws from a list by Zipf's law: the k-th is drawn 1/k**power as often as the first."""

    def __init__(self, items: Sequence[Any], power: float = 1.1) -> None:
        self.items = items
        self.sums = list(itertools.accumulate(1 / k**power for k in range(1, len(items) + 1)))

    def draw(self, chance: random.Random) -> Any:
        return self.items[bisect.bisect(self.sums, chance.random() * self.sums[-1])]


@dataclass(slots=True)
class Rows:
    """What one COPY of each table writes."""

    conversations: list[tuple[Any, ...]]
    turns: list[tuple[Any, ...]]
    calls: list[tuple[Any, ...]]


class Traffic:
    """The rows of a project, conversation after conversation, oldest first."""

    def __init__(self, project: int, versions: dict[str, list[int]], end: datetime) -> None:
        self.chance = random.Random(SEED)
        self.project, self.versions = project, versions
        self.start, self.end = end - timedelta(days=DAYS), end
        names = [f"{verb}_{noun}" for noun in NOUNS for verb in VERBS]
        self.chance.shuffle(names)
        self.tools = Skewed(names)
        self.ranks = {name: rank % 10 for rank, name in enumerate(names)}
        self.models, self.tags = Skewed(MODELS, 1.3), Skewed(TAGS, 0.8)
        self.users = Skewed([f"u_{number}" for number in range(20_000)], 0.7)
        self.environments = Skewed(ENVIRONMENTS, 2.5)
        self.sources = Skewed(SOURCES, 1.8)
        self.schema, self.mild = Skewed(SCHEMA), Skewed(MILD)
        vocabulary = random.Random(SEED + 1)
        letters = "abcdefghiklmnoprstuvwz"
        self.words = Skewed(
            [
                "".join(vocabulary.choices(letters, k=vocabulary.randint(3, 9)))
                for _ in range(30_000)
            ],
            1.0,
        )
        self.serial = itertools.count()

    def key(self, at: datetime) -> UUID:
        milliseconds = int(at.timestamp() * 1000)
        noise = self.chance.getrandbits(74)
        high, low = noise >> 62, noise & ((1 << 62) - 1)
        return UUID(int=milliseconds << 80 | 0x7 << 76 | high << 64 | 0x2 << 62 | low)

    def conversations(self, calls: int) -> Iterator[Rows]:
        made, rows = 0, Rows([], [], [])
        while made < calls:
            moment = self.start + (self.end - self.start) * min(made / calls, 1)
            before = len(rows.calls)
            self._converse(rows, moment)
            made += len(rows.calls) - before
            if len(rows.turns) >= STEP:
                yield rows
                rows = Rows([], [], [])
        yield rows

    def _converse(self, rows: Rows, at: datetime) -> None:
        chance = self.chance
        conversation, number = self.key(at), next(self.serial)
        provider, model = self.models.draw(chance)
        user, source = self.users.draw(chance), self.sources.draw(chance)
        environment = self.environments.draw(chance)
        tags = sorted({self.tags.draw(chance) for _ in range(chance.randint(0, 4))})
        shared = (source, provider, model, user, environment, tags)
        bad = 0.25 if int(at.timestamp()) // 3600 % 53 == 0 else 0.02
        worst, count, calls = "accepted", chance.choice((1, 1, 2, 3, 4, 6)), 0
        title = " ".join(self.words.draw(chance) for _ in range(7))
        for turn in range(1, count + 1):
            at += timedelta(milliseconds=chance.randint(400, 9000))
            verdict, added = self._turn(rows, conversation, turn, at, shared, bad, title)
            worst, calls = max(worst, verdict), calls + added
        rows.conversations.append(
            (
                conversation, self.project, f"conversation-{number}", title, source, user,
                environment, tags, count, calls, worst, at, at,
            )
        )  # fmt: skip

    def _turn(
        self,
        rows: Rows,
        conversation: UUID,
        number: int,
        at: datetime,
        shared: tuple[Any, ...],
        bad: float,
        title: str,
    ) -> tuple[str, int]:
        chance = self.chance
        source, provider, model, user, environment, tags = shared
        turn = self.key(at)
        names = [self._tool(at) for _ in range(chance.choice((0, 1, 1, 1, 2, 4)))]
        made = [self._call(name, turn, conversation, at, shared, bad) for name in names]
        verdict = max((call[11] for call in made), default="accepted")
        codes = sorted({code for call in made for code in call[14]})
        said = " ".join(self.words.draw(chance) for _ in range(chance.randint(6, 60)))
        messages = [{"role": "user", "content": title if number == 1 else said}]
        calls = [
            {"id": call[6], "type": "function", "function": {"name": n, "arguments": call[8]}}
            for n, call in zip(names, made, strict=True)
        ]
        answer: dict[str, Any] = {"role": "assistant", "content": None if calls else said}
        if calls:
            answer["tool_calls"] = calls
        failed = chance.random() < 0.004
        latency = chance.lognormvariate(6.8, 0.8)
        rows.turns.append(
            (
                turn, self.project, conversation, number, f"t{turn}", at, source,
                "failed" if failed else "finished", provider, "openai.chat", model,
                json.dumps(messages), 2 * number - 1, 2 * number - 2, "", "{}",
                "" if failed else json.dumps(answer),
                '{"code":"overloaded"}' if failed else "", "tool_calls" if calls else "stop",
                chance.randint(200, 6000), chance.randint(5, 900), "{}",
                None if provider == "ollama" else round(chance.lognormvariate(-6.5, 1.2), 9), "",
                latency, latency / 3 if chance.random() < 0.6 else None, user, environment, tags,
                verdict, "[]", codes, "[]", "",
            )
        )  # fmt: skip
        rows.calls += made
        return verdict, len(made)

    def _tool(self, at: datetime) -> str:
        """Every tenth rank is of the first ten days only, the one after of the last three."""
        while True:
            name: str = self.tools.draw(self.chance)
            rank, age = self.ranks[name], (self.end - at).days
            if (rank != 3 or age >= 20) and (rank != 4 or age < 3):
                return name

    def _call(
        self,
        name: str,
        turn: UUID,
        conversation: UUID,
        at: datetime,
        shared: tuple[Any, ...],
        bad: float,
    ) -> tuple[Any, ...]:
        chance = self.chance
        source, provider, model, user, environment, tags = shared
        codes, verdict = [], "accepted"
        drawn = chance.random()
        if drawn < bad:
            codes = sorted({self.schema.draw(chance) for _ in range(chance.randint(1, 3))})
            verdict = "rejected"
        elif drawn < bad + 0.04:
            codes, verdict = [self.mild.draw(chance)], "flagged"
        status = "error" if "tool_error" in codes else chance.choices(("ok", ""), (97, 3))[0]
        arguments = {
            "query": " ".join(self.words.draw(chance) for _ in range(3)),
            "limit": chance.randint(1, 99),
        }
        versions = self.versions.get(name)
        return (
            self.key(at), self.project, conversation, turn, 0, at,
            f"call_{chance.getrandbits(64):016x}", name, json.dumps(arguments),
            versions[(at - self.start).days * len(versions) // (DAYS + 1)] if versions else None,
            model, verdict, "[]", "[]", codes, status,
            None if status == "" else '{"ok": true}', "application" if status else "",
            chance.lognormvariate(5.0, 1.4), False,
            None if chance.random() < 0.9 else round(chance.lognormvariate(-7, 1), 9), "",
            source, provider, user, environment, tags,
        )  # fmt: skip


def fill(calls: int, *, quiet: bool = False, traffic: type[Traffic] = Traffic) -> None:
    """Write the project with that many calls anew."""
    from django.db import connection

    project, versions = _prepare()
    started, end = time.monotonic(), datetime.now(UTC)
    later = _drop_indexes()
    done = 0
    for rows in traffic(project, versions, end).conversations(calls):
        for table, columns, batch in (
            ("conversations_conversation", CONVERSATION_COLUMNS, rows.conversations),
            ("conversations_turn", TURN_COLUMNS, rows.turns),
            ("conversations_toolcall", CALL_COLUMNS, rows.calls),
        ):
            rest = _defaults(table, columns)
            names = ", ".join(f'"{name}"' for name in (*columns, *rest))
            with (
                connection.cursor() as cursor,
                cursor.copy(f"COPY {table} ({names}) FROM STDIN") as copy,
            ):
                for row in batch:
                    copy.write_row((*row, *rest.values()))
        done += len(rows.calls)
        if not quiet:
            rate = done / (time.monotonic() - started)
            print(f"\r{done:,} calls, {rate:,.0f} a second", end="", flush=True)
    with connection.cursor() as cursor:
        for statement in later:
            cursor.execute(statement)
        cursor.execute("VACUUM (ANALYZE) conversations_turn, conversations_toolcall")
        cursor.execute("VACUUM (ANALYZE) conversations_conversation")
    if not quiet:
        print(f"\n{time.monotonic() - started:.0f} s in all")


def _drop_indexes() -> list[str]:
    """Take the inverted indexes away from tables that are empty, as building them afterwards takes
    less than half the time; the statements that make them again."""
    from django.db import connection

    from conversations.models import Turn
    from conversations.search.index_sql import INDEXES

    if Turn.objects.exists():
        return []
    with connection.cursor() as cursor:
        cursor.execute("DROP INDEX IF EXISTS call_terms, turn_terms")
        cursor.execute("SET maintenance_work_mem = '256MB'")
    return INDEXES


def _defaults(table: str, columns: Sequence[str]) -> dict[str, Any]:
    """Values for the columns that must have one and are not written here."""
    from django.apps import apps

    model = next(one for one in apps.get_models() if one._meta.db_table == table)
    return {
        field.column: field.get_default()
        for field in model._meta.concrete_fields
        if not (field.null or field.primary_key or field.column in columns)
        and field.column is not None
    }


def _prepare() -> tuple[int, dict[str, list[int]]]:
    """The project without conversations, months to write into, and versions of its tools."""
    from django.db import connection

    from console.accounts.models import Project
    from conversations.partitions import make_partitions
    from tests.factories import make_tool_version
    from tools_registry.models import ToolVersion

    project, _ = Project.objects.get_or_create(slug=SLUG, defaults={"name": "Bench of lists"})
    make_partitions(datetime.now(UTC) - timedelta(days=DAYS + 31), ahead=3)
    with connection.cursor() as cursor:
        for table in ("toolcall", "turn", "run", "conversation"):
            cursor.execute(f"DELETE FROM conversations_{table} WHERE project_id = %s", [project.pk])
    if not ToolVersion.objects.filter(project=project).exists():
        for noun in NOUNS:
            for verb in VERBS[:6]:
                for number in range(3):
                    make_tool_version(
                        project, {"name": f"{verb}_{noun}", "description": f"Form {number}"}
                    )
    versions: dict[str, list[int]] = {}
    rows = ToolVersion.objects.filter(project=project).order_by("number")
    for name, pk in rows.values_list("tool__name", "pk"):
        versions.setdefault(name, []).append(pk)
    return project.pk, versions


def run(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=1_000_000)
    options = parser.parse_args(arguments)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "console.settings")
    import django

    django.setup()
    fill(options.calls)


if __name__ == "__main__":
    run()

"""Connections: where a project's models listen, and how a connection is put to the test."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from fnmatch import fnmatchcase
from typing import Any

import httpx2
from django.conf import settings

from console.accounts.models import Project
from console.lib import env
from conversations.assembly import Assembler
from conversations.models import Connection
from conversations.providers import Ask, Endpoint, Exchange, Provider, ProviderFault, load

LOCAL_MODEL = "smollm2-135m-instruct"
CLOCK_TOLERANCE_S = 60
_PING_TOOL = {
    "type": "function",
    "function": {
        "name": "report_status",
        "description": "Report that the connection works.",
        "parameters": {
            "type": "object",
            "properties": {"status": {"type": "string", "enum": ["ok"]}},
            "required": ["status"],
        },
    },
}


def ensure_local(project: Project) -> Connection | None:
    """The project's connection to the local model, made where there is none; None without one.

    Safe against races: the name is unique in the project. An archived one stays archived.
    """
    if not settings.LOCAL_MODEL_URL:
        return None
    found = Connection.objects.filter(project=project, protocol="local").first()
    if found is None:
        found, _ = Connection.objects.get_or_create(
            project=project,
            name="Local model",
            defaults={"protocol": "local", "model_names": [LOCAL_MODEL]},
        )
    return found


def find_open(project: Project) -> list[Connection]:
    """The project's connections that are not archived, the local one first."""
    ensure_local(project)
    found = Connection.objects.filter(project=project, archived_at=None).order_by("name")
    return sorted(found, key=lambda connection: connection.protocol != "local")


def may_read(variable: str) -> bool:
    """Whether KEY_VARIABLES lets a connection name this environment variable."""
    return any(fnmatchcase(variable, pattern) for pattern in settings.KEY_VARIABLES)


def read_key(variable: str) -> str:
    """The key in an environment variable (or the file that NAME_FILE names).

    Raises ``ProviderFault`` (key_missing), which says where to set it.
    """
    if not variable:
        return ""
    if not may_read(variable):
        raise ProviderFault(
            "key_missing",
            f"{variable} may not be read as a key: its name must match one of"
            f" {', '.join(settings.KEY_VARIABLES)}. Rename it, or extend KEY_VARIABLES.",
        )
    try:
        key = env.text(variable)
    except env.BadSetting as error:
        raise ProviderFault("key_missing", f"{error}. Correct the path and restart.") from error
    if not key:
        where = f" or {variable}_FILE (a file's path)" if os.environ else ""
        raise ProviderFault(
            "key_missing",
            f"The environment variable {variable} is not set. Set {variable}{where} where the"
            " web and worker processes are started, then restart them.",
        )
    return key


def endpoint_of(connection: Connection) -> Endpoint:
    """Where and with which key. Raises ``ProviderFault`` (key_missing, refused)."""
    if connection.protocol == "local":
        if not settings.LOCAL_MODEL_URL:
            raise ProviderFault(
                "refused",
                "No local model runs here. Start the console with `make run`, or set"
                " LOCAL_MODEL_URL.",
            )
        return Endpoint(
            "local", settings.LOCAL_MODEL_URL, settings.LOCAL_MODEL_KEY, name=connection.name
        )
    return Endpoint(
        connection.protocol,
        connection.base_url,
        read_key(connection.key_variable),
        connection.settings,
        connection.name,
    )


@dataclass
class Check:
    """One step of a connection test. ``state``: ok, failed or skipped; ``detail`` has the cure."""

    name: str
    state: str
    detail: str = ""
    code: str = ""


@dataclass
class Report:
    checks: list[Check] = field(default_factory=list)
    models: list[str] = field(default_factory=list)

    @property
    def works(self) -> bool:
        return all(check.state != "failed" for check in self.checks)

    def add(self, name: str, state: str, detail: str = "", code: str = "") -> None:
        self.checks.append(Check(name, state, detail, code))


async def test_connection(
    connection: Connection, client: httpx2.AsyncClient, *, model: str = ""
) -> Report:
    """Try the connection step by step: key, list of models, a streamed call, the clock."""
    report = Report()
    try:
        endpoint = endpoint_of(connection)
    except ProviderFault as fault:
        report.add("Key", "failed", fault.detail, fault.code)
        return report
    key = f"read from {connection.key_variable}" if connection.key_variable else "none needed"
    report.add("Key", "ok", key if connection.protocol != "local" else "the console's own")
    provider = load(connection.protocol)(endpoint, client)
    if not await _try(report, "Models", lambda: _list_models(provider, report)):
        return report
    model = model or next(iter([*connection.model_names, *report.models]), "")
    if not model:
        report.add("Call", "skipped", "Name a model in the connection to try a call.")
        return report
    _compare_names(report, model)
    await _try(report, "Call", lambda: _call(provider, model, report))
    return report


test_connection.__test__ = False  # type: ignore[attr-defined]


async def _try(report: Report, name: str, step: Callable[[], Awaitable[None]]) -> bool:
    try:
        await step()
    except ProviderFault as fault:
        # Some compatible servers have no list of models, which says nothing of their calls.
        tolerable = name == "Models" and fault.code in ("not_found", "malformed_stream")
        detail = "This endpoint has no list of models." if tolerable else fault.detail
        report.add(name, "skipped" if tolerable else "failed", detail, fault.code)
        return tolerable
    return True


async def _list_models(provider: Provider, report: Report) -> None:
    report.models = await provider.list_models()
    count = len(report.models)
    report.add("Models", "ok", f"{count} model{'' if count == 1 else 's'} found")


def _compare_names(report: Report, model: str) -> None:
    if report.models and model not in report.models:
        report.add("Model", "failed", f"{model} is not among its models. Pick one of them.")
    else:
        report.add("Model", "ok", model)


async def _call(provider: Provider, model: str, report: Report) -> None:
    messages = [{"role": "user", "content": "Report the status ok."}]
    ask = Ask(model, messages, [_PING_TOOL], "auto", {"max_tokens": 200})
    try:
        exchange, assembler, chunks = await _exchange(provider, ask)
    except ProviderFault as fault:
        if fault.code != "bad_request" or "tool" not in fault.detail.lower():
            raise
        await _exchange(provider, Ask(model, messages, parameters={"max_tokens": 20}))
        report.add("Call", "ok", "A call without tools is answered.")
        report.add(
            "Tools",
            "failed",
            f"The model does not take tools; pick one that does. {fault.detail}",
            "no_tool_support",
        )
        return
    _judge(report, exchange, assembler, chunks)


async def _exchange(provider: Provider, ask: Ask) -> tuple[Exchange, Assembler, int]:
    exchange = provider.ask(ask)
    assembler = Assembler(exchange.wire)
    chunks = 0
    async with exchange:
        async for chunk, _ in exchange:
            chunks += 1
            assembler.feed(chunk)
    assembler.finish()
    return exchange, assembler, chunks


def _judge(report: Report, exchange: Exchange, assembler: Assembler, chunks: int) -> None:
    answer = assembler.answer
    if answer.error is not None:
        report.add("Call", "failed", f"It broke off: {answer.error.message}", answer.error.code)
        return
    report.add("Call", "ok", f"answered in {exchange.elapsed_ms:.0f} ms")
    kind = exchange.headers.get("content-type", "")
    if "event-stream" in kind or "ndjson" in kind:
        report.add("Streaming", "ok", f"{chunks} chunk{'' if chunks == 1 else 's'}")
    else:
        report.add(
            "Streaming",
            "failed",
            f"It answered whole ({kind or 'no content type'}), not as a stream. Runs work, but"
            " show nothing until the end. Enable streaming in the server or its proxy.",
            "not_streaming",
        )
    if answer.calls:
        report.add("Tools", "ok", f"it called {answer.calls[0].name}")
    else:
        report.add("Tools", "ok", "it takes tools; it answered this one in text")
    _judge_clock(report, exchange)


def _judge_clock(report: Report, exchange: Exchange) -> None:
    try:
        theirs = parsedate_to_datetime(exchange.headers["date"])
    except (KeyError, ValueError, TypeError):
        return
    if theirs.tzinfo is None:
        theirs = theirs.replace(tzinfo=UTC)
    ahead = (datetime.now(UTC) - theirs).total_seconds() - exchange.elapsed_ms / 1000
    if abs(ahead) > CLOCK_TOLERANCE_S:
        side = "ahead of" if ahead > 0 else "behind"
        report.add(
            "Clock",
            "failed",
            f"This machine's clock is {abs(ahead):.0f} s {side} the provider's. Set it by NTP:"
            " times of turns and dated prices would be wrong.",
            "clock",
        )
    else:
        report.add("Clock", "ok", "within a minute of the provider's")


def choices_of(connection: Connection) -> dict[str, Any]:
    """The connection as the playground's page needs it."""
    return {
        "id": connection.pk,
        "name": connection.name,
        "protocol": connection.protocol,
        "models": list(connection.model_names),
    }

"""``/metrics`` in Prometheus' text form: what the database and Valkey say of the installation.

All figures are of the whole installation, whichever web process answers. Counters are sums of
rows, so that retention can lower them, which Prometheus takes for a restart.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping

import redis
from django.conf import settings
from django.db import DatabaseError
from django.db.models import Count, Min, Sum
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from analytics.alerts.records import AlertRule
from analytics.records import CallCount, DirtyHour
from analytics.spans import MONTH
from console import heartbeat
from console.accounts import access
from console.accounts.models import Project
from console.lib import env
from console.lib.problems import problem
from conversations.doors.proxy.storing import open_spool
from conversations.incidents.records import Incident
from conversations.intake import IngestLoss, IngestTally, Quarantined
from conversations.models import Run
from conversations.replay.records import Replay
from tools_registry.execution.counting import read_counts

OUTCOMES = ("stored", "duplicate", "rejected", "quarantined")


@access.public
@require_safe
@never_cache
def show_metrics(request: HttpRequest) -> HttpResponse:
    """Answer to whoever knows METRICS_TOKEN; without that setting to nobody."""
    token = env.text("METRICS_TOKEN")
    if not token:
        detail = "Set METRICS_TOKEN, and let Prometheus send it as its bearer token."
        return problem(404, "metrics_off", detail)
    given = request.headers.get("Authorization", "").removeprefix("Bearer ").strip()
    if not secrets.compare_digest(given.encode(), token.encode()):
        answer = problem(401, "bad_token", "Send METRICS_TOKEN as the bearer token.")
        answer["WWW-Authenticate"] = "Bearer"
        return answer
    registry = CollectorRegistry()
    registry.register(_Installation())
    return HttpResponse(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)


class _Installation(Collector):
    """One look at everything; ``misfire_up`` says which part could not be looked at."""

    def collect(self) -> Iterable[Metric]:
        up = GaugeMetricFamily("misfire_up", "1 where the part answers", labels=["part"])
        for part, (looks, failure) in _PARTS.items():
            try:
                found = [family for look in looks for family in look()]
            except failure:
                up.add_metric([part], 0)
                continue
            up.add_metric([part], 1)
            yield from found
        yield up


def _read_ingest() -> Iterator[Metric]:
    family = CounterMetricFamily(
        "misfire_ingest_records", "Records sent, by what became of them",
        labels=["project", "door", "outcome"],
    )  # fmt: skip
    rows = IngestTally.objects.values_list("project__slug", "door").annotate(*map(Sum, OUTCOMES))
    for project, door, *counts in rows.order_by():
        for outcome, count in zip(OUTCOMES, counts, strict=True):
            family.add_metric([project, door, outcome], count)
    yield family
    yield _counter(
        "misfire_ingest_lost_turns", "Turns of the proxy that were not recorded",
        IngestLoss.objects.values_list("project__slug", "reason").annotate(Sum("turns")).order_by(),
        ["project", "reason"],
    )  # fmt: skip
    yield _gauge(
        "misfire_quarantined_records", "Records that wait in quarantine",
        Quarantined.objects.filter(status="open")
        .values_list("project__slug", "reason").annotate(Count("pk")).order_by(),
        ["project", "reason"],
    )  # fmt: skip
    waiting = GaugeMetricFamily("misfire_spooled_turns", "Turns that wait on this machine's disk")
    waiting.add_metric([], open_spool().waiting)
    yield waiting


def _read_calls() -> Iterator[Metric]:
    months = CallCount.objects.filter(grain=MONTH).values_list("project__slug", "environment")
    sums = months.annotate(Sum("calls"), Sum("flagged"), Sum("rejected"), Sum("model_cost"))
    calls = CounterMetricFamily(
        "misfire_calls", "Tool calls", labels=["project", "environment", "verdict"]
    )
    cost = CounterMetricFamily(
        "misfire_cost_dollars", "What turns with calls cost", labels=["project", "environment"]
    )
    for project, environment, every, flagged, rejected, dollars in sums.order_by():
        counts = {"accepted": every - flagged - rejected, "flagged": flagged, "rejected": rejected}
        for verdict, count in counts.items():
            calls.add_metric([project, environment, verdict], count)
        cost.add_metric([project, environment], float(dollars))
    yield from (calls, cost)
    yield _counter(
        "misfire_misfires", "Tool calls with a finding, by their first",
        CallCount.objects.filter(grain=MONTH).exclude(kind="")
        .values_list("project__slug", "kind").annotate(Sum("calls")).order_by(),
        ["project", "code"],
    )  # fmt: skip
    oldest = DirtyHour.objects.aggregate(count=Count("pk"), since=Min("hour"))
    late = GaugeMetricFamily("misfire_rollup_hours_waiting", "Hours that are to be computed anew")
    late.add_metric([], oldest["count"])
    yield late


def _read_work() -> Iterator[Metric]:
    for name, told, rows, labels in (
        (
            "misfire_alert_rules", "Alert rules, by how they stand",
            AlertRule.objects.filter(enabled=True).values_list("project__slug", "state"),
            ["project", "state"],
        ),
        (
            "misfire_open_incidents", "Incidents that are not resolved",
            Incident.objects.exclude(status="resolved").values_list("project__slug", "severity"),
            ["project", "severity"],
        ),
        (
            "misfire_replays", "Replays, by how they stand",
            Replay.objects.values_list("project__slug", "status"), ["project", "status"],
        ),
        (
            "misfire_open_runs", "Live runs of the playground",
            Run.objects.filter(finished_at=None).values_list("project__slug", "status"),
            ["project", "status"],
        ),
    ):  # fmt: skip
        yield _gauge(name, told, rows.annotate(Count("pk")).order_by(), labels)


def _read_valkey() -> Iterator[Metric]:
    workers = GaugeMetricFamily("misfire_workers", "Workers that reported lately")
    workers.add_metric([], len(heartbeat.living()))
    yield workers
    queues = GaugeMetricFamily(
        "misfire_queued_tasks", "Tasks that no worker has taken yet", labels=["queue"]
    )
    with redis.Redis.from_url(settings.REDIS_URL, socket_timeout=3) as client:
        for queue in settings.CELERY_TASK_QUEUES:
            queues.add_metric([queue.name], float(str(client.llen(queue.name))))
    yield queues
    yield from _read_executions()
    now = GaugeMetricFamily("misfire_time_seconds", "The server's clock")
    now.add_metric([], timezone.now().timestamp())
    yield now


def _read_executions() -> Iterator[Metric]:
    labels = ["project", "tool"]
    calls = CounterMetricFamily(
        "misfire_executions", "Calls of tools that were to be run", labels=[*labels, "outcome"]
    )
    hits = CounterMetricFamily(
        "misfire_execution_cache_hits", "Calls that the cache answered", labels=labels
    )
    took = CounterMetricFamily(
        "misfire_execution_seconds", "What calls of tools took", labels=[*labels, "outcome"]
    )
    slugs = dict(Project.objects.values_list("pk", "slug"))
    for one in read_counts():
        told = [slugs.get(one.project, ""), one.tool]
        if not told[0]:
            continue
        match one.what:
            case "calls":
                calls.add_metric([*told, one.status], one.value)
            case "hits":
                hits.add_metric(told, one.value)
            case "ms":
                took.add_metric([*told, one.status], one.value / 1000)
    yield from (calls, hits, took)


def _counter(name: str, told: str, rows: Iterable[tuple[object, ...]], labels: list[str]) -> Metric:
    return _fill(CounterMetricFamily(name, told, labels=labels), rows)


def _gauge(name: str, told: str, rows: Iterable[tuple[object, ...]], labels: list[str]) -> Metric:
    return _fill(GaugeMetricFamily(name, told, labels=labels), rows)


def _fill(
    family: CounterMetricFamily | GaugeMetricFamily, rows: Iterable[tuple[object, ...]]
) -> Metric:
    for *labels, value in rows:
        family.add_metric([str(label) for label in labels], float(str(value)))
    return family


_Look = Callable[[], Iterator[Metric]]
_PARTS: Mapping[str, tuple[tuple[_Look, ...], tuple[type[Exception], ...]]] = {
    "database": ((_read_ingest, _read_calls, _read_work), (DatabaseError,)),
    "valkey": ((_read_valkey,), (redis.RedisError, DatabaseError)),
}

"""An incident's timeline: what was done, and what the record itself tells, newest first."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.urls import reverse
from django.utils import timezone

from conversations.backtest.records import Backtest
from conversations.incidents.impact import Impact
from conversations.incidents.records import Incident, IncidentEvent
from conversations.incidents.suspects import Ranking
from conversations.replay.records import Replay
from tools_registry.publishing import Publication, publications

LEAD = timedelta(hours=6)
"""How long before the incident what was published or first seen belongs to it."""
MOST = 100
_LOOKS = {
    "opened": ("flame", "bad"),
    "alert": ("bell", "bad"),
    "acknowledged": ("user-check", ""),
    "mitigated": ("shield-check", "ok"),
    "resolved": ("circle-check", "ok"),
    "reopened": ("flame", "bad"),
    "changed": ("pencil", ""),
    "joined": ("playlist-add", ""),
    "note": ("note", ""),
    "published": ("upload", "acc"),
}
_NAMES = {
    "opened": "Opened",
    "alert": "Alert",
    "acknowledged": "Acknowledged",
    "mitigated": "Mitigated",
    "resolved": "Resolved",
    "reopened": "Reopened",
    "published": "Fix published",
}
_PUBLISHED = {
    "first_seen": ("versions", "first seen"),
    "published": ("upload", "published"),
    "retired": ("archive", "retired"),
}


@dataclass(frozen=True, slots=True)
class Entry:
    """``icon`` is of the sprite, ``tone`` its class: bad, ok, acc or "". ``is_note`` is what a
    person wrote, with its lines."""

    at: datetime
    icon: str
    text: str
    detail: str = ""
    url: str = ""
    tone: str = ""
    is_note: bool = False


def read_timeline(
    incident: Incident, impact: Impact, ranking: Ranking | None = None
) -> list[Entry]:
    """The newest ``MOST`` entries. ``ranking`` adds the versions that are suspects."""
    rows = incident.events.select_related("author").order_by("-at", "-pk")[:MOST]
    found = [
        *(_tell(event) for event in rows),
        *_tell_calls(incident, impact),
        *_tell_versions(incident, impact, ranking),
        *_tell_replays(incident),
        *_tell_backtests(incident, impact),
    ]
    return sorted(found, key=lambda entry: entry.at, reverse=True)[:MOST]


def _tell(event: IncidentEvent) -> Entry:
    icon, tone = _LOOKS[event.kind]
    who = str(event.author or event.detail.get("sender") or "")
    if event.kind == "note":
        return Entry(event.at, icon, event.text, who, is_note=True)
    if event.kind == "alert":
        return Entry(event.at, icon, event.text, "", event.detail.get("url", ""), tone)
    if event.kind in ("changed", "joined"):
        return Entry(event.at, icon, event.text or "Open again", who)
    text = _NAMES[event.kind] + (f" by {who}" if who else "")
    return Entry(event.at, icon, text, event.text, tone=tone)


def _tell_calls(incident: Incident, impact: Impact) -> Iterator[Entry]:
    if impact.first_at is None or impact.last_at is None:
        return
    noun = impact.noun
    first = incident.turns.order_by("at").values_list("turn_id", flat=True).first()
    last = incident.turns.order_by("-at").values_list("turn_id", flat=True).first()
    yield Entry(
        impact.first_at, "circle-x", f"First bad {noun}", url=_turn(incident, first), tone="bad"
    )
    if impact.count > 1 and not impact.is_happening(timezone.now()):
        yield Entry(
            impact.last_at, "circle-off", f"Last bad {noun} so far", url=_turn(incident, last)
        )


def _turn(incident: Incident, turn: object) -> str:
    return reverse("conversations:turn-find", args=[incident.project.slug, turn])


def _tell_versions(incident: Incident, impact: Impact, ranking: Ranking | None) -> Iterator[Entry]:
    since = min(incident.since, impact.first_at or incident.since) - LEAD
    until = incident.resolved_at or timezone.now()
    suspects = {
        int(one.key) for one in (ranking.suspects if ranking else ()) if one.kind == "version"
    }
    for one in publications(incident.project, since, until):
        is_suspect = one.subject == "version" and one.row in suspects
        if one.tool in impact.tools or one.subject == "router" or is_suspect:
            yield _tell_publication(one)


def _tell_publication(one: Publication) -> Entry:
    icon, verb = _PUBLISHED[one.kind]
    who = f"by {one.by}" if one.by else ""
    detail = ": ".join(part for part in (who, one.note) if part)
    return Entry(one.at, icon, f"{one.name} {verb}", detail, one.url)


def _tell_replays(incident: Incident) -> Iterator[Entry]:
    for replay in Replay.objects.filter(incident=incident).order_by("-pk")[:20]:
        url = reverse("conversations:replay", args=[incident.project.slug, replay.number])
        yield Entry(
            replay.created_at, "rotate-clockwise-2", f"{replay.name} started", replay.title, url
        )
        if replay.finished_at:
            text = f"{replay.name} {replay.get_status_display().lower()}"
            yield Entry(replay.finished_at, "rotate-clockwise-2", text, url=url, tone="acc")


def _tell_backtests(incident: Incident, impact: Impact) -> Iterator[Entry]:
    """Those of the incident's tools while it was open."""
    rows = Backtest.objects.filter(
        project=incident.project,
        tool__in=list(impact.tools),
        created_at__gte=incident.opened_at,
        created_at__lte=incident.resolved_at or timezone.now(),
    )
    for row in rows.select_related("version").order_by("-pk")[:10]:
        url = reverse("conversations:backtest", args=[incident.project.slug, row.pk])
        text = f"Backtest of {row.tool} by {row.judge_name}"
        yield Entry(row.created_at, "history", text, row.get_status_display(), url)

"""The front page of an incident: everything that it shows, read once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlencode

from django.core.cache import cache
from django.urls import reverse
from django.utils import timezone

from console.lib.charts import Chart, Marker, Series, mark
from conversations.incidents.answer import Piece, Step, find_step, say, word_of
from conversations.incidents.cards import Card, deal, name_compared
from conversations.incidents.evidence import Judged, judge
from conversations.incidents.impact import Impact, measure
from conversations.incidents.joining import join
from conversations.incidents.records import Incident
from conversations.incidents.sample import Sample, read_samples
from conversations.incidents.scope import scope_of, within
from conversations.incidents.timeline import Entry, read_timeline
from conversations.incidents.weighing import Definition
from conversations.replay.records import Replay
from conversations.search.query import Query, parse

_KEPT_OPEN, _KEPT_RESOLVED = 20, 600
"""Seconds for which impact and suspects are kept."""
_PAGES = {"calls": "call-list", "turns": "turn-list"}


@dataclass(frozen=True, slots=True)
class Front:
    """What the page shows. ``matches`` is the list of what the filter finds, ``base`` of what it
    is counted of; "" where there is no filter."""

    impact: Impact
    judged: Judged
    cards: Sequence[Card]
    answer: Sequence[Piece]
    step: Step
    word: str
    chart: Chart
    samples: Sequence[Sample]
    timeline: Sequence[Entry]
    replays: Sequence[Replay]
    happening: bool
    matches: str
    base: str

    @property
    def compared(self) -> str:
        return name_compared(self.judged)

    @property
    def definition(self) -> Definition | None:
        """Of the version that is the first suspect."""
        first = self.cards[0] if self.cards else None
        return first.definition if first and first.is_whole else None


def read_front(incident: Incident, now: datetime | None = None) -> Front:
    now = now or timezone.now()
    if incident.cursor is None:
        join(incident)
    impact, judged = read_numbers(incident, now)
    cards = deal(incident.project, judged)
    replays = list(Replay.objects.filter(incident=incident).order_by("-pk")[:5])
    happening = incident.is_open and impact.is_happening(now)
    return Front(
        impact=impact,
        judged=judged,
        cards=cards,
        answer=say(incident, impact, judged, cards),
        step=find_step(incident, impact, cards, len(replays)),
        word=word_of(parse(incident.query)),
        chart=_draw(incident, judged, cards),
        samples=read_samples(incident),
        timeline=read_timeline(incident, impact, judged.ranking),
        replays=replays,
        happening=happening,
        matches=find_list(incident, scope_of(incident).bad),
        base=find_list(incident, scope_of(incident, impact.tools).base),
    )


def read_numbers(incident: Incident, now: datetime) -> tuple[Impact, Judged]:
    """Impact and suspects, as they were some seconds ago at most."""
    held = incident.turns.count()
    until = int(incident.until.timestamp()) if incident.until else 0
    key = f"incident:{incident.pk}:{held}:{until}:{int(incident.since.timestamp())}"
    found: tuple[Impact, Judged] | None = cache.get(key)
    if found is None:
        found = measure(incident, now), judge(incident, now)
        cache.set(key, found, _KEPT_OPEN if incident.is_open else _KEPT_RESOLVED)
    return found


def find_list(incident: Incident, query: Query) -> str:
    """The address of the list that a filter finds in the incident's time; "" for no filter."""
    if not query:
        return ""
    kind = scope_of(incident).kind
    page = reverse(f"conversations:{_PAGES[kind]}", args=[incident.project.slug])
    return f"{page}?{urlencode({'q': within(query, incident.since, incident.until).text})}"


def _draw(incident: Incident, judged: Judged, cards: Sequence[Card]) -> Chart:
    rates, word = judged.rates, word_of(parse(incident.query))
    shares = [100 * one.value if one.whole else None for one in rates.shares]
    texts = [f"{one.part:,} of {one.whole:,}" for one in rates.shares]
    usual = 100 * judged.ranking.usual.value
    days = bool(rates.starts) and rates.starts[0].date() != rates.starts[-1].date()
    series = [Series(word.capitalize(), shares, "area", "rejected-solid", texts=texts)]
    if judged.ranking.usual.whole:
        flat = [usual] * len(shares)
        series.append(Series("Usual, 24 h before", flat, "line", "ink-3", dashed=True))
    return Chart(
        name="rate",
        title=f"Share of {word} calls over time, usually {usual:.1f}%",
        labels=[f"{at:%d %b %H:%M}" if days else f"{at:%H:%M}" for at in rates.starts],
        rows=[f"{at:%d %b %H:%M}" for at in rates.starts],
        series=series,
        unit="%",
        most=100,
        height="s",
        markers=list(_mark(incident, judged, cards)),
    )


def _mark(incident: Incident, judged: Judged, cards: Sequence[Card]) -> list[Marker]:
    moments: list[tuple[datetime, str, str]] = []
    for card in cards:
        if card.is_whole and card.suspect.first_seen and card.suspect.is_new:
            name = card.name if card.number is None else f"{card.name} v{card.number}"
            moments.append((card.suspect.first_seen, f"{name} first seen", "ink-2"))
    moments.append((incident.opened_at, "alert" if incident.alert else "opened", "rejected"))
    if incident.resolved_at:
        moments.append((incident.resolved_at, "resolved", "accepted"))
    starts, found = judged.rates.starts, []
    for at, text, color in moments:
        place = mark(starts, at) if starts and at < starts[-1] + judged.rates.step else None
        if place is not None:
            found.append(Marker(place, f"{text} {at:%H:%M}", color=color))
    return found

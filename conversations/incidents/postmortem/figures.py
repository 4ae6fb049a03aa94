"""The references that a post-mortem may use, with their values as they are now, as Markdown."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property

from django.utils import timezone

from conversations.incidents import afterwards
from conversations.incidents.answer import say, word_of
from conversations.incidents.cards import Card, deal, write_span
from conversations.incidents.front import read_numbers
from conversations.incidents.postmortem.references import block, code, escape
from conversations.incidents.records import Incident
from conversations.incidents.timeline import read_timeline
from conversations.search.query import parse
from tools_registry.diff.lines import Row

_NONE = "not known"
_MOST = 8


@dataclass(frozen=True, slots=True)
class Figure:
    """A reference by its name, what it is, and its value; ``is_block`` is of several lines."""

    name: str
    label: str
    value: str

    @property
    def is_block(self) -> bool:
        return "\n" in self.value


def read_figures(incident: Incident, now: datetime | None = None) -> list[Figure]:
    """Every reference in the order in which people look for them."""
    source = _Record(incident, now or timezone.now())
    return [Figure(name, label, read(source)) for name, label, read in _FIGURES]


def write_time(at: datetime | None) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S} UTC" if at else _NONE


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


class _Record:
    """What the record says of an incident, each part read once and only if asked for."""

    def __init__(self, incident: Incident, now: datetime) -> None:
        self.incident, self.now = incident, now
        self.impact, self.judged = read_numbers(incident, now)

    @cached_property
    def cards(self) -> list[Card]:
        return deal(self.incident.project, self.judged)

    @cached_property
    def happening(self) -> bool:
        return self.incident.is_open and self.impact.is_happening(self.now)

    @property
    def word(self) -> str:
        return word_of(parse(self.incident.query))

    # ---- the incident

    def owner(self) -> str:
        return escape(str(self.incident.owner)) if self.incident.owner else "nobody"

    def opened_by(self) -> str:
        held = self.incident
        return escape(str(held.opened_by or held.sender or "an alert"))

    # ---- impact

    def calls(self) -> str:
        """The bad calls with their base, the interval and what is usual."""
        impact, share = self.impact, self.impact.share
        if share is None or impact.interval is None:
            return f"{_count(impact.count, impact.noun)} {self.word}"
        low, high = impact.interval
        said = f"{share.part:,} of {share.whole:,} {impact.noun}s {self.word}"
        said += f" ({share.value:.0%}, 95% CI {100 * low:.0f}–{100 * high:.0f})"  # noqa: RUF001
        return said + (f", usually {100 * impact.usual.value:.1f}%" if impact.usual else "")

    def share(self) -> str:
        return f"{self.impact.share.value:.1%}" if self.impact.share else _NONE

    def usual(self) -> str:
        return f"{self.impact.usual.value:.1%}" if self.impact.usual else _NONE

    def users(self) -> str:
        told = _count(self.impact.users, "user")
        again = self.impact.repeatedly
        return f"{told}, {again:,} of them more than once" if again else told

    def outcome(self) -> str:
        impact = self.impact
        if impact.recovered is None or impact.gave_up is None:
            return "how many recovered is not known"
        return f"{impact.gave_up:,} ended with it, {impact.recovered:,} recovered"

    def cost(self) -> str:
        cost, unpriced = self.impact.cost, self.impact.unpriced
        said = "unpriced" if cost is None else f"${cost:,.2f}"
        return f"{said}, {unpriced:,} of them unpriced" if unpriced and cost is not None else said

    def duration(self) -> str:
        return write_span(self.impact.lasted) + (" so far" if self.happening else "")

    def most(self, counts: Sequence[tuple[str, int]]) -> str:
        return ", ".join(f"{code(name)} {count:,}" for name, count in counts[:_MOST]) or "none"

    # ---- detection

    def how(self) -> str:
        alert = self.incident.alert
        return f"By an alert: {escape(alert)}" if alert else f"By hand, {self.opened_by()}"

    def delay(self) -> str:
        first = self.impact.first_at
        return write_span(max(self.incident.opened_at - first, timedelta())) if first else _NONE

    def acknowledged(self) -> str:
        at = self.incident.acknowledged_at
        if at is None:
            return "not yet"
        return f"{write_time(at)}, {write_span(at - self.incident.opened_at)} after it was opened"

    # ---- cause

    def answer(self) -> str:
        pieces = say(self.incident, self.impact, self.judged, self.cards)
        return "".join(code(text) if kind == "wire" else escape(text) for kind, text in pieces)

    def suspects(self) -> str:
        lines = [
            f"{card.rank}. {self._name(card)}, {card.suspect.grade}: "
            + " ".join(escape(line.text) for line in card.lines)
            for card in self.cards
        ]
        return "\n".join(lines) or "Nothing that is recorded stands out."

    def _name(self, card: Card) -> str:
        number = "" if card.number is None else f" v{card.number}"
        return f"{card.kind} {code(card.name)}{number}".strip()

    def diff(self) -> str:
        rows = next((card.diff for card in self.cards if card.diff), ())
        lines = list(_write_diff(rows))
        return block("\n".join(lines), "diff") if lines else ""

    # ---- after

    def timeline(self) -> str:
        entries = read_timeline(self.incident, self.impact, self.judged.ranking)
        rows = [
            f"| {entry.at:%Y-%m-%d %H:%M:%S} | {escape(entry.text)} | {escape(entry.detail)} |"
            for entry in reversed(entries)
        ]
        return "\n".join(["| UTC | what | |", "| --- | --- | --- |", *rows])

    def published(self) -> str:
        events = self.incident.events.filter(kind="published").order_by("at", "pk")
        lines = [f"- {write_time(event.at)}: {escape(event.text)}" for event in events]
        return "\n".join(lines) or "No fix was published from here."

    def replays(self) -> str:
        lines = [f"- {proof.replay.name}, {escape(proof.text)}" for proof in self.proofs]
        return "\n".join(lines) or "No replay was made."

    @cached_property
    def proofs(self) -> list[afterwards.Proof]:
        return afterwards.read_proofs(self.incident)

    def check(self) -> str:
        return escape(afterwards.check(self.incident, self.now).text)


def _write_diff(rows: Sequence[Row]) -> Iterator[str]:
    for row in rows:
        for sign, side in (("-", row.left), ("+", row.right)):
            if side is not None and side.is_changed:
                yield sign + "".join(text for text, _ in side.pieces)


_FIGURES: tuple[tuple[str, str, Callable[[_Record], str]], ...] = (
    ("incident.name", "Number", lambda r: r.incident.name),
    ("incident.title", "Title", lambda r: escape(r.incident.title)),
    ("incident.severity", "Severity", lambda r: r.incident.severity),
    ("incident.status", "Status", lambda r: r.incident.status),
    ("incident.owner", "Owner", _Record.owner),
    ("incident.since", "Since when", lambda r: write_time(r.incident.since)),
    ("incident.opened", "Opened", lambda r: write_time(r.incident.opened_at)),
    ("incident.opened_by", "Opened by", _Record.opened_by),
    ("incident.mitigated", "Mitigated", lambda r: write_time(r.incident.mitigated_at)),
    ("incident.resolved", "Resolved", lambda r: write_time(r.incident.resolved_at)),
    ("incident.recurrences", "Reopened", lambda r: f"{r.incident.recurrences:,} times"),
    ("impact.calls", "What went wrong, of how many", _Record.calls),
    ("impact.count", "What went wrong", lambda r: f"{r.impact.count:,}"),
    ("impact.share", "Its share", _Record.share),
    ("impact.usual", "The share of the day before", _Record.usual),
    (
        "impact.conversations",
        "Conversations",
        lambda r: _count(r.impact.conversations, "conversation"),
    ),
    ("impact.outcome", "What became of them", _Record.outcome),
    ("impact.users", "Users", _Record.users),
    ("impact.cost", "Cost", _Record.cost),
    ("impact.first", "First", lambda r: write_time(r.impact.first_at)),
    ("impact.last", "Last", lambda r: write_time(r.impact.last_at)),
    ("impact.duration", "How long", _Record.duration),
    ("impact.tools", "Tools", lambda r: r.most(r.impact.tools.most_common())),
    ("impact.models", "Models", lambda r: r.most(r.impact.models.most_common())),
    ("impact.findings", "Findings", lambda r: r.most(r.impact.codes.most_common())),
    ("detection.how", "How it was noticed", _Record.how),
    ("detection.delay", "From the first to its opening", _Record.delay),
    ("detection.acknowledged", "Acknowledged", _Record.acknowledged),
    ("cause.answer", "The short answer", _Record.answer),
    ("cause.suspects", "Suspects with their evidence", _Record.suspects),
    ("cause.diff", "What the first suspect changed", _Record.diff),
    ("cause.note", "The cause as people noted it", lambda r: escape(r.incident.cause)),
    ("timeline", "Timeline", _Record.timeline),
    ("fix.published", "What was published", _Record.published),
    ("replays", "What replays proved", _Record.replays),
    ("check", "The rate since the fix", _Record.check),
)

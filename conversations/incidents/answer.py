"""The short answer: what happened and why, in one or two sentences, and what to do next."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from conversations.incidents.cards import Card, name_compared, write_share, write_span
from conversations.incidents.evidence import Judged
from conversations.incidents.impact import Impact
from conversations.incidents.records import Incident
from conversations.search.query import Query, parse
from tools_registry.validation.findings import CODES

Piece = tuple[Literal["text", "wire"], str]
"""Words of ours, or what came over the wire."""
_VERDICTS = {"rejected", "flagged"}


@dataclass(frozen=True, slots=True)
class Step:
    """What to do next: a heading, why, and which of the page's ways of acting is the first."""

    head: str
    text: str
    act: Literal["replay", "look", "resolve", "widen", "none"]


def word_of(query: Query) -> str:
    """What the calls of a filter are called: rejected, flagged, failed, or bad."""
    verdicts = {value for term in query.of("verdict") if not term.negated for value in term.values}
    if len(verdicts) == 1 and verdicts <= _VERDICTS:
        return verdicts.pop()
    if any("error" in term.values for term in query.of("status")):
        return "failed"
    return "bad"


def say(incident: Incident, impact: Impact, judged: Judged, cards: Sequence[Card]) -> list[Piece]:
    """The answer in pieces."""
    if not impact.count:
        nothing = "Nothing matches the filter yet. Turns join by themselves as they arrive."
        return [("text", nothing if incident.query else "No turn is in it yet: add some.")]
    first = cards[0] if cards and cards[0].suspect.grade != "ruled out" else None
    word = word_of(parse(incident.query))
    if first is None:
        return [("text", _say_nothing(judged, word))]
    return [*_name(first), ("text", _say_suspect(first, judged, word)), *_say_finding(impact)]


def _name(card: Card) -> list[Piece]:
    number = "" if card.number is None else f" v{card.number}"
    if card.kind:
        return [("text", f"{card.kind} "), ("wire", card.name + number)]
    return [("text", f"Version {card.number} of "), ("wire", card.name)]


def _say_suspect(card: Card, judged: Judged, word: str) -> str:
    suspect = card.suspect
    probably = "most likely" if suspect.grade == "likely" else "possibly"
    said = f" is {probably} the cause: {write_share(suspect.inside)} that have it are {word}"
    if suspect.outside.whole:
        said += f", and of the others {write_share(suspect.outside)}"
    elif judged.ranking.usual.whole:
        said += f", before it {100 * judged.ranking.usual.value:.1f}%"
    breaking = card.definition.changes[0] if card.definition and card.definition.changes else None
    if breaking and breaking.kind == "breaking":
        said += f". {breaking.reason}"
    return f"{said}."


def _say_finding(impact: Impact) -> list[Piece]:
    code, count = next(iter(impact.codes.most_common(1)), ("", 0))
    if code not in CODES:
        return []
    noun = impact.noun if impact.count == 1 else f"{impact.noun}s"
    text = f" Most frequent finding: {CODES[code].summary.lower()} ("
    return [("text", text), ("wire", code), ("text", f", {count:,} of {impact.count:,} {noun}).")]


def _say_nothing(judged: Judged, word: str) -> str:
    ranking = judged.ranking
    since, usual = 100 * ranking.since.value, 100 * ranking.usual.value
    compared = name_compared(judged)
    if ranking.is_traffic:
        return (
            f"There are {ranking.pace:.1f} times as many calls as before, and the share of {word}"
            f" ones is as usual: {since:.1f}%, before {usual:.1f}%. Look at the traffic, not at"
            " the tools."
        )
    if not ranking.usual.whole:
        return (
            f"Nothing before {judged.ranking.onset or judged.since:%H:%M} is stored to compare"
            f" with. {compared.capitalize() or 'Nothing'} were compared within the time; none"
            " stands out."
        )
    risen = "rose to" if ranking.has_risen else "is"
    return (
        f"The share of {word} calls {risen} {since:.1f}% (before {usual:.1f}%), and nothing that is"
        f" recorded changed with it. {compared} were compared: look outside, at what the tools call"
        " or at what users ask."
    )


def find_step(incident: Incident, impact: Impact, cards: Sequence[Card], replays: int) -> Step:
    """The one next step, by what is known and done."""
    if incident.status == "resolved":
        text = "It opens again by itself when its alert fires again."
        return Step("Nothing to do", text, "none")
    if not impact.count and incident.query:
        return Step("Widen the filter", "No stored turn matches it from then on.", "widen")
    if not impact.count:
        return Step("Add turns", "Check rows in a list, then choose Open incident.", "widen")
    first = cards[0] if cards and cards[0].is_whole else None
    if replays:
        text = "Compare the variants, publish the one that fixes most and breaks none."
        return Step("Decide by the replay", text, "look")
    if first and first.definition and first.definition.previous:
        old, new = first.definition.previous, first.definition.version
        text = (
            f"Ask the {impact.turns:,} turns again with {first.name} v{old.number} and with a"
            f" draft that mends v{new.number}, beside v{new.number} as the control."
        )
        return Step("Prove a fix by replay", text, "replay")
    text = f"Ask the {impact.turns:,} turns again under a changed tool, prompt or model."
    return Step("Replay these turns", text, "replay")


def say_duration(impact: Impact, *, happening: bool) -> str:
    """How long it lasted, or lasts."""
    return write_span(impact.lasted) + (" so far" if happening else "")

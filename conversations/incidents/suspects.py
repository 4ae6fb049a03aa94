"""What probably did it: candidates ranked by how well each explains the bad calls.

Pure: a series of calls with their traits, first-seen times and changes in, a ranking out.

A *trait* is what a call carries (tool version, model, provider, tag and so on), a *change* what
happened at one moment and no call carries (a router's or a policy's version). How well one explains
is its contrast: Matthews' correlation coefficient (B. W. Matthews, 1975) of "has it" with "is bad".
A trait is held against the calls of the same time that lack it; where a new one left too few of
these, calls from before that lack it fill up as many as have it. A trait that was there all along
has nothing but the same time to be held against: it cannot explain a rise by itself. A change is
held against the time before it. The contrast is weighed by how a candidate could do it: new or not,
how soon the first bad call followed, its kind, and what its diff or lint says (``weights``).
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from math import exp, sqrt
from typing import Literal

from conversations.incidents.series import Change, Seen, Share, Trait, find_onset, share_of

Grade = Literal["likely", "possible", "ruled out"]

PRIORS = {
    "version": 1.0, "model": 0.97, "provider": 0.95, "environment": 0.9, "tag": 0.9,
    "source": 0.9, "toolset": 0.85, "user": 0.8, "conversation": 0.8,
    "router": 0.6, "policy": 0.6, "retired": 0.6,
}  # fmt: skip
"""What is named by every call counts for more than what only happened at the time."""
_OF_ONE = ("user", "conversation")
LIKELY, POSSIBLE = 0.5, 0.2
_LEAST = 0.05
"""The share of the bad calls that a candidate has to have."""
_LEAST_OF_ONE = 0.5
_UNSEEN = 0.05
_LATE = timedelta(minutes=2)
_SOON = 3600.0
_SAME = 0.95
_SPIKE = 1.5


@dataclass(frozen=True, slots=True)
class Suspect:
    """One candidate. All shares are of calls since the onset, ``earlier`` is from before it.

    ``covered`` is how many of the bad calls it has, ``inside`` how many of those that have it are
    bad, ``outside`` how many of the others while there were calls with it. ``lag`` is from its
    first sight to its first bad call. ``along`` names the stronger suspect that has the same
    calls.
    """

    kind: str
    key: str
    score: float
    covered: Share
    inside: Share
    outside: Share
    earlier: Share
    first_seen: datetime | None
    lag: timedelta | None
    is_new: bool
    along: Trait | None = None

    @property
    def trait(self) -> Trait:
        return self.kind, self.key

    @property
    def grade(self) -> Grade:
        if self.score >= LIKELY:
            return "likely"
        return "possible" if self.score >= POSSIBLE else "ruled out"


@dataclass(frozen=True, slots=True)
class Ranking:
    """``since`` and ``usual`` are the bad calls from the onset on, and before it; ``pace`` is how
    many times as many calls an hour there were as before, None where nothing is before.
    ``compared`` says how many values of each kind were looked at."""

    onset: datetime | None
    has_risen: bool
    since: Share
    usual: Share
    pace: float | None
    suspects: tuple[Suspect, ...]
    compared: Mapping[str, int]

    @property
    def first(self) -> Suspect | None:
        """The best suspect, where it is one at all."""
        best = self.suspects[0] if self.suspects else None
        return best if best and best.grade != "ruled out" else None

    @property
    def is_traffic(self) -> bool:
        """The bad calls are more because all calls are."""
        return not self.first and not self.has_risen and (self.pace or 0) >= _SPIKE


def rank(
    series: Iterable[Seen],
    since: datetime,
    *,
    first_seen: Mapping[Trait, datetime] | None = None,
    changes: Sequence[Change] = (),
    weights: Mapping[Trait, float] | None = None,
) -> Ranking:
    """The candidates, the best explanation first. ``since`` is when the incident is said to have
    begun; where the series rises at another moment, that is the onset. ``first_seen`` are times
    known from elsewhere than the series; ``weights`` what else speaks for (>1) or against one.
    """
    rows = sorted(series, key=lambda row: row.at)
    onset, has_risen = find_onset(rows, since)
    split = bisect_left(rows, onset, key=lambda row: row.at)
    before, after = rows[:split], rows[split:]
    usual, now = share_of(before), share_of(after)
    scene = _Scene(before, after, onset, usual, now, first_seen or {}, weights or {})
    found = [*scene.rank_traits(), *scene.rank_changes(changes)]
    found.sort(key=lambda one: (-one.score, -one.covered.part, one.kind, one.key))
    kinds = Counter(kind for kind, _ in {trait for row in rows for trait in row.traits})
    kinds.update(change.kind for change in changes)
    return Ranking(
        onset=onset if rows else None,
        has_risen=has_risen,
        since=now,
        usual=usual,
        pace=_pace(before, after, onset),
        suspects=tuple(scene.tell_apart(found)),
        compared=dict(kinds),
    )


def _pace(before: Sequence[Seen], after: Sequence[Seen], onset: datetime) -> float | None:
    if not before or not after:
        return None
    earlier = (onset - before[0].at).total_seconds()
    later = (after[-1].at - onset).total_seconds()
    if earlier <= 0 or later <= 0:
        return None
    return (len(after) / later) / (len(before) / earlier)


@dataclass(frozen=True, slots=True)
class _Scene:
    """The series in two, and what is known beside it."""

    before: Sequence[Seen]
    after: Sequence[Seen]
    onset: datetime
    usual: Share
    now: Share
    first_seen: Mapping[Trait, datetime]
    weights: Mapping[Trait, float]

    def rank_traits(self) -> list[Suspect]:
        earlier = _by_trait(self.before)
        return [
            self._judge(trait, held, earlier.get(trait, []))
            for trait, held in _by_trait(self.after).items()
            if self._is_candidate(trait, held)
        ]

    def _is_candidate(self, trait: Trait, held: Sequence[int]) -> bool:
        bad = sum(self.after[index].bad for index in held)
        least = _LEAST_OF_ONE if trait[0] in _OF_ONE else _LEAST
        return bool(self.now.part) and bad / self.now.part >= least

    def _judge(self, trait: Trait, held: Sequence[int], earlier: Sequence[int]) -> Suspect:
        inside = share_of([self.after[index] for index in held])
        outside = self._share_beside(held, inside)
        first = self._first_seen(trait, held, earlier)
        is_new = self._is_new(trait, first, inside, len(earlier))
        bad_at = next((self.after[i].at for i in held if self.after[i].bad), self.onset)
        lag = max(bad_at - first, timedelta())
        contrast = _contrast(inside, outside, self._share_without(earlier) if is_new else Share())
        novelty = _haste(lag) if is_new else 0.6
        if is_new and first > self.onset + _LATE:
            novelty *= 0.5
        return Suspect(
            *trait,
            score=contrast * novelty * PRIORS[trait[0]] * self.weights.get(trait, 1.0),
            covered=Share(inside.part, self.now.part),
            inside=inside,
            outside=outside,
            earlier=share_of([self.before[index] for index in earlier]),
            first_seen=first,
            lag=lag,
            is_new=is_new,
        )

    def _share_beside(self, held: Sequence[int], inside: Share) -> Share:
        """The bad ones of the calls without it, while there were calls with it."""
        every = share_of(self.after[held[0] : held[-1] + 1])
        return Share(every.part - inside.part, every.whole - inside.whole)

    def _share_without(self, earlier: Sequence[int]) -> Share:
        """The bad ones of the calls from before that lack it."""
        having = share_of([self.before[index] for index in earlier])
        return Share(self.usual.part - having.part, self.usual.whole - having.whole)

    def _first_seen(self, trait: Trait, held: Sequence[int], earlier: Sequence[int]) -> datetime:
        known = self.first_seen.get(trait)
        seen = self.before[earlier[0]].at if earlier else self.after[held[0]].at
        return min(known, seen) if known else seen

    def _is_new(self, trait: Trait, first: datetime, inside: Share, earlier: int) -> bool:
        """Is it first seen within the series, and not only too rare to have been seen sooner?"""
        if not self.before or first < self.before[0].at:
            return False
        if trait in self.first_seen:
            return True
        lacking = bisect_left(self.before, first, key=lambda row: row.at)
        usually = inside.whole / max(1, self.now.whole)
        return earlier < inside.whole and (1 - usually) ** lacking < _UNSEEN

    def rank_changes(self, changes: Sequence[Change]) -> list[Suspect]:
        rows = [*self.before, *self.after]
        return [self._judge_change(change, rows) for change in changes] if self.now.part else []

    def _judge_change(self, change: Change, rows: Sequence[Seen]) -> Suspect:
        split = bisect_left(rows, change.at, key=lambda row: row.at)
        inside, earlier = share_of(rows[split:]), share_of(rows[:split])
        covered = sum(row.bad for row in self.after if row.at >= change.at)
        lag = self.onset - change.at
        haste = _haste(lag) if lag >= -_LATE else 0.3
        weight = PRIORS.get(change.kind, 0.6) * self.weights.get((change.kind, change.key), 1.0)
        return Suspect(
            change.kind,
            change.key,
            score=_contrast(inside, Share(), earlier) * haste * weight,
            covered=Share(covered, self.now.part),
            inside=inside,
            outside=Share(),
            earlier=earlier,
            first_seen=change.at,
            lag=lag,
            is_new=True,
        )

    def tell_apart(self, found: Sequence[Suspect]) -> list[Suspect]:
        """Say of each which better one the same calls have, by Jaccard's index."""
        held = {trait: set(rows) for trait, rows in _by_trait(self.after).items()}
        told: list[Suspect] = []
        for suspect in found:
            own = held.get(suspect.trait, set())
            along = next(
                (
                    better.trait
                    for better in told
                    if better.along is None
                    and better.grade != "ruled out"
                    and own
                    and _alike(own, held.get(better.trait, set()))
                ),
                None,
            )
            told.append(replace(suspect, along=along))
        return told


def _by_trait(rows: Sequence[Seen]) -> dict[Trait, list[int]]:
    """The places of the rows that have each trait."""
    found: dict[Trait, list[int]] = {}
    for index, row in enumerate(rows):
        for trait in row.traits:
            found.setdefault(trait, []).append(index)
    return found


def _contrast(inside: Share, outside: Share, fill: Share) -> float:
    """Matthews' coefficient, 0 where it is negative; ``outside`` is filled up from ``fill``.

    One call is added to each of the four counts, so that few calls prove little.
    """
    missing = min(fill.whole, max(0, inside.whole - outside.whole))
    bad_without = outside.part + missing * fill.value + 1
    good_without = outside.whole - outside.part + missing * (1 - fill.value) + 1
    if outside.whole + missing == 0:
        return 0.0
    bad, good = inside.part + 1, inside.whole - inside.part + 1
    below = (bad + good) * (bad_without + good_without) * (bad + bad_without)
    below *= good + good_without
    return max(0.0, (bad * good_without - good * bad_without) / sqrt(below))


def _haste(lag: timedelta) -> float:
    """1 where the first bad call came at once, less the longer it took."""
    return 0.6 + 0.4 * exp(-max(0.0, lag.total_seconds()) / _SOON)


def _alike(one: set[int], other: set[int]) -> bool:
    return len(one & other) >= _SAME * len(one | other) if other else False

"""After the fix: publish what a replay proved, check that the rate is down, close, and reopen an
incident that recurs."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.urls import reverse
from django.utils import timezone

from console.accounts.models import User
from conversations.incidents.front import read_numbers
from conversations.incidents.lifecycle import reopen, set_status
from conversations.incidents.records import Incident, IncidentEvent
from conversations.incidents.recovery import Recovery, calls_needed, compare, has_recurred
from conversations.incidents.scope import scope_of, within
from conversations.replay.records import Replay, ReplayOutcome, ReplayVariant
from conversations.replay.statistics import Pairs, Share, majority, pair, share
from conversations.search.query import Query
from conversations.search.reading import count_matches
from tools_registry.models import ToolVersion

logger = logging.getLogger(__name__)
BUDGET = 2.0
"""Seconds that one count may take."""
WATCHED = timedelta(days=30)
"""How long a resolved incident is watched for recurrence."""


# ---- what a replay proved


@dataclass(frozen=True, slots=True)
class Proof:
    """A variant of a replay against its control, by the majority of each case's trials."""

    replay: Replay
    variant: ReplayVariant
    right: Share
    control: Share
    pairs: Pairs

    @property
    def url(self) -> str:
        return replay_url(self.replay)

    @property
    def text(self) -> str:
        """What it proved, in one line."""
        return (
            f"{self.variant.name}: {self.right} right, as recorded {self.control.part} of"
            f" {self.control.whole}; {self.pairs.only_variant} fixed,"
            f" {self.pairs.only_control} newly broken"
        )


def replay_url(replay: Replay) -> str:
    return reverse("conversations:replay", args=[replay.project.slug, replay.number])


def read_proofs(incident: Incident, most: int = 5) -> list[Proof]:
    """The variants of the incident's last replays that are over, the best first: most cases
    right, fewest newly broken."""
    rows = incident.replays.select_related("project").exclude(status__in=["running", "paused"])
    proofs = [proof for row in rows.order_by("-pk")[:most] for proof in proofs_of(row)]
    return sorted(
        proofs,
        key=lambda one: (
            -(one.right.value or 0),
            one.pairs.only_control,
            one.variant.position,
            -one.replay.pk,
        ),
    )


def proofs_of(replay: Replay) -> Iterator[Proof]:
    """Every variant beside the control of which any case is judged."""
    trials: dict[int, dict[Any, list[bool | None]]] = defaultdict(lambda: defaultdict(list))
    rows = ReplayOutcome.objects.filter(replay=replay, status="done")
    for variant, case, passed in rows.values_list("variant_id", "case_id", "passed"):
        trials[variant][case].append(passed)
    control, *others = replay.variants.order_by("position")
    for row in others:
        right = _count_right(trials[row.pk])
        if right.whole:
            pairs = pair(trials[control.pk], trials[row.pk])
            yield Proof(replay, row, right, _count_right(trials[control.pk]), pairs)


def _count_right(cases: Mapping[Any, list[bool | None]]) -> Share:
    judged = [told for trials in cases.values() if (told := majority(trials)) is not None]
    return share(sum(judged), len(judged))


# ---- the check


@dataclass(frozen=True, slots=True)
class Fix:
    """When the fix took effect. ``version`` is what was published, None where it was mitigated
    otherwise. ``is_seen`` says whether traffic has brought it since."""

    at: datetime
    version: ToolVersion | None = None
    is_seen: bool = True


@dataclass(frozen=True, slots=True)
class Check:
    """``recovery`` is None where it cannot be told, which ``reason`` explains. ``needed`` calls
    without a misfire are still needed to tell."""

    fix: Fix | None
    recovery: Recovery | None = None
    reason: str = ""
    needed: int | None = None

    @property
    def is_down(self) -> bool:
        return self.recovery is not None and self.recovery.state == "down"

    @property
    def text(self) -> str:
        """The check in a sentence or two."""
        found = self.recovery
        if found is None or found.drop is None or self.reason:
            return self.reason
        points = f"{100 * found.drop:.0f} points (95% CI {100 * found.low:.0f} to"
        points += f" {100 * found.high:.0f}, exact)"
        shares = f"{found.after} since the fix, {found.before} before"
        if found.state == "down":
            return f"The misfire rate is down by {points}: {shares}."
        if found.state == "up":
            return f"The misfire rate is up: {shares}."
        more = f" {self.needed:,} further calls without one would tell." if self.needed else ""
        return f"It cannot be told yet that the rate is down: {shares}.{more}"


def find_fix(incident: Incident) -> Fix | None:
    """The last version that was published for it, from when traffic brought it; else when the
    incident was mitigated."""
    event = incident.events.filter(kind="published").order_by("-at", "-pk").first()
    if event is None:
        return Fix(incident.mitigated_at) if incident.mitigated_at else None
    version = ToolVersion.objects.filter(
        project=incident.project, pk=event.detail.get("version")
    ).first()
    if version is None:
        return Fix(event.at)
    seen, last = version.first_seen_at, version.last_seen_at
    if last is None or last < event.at:
        return Fix(event.at, version, is_seen=False)
    return Fix(max(event.at, seen or event.at), version)


def check(incident: Incident, now: datetime | None = None) -> Check:
    """Misfires before the fix against those since, of the calls that the filter is counted of."""
    now = now or timezone.now()
    fix = find_fix(incident)
    if fix is None:
        reason = "No fix is noted: publish one, or set the incident to mitigated when one is out."
        return Check(None, reason=reason)
    if not incident.query:
        reason = "The incident has no filter, so there is nothing to count since the fix."
        return Check(fix, reason=reason)
    before = count_misfires(incident, incident.since, fix.at, now)
    after = count_misfires(incident, fix.at, None, now)
    if before is None or after is None:
        return Check(fix, reason="Counting took too long. Narrow the incident's filter.")
    recovery = compare(before, after)
    if recovery.state == "nothing":
        reason = "No call since the fix, so nothing can be told yet."
        if not fix.is_seen:
            reason = f"{fix.version} was not seen in traffic yet: deploy it, then look again."
        return Check(fix, recovery, reason)
    needed = calls_needed(recovery) if recovery.state == "unclear" else None
    return Check(fix, recovery, needed=needed)


def count_misfires(
    incident: Incident, since: datetime, until: datetime | None, now: datetime
) -> tuple[int, int] | None:
    """What the filter finds from the second of ``since`` to before that of ``until``, None for up
    to now, and what that is counted of. None where it takes too long."""
    impact, _ = read_numbers(incident, now)
    scope = scope_of(incident, impact.tools)
    whole = _count(incident, scope.base, since, until, now)
    part = _count(incident, scope.bad, since, until, now) if whole else whole
    if whole is None or part is None:
        return None
    return min(part, whole), whole


def _count(
    incident: Incident, query: Query, since: datetime, until: datetime | None, now: datetime
) -> int | None:
    kind = scope_of(incident).kind
    # ``within`` takes its end with its second.
    asked = within(query, since, until and until - timedelta(seconds=1))
    return count_matches(incident.project, asked, kind, budget=BUDGET, now=now)


# ---- closing, and reopening


def close(incident: Incident, user: User, note: str = "") -> Check:
    """Resolve the incident; what the check said stands with that in its timeline."""
    found = check(incident)
    text = " ".join(part for part in (note.strip(), found.text) if part)
    if set_status(incident, "resolved", by=user, note=text) and found.recovery:
        event = incident.events.filter(kind="resolved").latest("at")
        after = found.recovery.after
        event.detail |= {"after": [after.part, after.whole]}
        event.save(update_fields=["detail"])
    return found


def reopen_recurring(now: datetime | None = None) -> int:
    """Reopen the resolved incidents whose misfires are back; how many.

    Back is: at least three since it was resolved, and their share is by its interval above what
    was to be expected: the share since the fix when it was resolved, else that of the day before
    the incident. What fails with one does not keep the others.
    """
    now = now or timezone.now()
    rows = Incident.objects.filter(status="resolved", resolved_at__gte=now - WATCHED)
    reopened = 0
    for row in rows.exclude(query="").select_related("project"):
        try:
            reopened += _look(row, now)
        except Exception:
            logger.exception("Incident %s could not be looked at again", row.pk)
    return reopened


def _look(incident: Incident, now: datetime) -> bool:
    assert incident.resolved_at is not None, "it is resolved"
    found = count_misfires(incident, incident.resolved_at, None, now)
    if found is None or not found[0]:
        return False
    since, expected = share(*found), _expect(incident, now)
    if not has_recurred(expected, since):
        return False
    reason = f"It is back: {since} since it was resolved, expected {expected}"
    return reopen(incident, reason=reason)


def _expect(incident: Incident, now: datetime) -> Share:
    event = IncidentEvent.objects.filter(incident=incident, kind="resolved").latest("at")
    if "after" in event.detail and event.detail["after"][1]:
        return share(*event.detail["after"])
    usual = read_numbers(incident, now)[0].usual
    return share(usual.part, usual.whole) if usual else Share(0, 0, 0.0, 0.0)

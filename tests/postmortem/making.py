"""A night with its incident, and a replay of it that is over, as rows."""

from __future__ import annotations

from typing import Any

from django.utils import timezone

from console.accounts.models import Project
from console.lib import json
from conversations.incidents.joining import join
from conversations.incidents.opening import open_incident
from conversations.incidents.records import Incident
from conversations.replay.records import Replay, ReplayCase, ReplayOutcome, ReplayVariant
from conversations.replay.turns import cases_of_turns
from tests.incidents.world import GOOD, Night, make_night

DRAFT = {**GOOD, "description": "Get the weather of a city now. Use ONLY for present conditions."}


def make_incident(project: Project | None = None) -> tuple[Night, Incident]:
    """The night's rejected calls of get_weather, which have joined."""
    night = make_night(project)
    incident = open_incident(
        night.project,
        title="get_weather rejects calls",
        query="tool:get_weather verdict:rejected",
        since=night.start,
        alert="87% of 137 calls rejected",
    )
    join(incident)
    return night, incident


def make_replay(incident: Incident, *, fixed: int = 4, cases: int = 4) -> Replay:
    """Of ``cases`` turns the control has none right, the draft ``fixed``."""
    now = timezone.now()
    replay = Replay.objects.create(
        project=incident.project, number=31, title="v2 mended", incident=incident,
        status="finished", created_at=now, touched_at=now, finished_at=now,
    )  # fmt: skip
    tool = {"type": "function", "function": DRAFT}
    changed = {"name": "Draft", "replaced": {"get_weather": tool}}
    bodies: list[dict[str, Any]] = [{"name": "As recorded"}, changed]
    variants = [
        ReplayVariant.objects.create(
            replay=replay, position=at, name=body["name"], body=json.dump(body)
        )
        for at, body in enumerate(bodies)
    ]
    turns = list(incident.turns.order_by("at").values_list("turn_id", flat=True)[:cases])
    for at, case in enumerate(cases_of_turns(incident.project, turns)):
        row = ReplayCase.objects.create(
            replay=replay, position=at, key=case.key, title=case.title,
            body=json.dump(case.to_json()),
        )  # fmt: skip
        for variant in variants:
            ReplayOutcome.objects.create(
                replay=replay, variant=variant, case=row, trial=1, status="done",
                passed=variant.position == 1 and at < fixed,
            )  # fmt: skip
    return replay

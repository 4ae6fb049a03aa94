"""A night's incident, the draft that mends it, and a scripted model that answers as it did then."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.utils import timezone

from console.accounts.models import Project
from console.lib import json
from conversations.incidents.joining import join_all
from conversations.incidents.opening import open_incident
from conversations.incidents.records import Incident
from conversations.models import Connection
from conversations.replay import engine
from conversations.replay.records import Replay
from tests.factories import People, make_people, make_tool_version, make_toolset
from tests.incidents.world import BAD, GOOD, Night, add_calls
from tests.pages.desk import make_scripts
from tools_registry.models import ToolDraft
from tools_registry.publishing import start_draft

CALL = {"name": "get_weather", "arguments": '{"city": "Oslo", "temperature": "celsius"}'}
FILTER = "tool:get_weather verdict:rejected"


@dataclass
class Desk:
    """``connection`` answers with the recorded call as gpt-4-0125, and with a text as talker."""

    people: People
    night: Night
    incident: Incident
    connection: Connection
    draft: ToolDraft

    def url(self, *parts: object) -> str:
        place = "/".join(map(str, parts))
        return f"/p/{self.people.project.slug}/replays/{place}{'/' if place else ''}"

    def form(self, **more: Any) -> dict[str, Any]:
        """What the form sends for the incident and its draft; no model is asked."""
        return {
            "mode": "no_model",
            "incident": self.incident.number,
            "last": "3",
            "trials": "2",
            "variants": "1",
            "v0-tools": "1",
            "v0-t0-name": "get_weather",
            "v0-t0-to": f"d:{self.draft.pk}",
            **more,
        }


def make_short_night(project: Project) -> Night:
    """Four bad calls a minute after v2 was first seen, and one good call before."""
    start = (timezone.now() - timedelta(hours=1)).replace(microsecond=0)
    versions = [
        make_tool_version(project, definition, origin="observed", first_seen_at=seen)
        for definition, seen in ((GOOD, start - timedelta(days=9)), (BAD, start))
    ]
    sets = {version.pk: make_toolset(version) for version in versions}
    night = Night(project, start, versions[0], versions[1], sets)
    bad = [(start + timedelta(minutes=1 + n), True) for n in range(4)]
    add_calls(night, [(start - timedelta(minutes=5), False), *bad])
    return night


def make_desk() -> Desk:
    people = make_people()
    night = make_short_night(people.project)
    incident = open_incident(
        people.project,
        title="get_weather rejects most calls since v2",
        severity="high",
        kind="calls",
        query=FILTER,
        since=night.start,
        by=people.bob.user,
    )
    join_all()
    scripts = {"gpt-4-0125": {"calls": [CALL]}, "talker": {"text": "Cold,\nI think."}}
    connection = make_scripts(people.project, **scripts)
    tool = night.v2.tool
    text = json.pretty(GOOD | {"description": "The weather of a city now, never a forecast."})
    draft = start_draft(people.project, text, user=people.bob.user, tool=tool, base=night.v2)
    return Desk(people, night, incident, connection, draft)


def work(row: Replay) -> Replay:
    """What workers do with it."""
    end = time.monotonic() + 20
    while not engine.run(row.pk).is_over:
        assert time.monotonic() < end, "it did not end in time"
    row.refresh_from_db()
    return row

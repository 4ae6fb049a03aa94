"""Replayed conversations that wait for a person to answer a tool call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from django.db import transaction

from console.lib import json
from conversations.replay import control
from conversations.replay.records import Replay, ReplayOutcome


class NotWaiting(ValueError):
    """The answer cannot be taken; the text says why and what to do."""


@dataclass(frozen=True, slots=True)
class Question:
    """A call that no policy could answer: its ``place`` in the last round."""

    place: int
    name: str
    arguments: str


def questions_of(outcome: ReplayOutcome) -> Sequence[Question]:
    """What a person is asked; nothing where the outcome waits for nobody."""
    if outcome.status != "waiting" or not outcome.waiting:
        return ()
    return [
        Question(one["place"], one["name"], one["arguments"])
        for one in json.load(outcome.waiting)["calls"]
    ]


def answer(outcome: ReplayOutcome, contents: Mapping[int, str]) -> None:
    """Answer all of its calls by their places; the conversation goes on. Raises ``NotWaiting``."""
    with transaction.atomic():
        row = ReplayOutcome.objects.select_for_update().get(pk=outcome.pk)
        if row.status != "waiting":
            raise NotWaiting("It waits for no answer any longer. Reload the page.")
        asked = json.load(row.waiting)
        lacking = [one["name"] for one in asked["calls"] if one["place"] not in contents]
        if lacking:
            raise NotWaiting(f"Answer {', '.join(lacking)}, too.")
        for one in asked["calls"]:
            one["content"] = contents[one["place"]]
        row.waiting, row.status = json.dump(asked), "open"
        row.save(update_fields=["waiting", "status"])
        if Replay.objects.filter(pk=row.replay_id, status="running").exists():
            transaction.on_commit(lambda: control.send(row.replay_id))

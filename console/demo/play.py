"""Plays the demonstration into a project, through the door that files of traffic come in by."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from datetime import datetime

from console.accounts.models import Project, User
from console.demo import stage
from console.demo.everyday import everyday
from console.demo.stories import stories
from console.demo.three_models import compare
from console.demo.writing import Record
from console.lib import json
from conversations.ingest.batch import read_batch
from conversations.ingest.store import Outcome, Sender, store_entries

SEED = 20240203
AT_ONCE = 200


def records(until: datetime, seed: int, a_day: int) -> list[Record]:
    """All turns in the order of their times, up to ``until``."""
    chance = random.Random(seed)
    told = [*everyday(until, chance, a_day=a_day), *stories(until, chance)]
    end = until.isoformat()
    return sorted((one for one in told if one["at"] < end), key=lambda one: str(one["at"]))


def play(
    project: Project,
    user: User,
    until: datetime,
    *,
    seed: int = SEED,
    a_day: int = 200,
    tell: Callable[[int, int], None] = lambda done, whole: None,
) -> Outcome:
    """Set up, send everything, and do what people did. ``tell`` gets the turns sent and all.

    Sent again into the same project it is found to be there already.
    """
    stage.prepare(project, user)
    wanted = records(until, seed, a_day)
    total, sender = Outcome(), Sender(project, "file")
    for batch in _batches(wanted):
        entries = read_batch(json.dump_bytes(batch), "application/json")
        total += store_entries(sender, entries, source="demo")
        tell(total.sent, len(wanted))
    stage.conclude(project, user, until)
    compare(project, user, until)
    return total


def _batches(wanted: list[Record]) -> Iterator[list[Record]]:
    for begin in range(0, len(wanted), AT_ONCE):
        yield wanted[begin : begin + AT_ONCE]

"""Whatever order turns arrive in, and however they are cut into batches, the rows are the same."""

from __future__ import annotations

import random
import threading
from typing import Any

import pytest
from django.db import connection, connections
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.strategies import DataObject

from console.accounts.models import Project
from conversations.ingest.store import store, toolsets
from conversations.models import Conversation, IngestTally, ToolCall, Turn
from tests.factories import make_project
from tests.store.talks import (
    ask,
    assistant,
    read,
    rebuilt,
    request_of,
    rows,
    talk,
    tool,
    turn,
    user,
)


def branching() -> list[dict[str, Any]]:
    """A talk whose ids repeat, with a retry, a rewritten branch, errors and an empty result."""
    bodies = talk(4)
    last = bodies[-1]["request"]["messages"]
    asked = bodies[1]["request"]["messages"]
    answer = assistant(ask("Bergen"), ask("Bergen", "call_2"))
    failed = [*asked, answer, tool('{"error": "no such city"}'), tool("sun", "call_2")]
    again = assistant(ask("Bergen", "call_3"))
    return [
        *bodies,
        turn("retry", last, assistant(ask("Oslo 3")), after=3.5),
        turn("branch", asked, answer, after=10),
        turn("branch-2", failed, again, after=11),
        turn("branch-3", [*failed, again, tool("null", "call_3")], assistant(text="17°"), after=12),
        turn("other", [user("Alone")], conversation="second", after=2),
        turn("other-2", [user("Alone"), assistant(text="Fine."), user("?")], conversation="second",
             after=4),
    ]  # fmt: skip


def store_cut(project: Project, bodies: list[dict[str, Any]], cuts: list[int]) -> None:
    start = 0
    for end in [*sorted(cuts), len(bodies)]:
        store(project, read(*bodies[start:end]), door="api")
        start = end


@pytest.mark.django_db
@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_order_and_batches_make_no_difference(data: DataObject) -> None:
    project = make_project()
    bodies = branching()
    arrived = data.draw(st.permutations(bodies))
    cuts = data.draw(st.lists(st.integers(0, len(bodies)), max_size=6))
    store(project, read(*bodies), door="api")
    expected = rows(project)
    assert rebuilt(project) == {body["id"]: request_of(body) for body in bodies}
    _clear(project)
    store_cut(project, arrived, cuts)
    assert rows(project) == expected


def _clear(project: Project) -> None:
    """Take the turns away and leave the project, as ids are made of it."""
    ToolCall.objects.filter(project=project).delete()
    Turn.objects.filter(project=project).delete()
    Conversation.objects.filter(project=project).delete()
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM conversations_turnkey WHERE project_id = %s", [project.pk])


@pytest.mark.django_db
def test_what_was_branched_is_joined_right() -> None:
    project = make_project()
    store(project, read(*branching()), door="api")
    calls = {
        (call.turn_id, call.position): call for call in ToolCall.objects.filter(project=project)
    }
    turns = {one.key: one for one in Turn.objects.filter(project=project)}
    assert turns["retry"].parent_id == turns["talk-3"].pk and turns["retry"].new_messages == []
    assert turns["branch"].parent_id == turns["talk-1"].pk
    assert turns["branch-3"].inherited_count == turns["branch-2"].message_count
    first, second = calls[turns["branch"].pk, 0], calls[turns["branch"].pk, 1]
    assert first.result == '{"error": "no such city"}' and second.result == "sun"
    assert calls[turns["talk-1"].pk, 0].result == "rain 1"
    assert "swallowed_error" in first.codes


@pytest.mark.django_db(transaction=True)
def test_writers_that_meet_lose_nothing() -> None:
    project = make_project()
    bodies = [body for number in range(12) for body in talk(3, f"talk {number}", f"City {number}")]
    failures: list[BaseException] = []

    def write(seed: int) -> None:
        order = random.Random(seed)
        mine = order.sample(bodies, len(bodies))
        try:
            for start in range(0, len(mine), 7):
                store(project, read(*mine[start : start + 7]), door="api")
        except BaseException as error:
            failures.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=write, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    assert Turn.objects.count() == len(bodies)
    assert {(one.turn_count, one.call_count) for one in Conversation.objects.all()} == {(3, 3)}
    assert rebuilt(project) == {body["id"]: request_of(body) for body in bodies}
    tallies = IngestTally.objects.all()
    assert sum(one.sent for one in tallies) == 4 * len(bodies)
    assert sum(one.stored for one in tallies) == len(bodies)
    assert sum(one.duplicate for one in tallies) == 3 * len(bodies)
    concurrent = rows(project)
    _clear(project)
    toolsets.forget()
    store(project, read(*bodies), door="api")
    assert rows(project) == concurrent

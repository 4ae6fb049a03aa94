"""The demonstration tells its stories through the real door."""

from __future__ import annotations

import random
from datetime import UTC, datetime
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db.models import Count

from console.accounts.models import Project
from console.demo.everyday import everyday
from console.demo.play import records
from console.demo.stories import CANCELLED_PLANS, REPEATED
from console.demo.toolbox import EVERYTHING
from conversations.incidents.records import Incident
from conversations.models import Label, ToolCall, Turn
from conversations.suites.records import SuiteCase
from tests.factories import make_user

NOW = datetime(2026, 3, 14, 12, 30, tzinfo=UTC)


def test_the_same_seed_gives_the_same_records() -> None:
    assert records(NOW, 7, 4) == records(NOW, 7, 4)
    assert records(NOW, 7, 4) != records(NOW, 8, 4)


def test_records_come_in_order_and_end_now() -> None:
    told = [one["at"] for one in records(NOW, 7, 20)]
    assert told == sorted(told)
    assert told[-1] < NOW.isoformat()
    assert len({one["id"] for one in records(NOW, 7, 20)}) == len(told)


def test_a_router_offers_fewer_functions_after_two_weeks() -> None:
    assert len(EVERYTHING) == 47
    sizes = [len(one["request"]["tools"]) for one in everyday(NOW, random.Random(1), a_day=20)]
    assert sizes[0] == 47
    assert sizes[-1] < 8


@pytest.mark.django_db
def test_a_project_in_which_every_story_can_be_found() -> None:
    make_user("rita@example.com", is_superuser=True)
    call_command("demo", a_day=1, stdout=StringIO(), stderr=StringIO())
    project = Project.objects.get()
    check_stories(project)
    check_what_people_did(project)
    with pytest.raises(CommandError, match="--again"):
        call_command("demo", a_day=1)


def check_stories(project: Project) -> None:
    calls = ToolCall.objects.filter(project=project)
    found = dict(
        calls.filter(codes__len__gt=0).values_list("conversation__key").annotate(Count("pk"))
    )
    codes = {
        story: {
            code
            for row in calls.filter(conversation__key__startswith=f"{story}-").values("codes")
            for code in row["codes"]
        }
        for story in ("plans", "inject", "talked", "clothes", "taz", "loop", "ahead", "moon")
    }
    assert found["loop-0001"] >= REPEATED - 5
    assert "wrong_tool" in codes["plans"]
    assert "sql_injection" in codes["inject"]
    assert "confirmation_missing" in codes["talked"]
    assert {"missing_required", "unexpected_parameter", "retry_storm"} <= codes["clothes"]
    assert "tool_not_offered" in codes["taz"]
    assert {"repeated_call"} <= codes["loop"]
    assert "wrong_tool" in codes["ahead"]
    assert {"implausible_value", "swallowed_error"} <= codes["moon"]
    turns = Turn.objects.filter(project=project, conversation__key__startswith="thought-")
    assert {"no_call_when_required", "missed_call"} <= {c for t in turns for c in t.codes}
    assert not Turn.objects.filter(project=project).exclude(source="demo").exists()


def check_what_people_did(project: Project) -> None:
    assert Label.objects.filter(project=project).count() == CANCELLED_PLANS
    assert SuiteCase.objects.filter(suite__project=project).count() == CANCELLED_PLANS
    broken, cancelled = Incident.objects.filter(project=project).order_by("number")
    assert broken.turns.count() > 80
    assert cancelled.turns.count() == CANCELLED_PLANS


@pytest.mark.django_db
def test_it_asks_for_a_first_user() -> None:
    with pytest.raises(CommandError, match="no user yet"):
        call_command("demo")

"""Calls are judged again after a rule changed; what was said before stays beside it."""

from __future__ import annotations

import pytest
from django.utils import timezone

from console.lib import json
from conversations.ingest.store import store
from conversations.ingest.store.again import judge_again
from conversations.ingest.store.waiting import judge_waiting
from conversations.models import Conversation, ToolCall, Turn
from tests.factories import make_project
from tests.store.talks import ask, assistant, read, rows, talk, turn, user
from tools_registry.models import Tool

pytestmark = pytest.mark.django_db


def test_nothing_changes_where_no_rule_did() -> None:
    project = make_project()
    store(project, read(*talk(4)), door="api")
    assert judge_waiting(timezone.now()) == 1
    before = rows(project)
    assert judge_again(project, [Conversation.objects.get().pk]) == 0
    assert rows(project) == before


def test_the_former_verdict_stays_beside_the_new() -> None:
    project = make_project()
    asked = assistant(ask("Oslo", name="send_mail"))
    body = turn("a", [user("Hi")], asked, at=timezone.now())
    store(project, read(body), door="api")
    assert ToolCall.objects.get().codes == ["unknown_tool"]
    Tool.objects.create(project=project, name="send_mail")
    assert judge_again(project, [Conversation.objects.get().pk]) == 1
    call = ToolCall.objects.get()
    assert call.codes == ["tool_not_offered"]
    former = json.load(call.former)
    assert former["verdict"] == "rejected" and former["findings"][0]["code"] == "unknown_tool"
    assert Turn.objects.get().codes == ["tool_not_offered"]

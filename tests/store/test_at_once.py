"""Writers that meet never wait in a circle, and what one of them takes back is not there."""

from __future__ import annotations

import json
import random
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection, transaction

from console.accounts.models import Project
from conversations.ingest.otlp import decode
from conversations.ingest.store import Sender, toolsets
from conversations.ingest.store.tally import Outcome
from conversations.ingest.store.traces import store_spans
from conversations.models import Turn
from tests.factories import make_project
from tests.store.talks import TOOLS
from tests.store.test_otlp_door import body_of, span
from tools_registry.models import Toolset

pytestmark = pytest.mark.django_db(transaction=True)


def tool(number: int) -> dict[str, Any]:
    return {"type": "function", "function": {"name": f"tool_{number}", "description": "Does it"}}


def batch(seed: int) -> bytes:
    """Traces whose toolsets are drawn from a few tools, so that batches share their versions."""
    chance = random.Random(seed)
    spans = []
    for number in range(12):
        offered = [tool(one) for one in chance.sample(range(8), 5)]
        asked = {
            "gen_ai.operation.name": "chat",
            "gen_ai.request.model": "m",
            "gen_ai.input.messages": [{"role": "user", "parts": []}],
            "gen_ai.output.messages": [{"role": "assistant", "parts": []}],
            "gen_ai.tool.definitions": offered,
        }
        spans.append(span(number + 1, number, asked, traceId=f"{seed * 100 + number + 1:032x}"))
    return json.dumps(body_of(spans)).encode()


def store(project: Project, seed: int) -> Outcome:
    try:
        return store_spans(Sender(project, "otlp"), decode(batch(seed), "traces", "json"))
    finally:
        connection.close()


def test_new_toolsets_of_many_writers_are_kept_once_each() -> None:
    project = make_project()
    with ThreadPoolExecutor(6) as writers:
        outcomes = list(writers.map(lambda seed: store(project, seed), range(24)))
    assert sum(outcome.stored for outcome in outcomes) == 24 * 12
    kept = set(Toolset.objects.values_list("pk", flat=True))
    assert set(Turn.objects.values_list("toolset_id", flat=True)) <= kept


def test_a_toolset_that_was_taken_back_is_made_again() -> None:
    project = make_project()
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        toolsets.Offers(project).of(TOOLS)
        raise ZeroDivisionError
    offered = toolsets.Offers(project).of(TOOLS)
    assert Toolset.objects.filter(pk=offered.id).exists()

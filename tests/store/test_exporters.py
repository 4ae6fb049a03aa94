"""Real instrumentations as clients of the OTLP doors, with the real local model behind them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

import pytest

from conversations.ingest.store.traces import settle_traces
from conversations.models import ToolCall, Turn
from conversations.recording import rebuild_request
from tests.factories import make_key
from tests.store.exporting import QUESTION, RESULT

pytestmark = [pytest.mark.model, pytest.mark.django_db(transaction=True)]

_CAPTURE = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"
_LATEST = {"OTEL_SEMCONV_STABILITY_OPT_IN": "gen_ai_latest_experimental"}
CLIENTS = {
    "openai_v2, events": ("openai_v2", {_CAPTURE: "true"}),
    "openai_v2, attributes": ("openai_v2", {_CAPTURE: "SPAN_ONLY", **_LATEST}),
    "openai_v2, one event": ("openai_v2", {_CAPTURE: "EVENT_ONLY", **_LATEST}),
    "openinference": ("openinference", {}),
    "openllmetry": ("openllmetry", {"TRACELOOP_TRACE_CONTENT": "true"}),
    "pydantic_ai": ("pydantic_ai", {}),
}


def run(kind: str, environment: dict[str, str]) -> dict[str, Any]:
    """What the application saw."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.store.exporting", kind],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert "ERROR" not in done.stderr, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])  # type: ignore[no-any-return]


@pytest.mark.parametrize("client", CLIENTS)
def test_all_that_an_application_did_is_found(
    client: str, daphne_server: str, local_model: Any
) -> None:
    kind, environment = CLIENTS[client]
    key = make_key(scopes=["ingest"])[1]
    where = {
        "MISFIRE_URL": daphne_server,
        "MISFIRE_KEY": key,
        "MODEL_URL": local_model.url,
        "MODEL_KEY": local_model.key,
        "MODEL_NAME": local_model.name,
    }
    saw = run(kind, {**where, **environment})
    settle_traces()
    first, second = Turn.objects.order_by("at")
    (made,) = ToolCall.objects.filter(turn_id=first.pk)
    assert [made.name] == [call["name"] for call in saw["calls"][:1]]
    assert json.loads(made.arguments) == json.loads(saw["calls"][0]["arguments"])
    assert made.result == RESULT
    assert first.source == "otlp" and first.model == saw["model"]
    messages = rebuild_request(second)["messages"]
    assert [one["role"] for one in messages] == ["user", "assistant", "tool"]
    assert messages[0]["content"] == QUESTION
    assert second.parent_id == first.pk and second.conversation_id == first.conversation_id
    assert (first.input_tokens or 0) > 0 and (first.latency_ms or 0) > 0
    if saw["answer"]:
        assert saw["answer"] in json.loads(second.response)["content"]
    tools = rebuild_request(first).get("tools")
    if tools is not None:
        assert tools[0]["function"]["name"] == "get_weather"
        assert tools[0]["function"]["parameters"]["required"] == ["city"]
        assert made.tool_version is not None
        assert made.verdict == "accepted"
    else:
        assert "tools_not_recorded" in first.notes

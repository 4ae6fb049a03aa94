"""Connections: their pages, the race for the local one, and what a test says."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from django.db import connection as database
from django.urls import reverse

from console.lib import http
from conversations.connections import ensure_local, read_key, test_connection
from conversations.models import Connection
from conversations.providers import ProviderFault
from tests.factories import client_of, make_people, make_project
from tests.providers.upstream import TEXT, Handler, Request, Upstream, answer, delta, stream

CALL = {"index": 0, "id": "a", "function": {"name": "report_status", "arguments": "{}"}}
CALLED = [
    delta(delta={"role": "assistant", "tool_calls": [CALL]}),
    delta(delta={}, finish_reason="tool_calls"),
    b"data: [DONE]\n\n",
]
MODELS = answer(200, {"data": [{"id": "m"}, {"id": "n"}]})


def serve(chat: Handler, models: Handler = MODELS) -> Handler:
    async def handle(request: Request, writer: Any) -> None:
        await (models if request.method == "GET" else chat)(request, writer)

    return handle


async def report_of(handler: Handler, **fields: Any) -> dict[str, Any]:
    async with Upstream(handler) as upstream, http.client() as client:
        found = Connection(
            protocol="openai", name="x", base_url=upstream.url, model_names=["m"], **fields
        )
        report = await test_connection(found, client)
    return {check.code or check.name: check for check in report.checks if check.state != "ok"}


@pytest.fixture(autouse=True)
def _loopback(settings: Any) -> None:
    settings.OUTBOUND_ALLOW = ["127.0.0.1"]


async def test_a_connection_that_works_says_so() -> None:
    assert await report_of(serve(stream(*CALLED))) == {}


@pytest.mark.parametrize(
    ("handler", "code", "words"),
    [
        (serve(stream(*TEXT), answer(401, {})), "unauthorized", "key"),
        (serve(answer(404, {"error": {"message": "no m"}})), "not_found", "model"),
        (serve(stream(*TEXT), answer(200, {"data": [{"id": "z"}]})), "Model", "not among"),
        (
            serve(answer(400, {"error": {"message": "m does not support tools"}})),
            "bad_request",
            "tools",
        ),
        (
            serve(
                answer(
                    200,
                    {
                        "choices": [
                            {
                                "index": 0,
                                "message": {"role": "assistant", "content": "hi"},
                                "finish_reason": "stop",
                            }
                        ]
                    },
                )
            ),
            "not_streaming",
            "whole",
        ),
        (
            serve(stream(*CALLED, date="Mon, 01 Jan 2024 00:00:00 GMT")),
            "clock",
            "NTP",
        ),
    ],
)
async def test_it_says_precisely_what_is_wrong(handler: Handler, code: str, words: str) -> None:
    wrong = await report_of(handler)
    assert code in wrong, wrong
    assert words in wrong[code].detail


async def test_a_model_without_tools_still_answers_without() -> None:
    async def chat(request: Request, writer: Any) -> None:
        refused = answer(400, {"error": {"message": "m does not support tools"}})
        await (refused if "tools" in request.json else stream(*TEXT))(request, writer)

    wrong = await report_of(serve(chat))
    assert list(wrong) == ["no_tool_support"]


async def test_an_endpoint_without_a_list_of_models_may_still_work() -> None:
    wrong = await report_of(serve(stream(*CALLED), answer(404, {})))
    assert [check.state for check in wrong.values()] == ["skipped"]


async def test_a_missing_key_names_its_variable() -> None:
    wrong = await report_of(serve(stream(*TEXT)), key_variable="NOT_SET_API_KEY")
    assert "NOT_SET_API_KEY_FILE" in wrong["key_missing"].detail


def test_a_key_is_read_from_a_file_too(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "key").write_text("sk-1\n")
    monkeypatch.setenv("SOME_API_KEY_FILE", str(tmp_path / "key"))
    assert read_key("SOME_API_KEY") == "sk-1"


@pytest.mark.parametrize("name", ["SECRET_KEY", "DATABASE_URL", "PATH"])
def test_no_other_variable_can_be_named_as_a_key(name: str) -> None:
    with pytest.raises(ProviderFault, match="may not be read"):
        read_key(name)


def test_every_project_gets_one_local_connection_however_many_ask(
    transactional_db: None, settings: Any
) -> None:
    settings.LOCAL_MODEL_URL = "http://127.0.0.1:1/v1"
    project = make_project()
    found = []

    def ask() -> None:
        found.append(ensure_local(project))
        database.close()

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({made.pk for made in found if made}) == 1 == Connection.objects.count()


def test_a_page_adds_changes_and_archives(db: None) -> None:
    people = make_people()
    client = client_of(people.bob)
    slug = people.project.slug
    page = reverse("conversations:connection-list", args=[slug])
    assert "No connection yet" in client.get(page).content.decode()
    sent = {"name": "Mistral", "protocol": "openai", "base_url": "https://api.mistral.ai/v1/"}
    sent |= {"key_variable": "MISTRAL_API_KEY", "api": "chat", "models": "a\nb\na"}
    client.post(reverse("conversations:connection-add", args=[slug]), sent)
    made = Connection.objects.get()
    assert (made.base_url, made.model_names) == ("https://api.mistral.ai/v1", ["a", "b"])
    assert "MISTRAL_API_KEY" in client.get(page).content.decode()
    edit = reverse("conversations:connection-edit", args=[slug, made.pk])
    client.post(edit, {**sent, "name": "Other", "protocol": "anthropic"})
    made.refresh_from_db()
    assert (made.name, made.protocol) == ("Other", "anthropic")
    client.post(reverse("conversations:connection-archive", args=[slug, made.pk]))
    made.refresh_from_db()
    assert made.archived_at is not None


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("key_variable", "sk-1234", "not the key itself"),
        ("base_url", "file:///etc/passwd", "begins with https"),
        ("base_url", "https://user:pass@host/v1", "Leave credentials"),
        ("scripts", "{", "not JSON"),
        ("scripts", '{"a": {"tex": ""}}', "no field tex"),
        ("scripts", '{"a": {"when": [["x", {"tex": ""}]]}}', "no field tex"),
        ("scripts", '{"a": {"when": [["x"]]}}', "when 0 is not"),
        ("name", "", "required"),
    ],
)
def test_a_bad_entry_says_what_to_enter(db: None, field: str, value: str, words: str) -> None:
    people = make_people()
    page = reverse("conversations:connection-add", args=[people.project.slug])
    sent = {"name": "x", "protocol": "scripted", field: value}
    response = client_of(people.bob).post(page, sent)
    assert response.status_code == 422 and words in response.content.decode()


def test_a_page_tests_a_connection(transactional_db: None) -> None:
    people = make_people()
    made = Connection.objects.create(project=people.project, name="Demo", protocol="scripted")
    page = reverse("conversations:connection-test", args=[people.project.slug, made.pk])
    body = {"model": "text-only"}
    response = client_of(people.rita).post(page, body, headers={"HX-Request": "true"})
    text = response.content.decode()
    assert "Demo: works" in text and "<html" not in text
    assert "<html" in client_of(people.rita).post(page, body).content.decode()


async def test_the_local_model_passes_its_test(local_model: Any, settings: Any) -> None:
    settings.LOCAL_MODEL_URL, settings.LOCAL_MODEL_KEY = local_model.url, local_model.key
    found = Connection(protocol="local", name="Local", model_names=[local_model.name])
    async with http.client() as client:
        report = await test_connection(found, client)
    assert report.works, report.checks
    assert report.models == [local_model.name]

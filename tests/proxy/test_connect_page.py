"""The page that tells how to connect an application: what it says works when it is run."""

from __future__ import annotations

import ast
import html
import json
import os
import re
import shlex
import subprocess
from typing import Any

import pytest
from django.test import Client

from conversations.doors.proxy.snippets import Target, write_snippets
from tests.factories import client_of, make_connection, make_key, make_member, make_people
from tests.providers.upstream import Upstream, answer
from tests.proxy.asking import Owner, in_thread, stored
from tests.proxy.conftest import Web
from tests.proxy.test_passing import WHOLE

MESSAGE = {
    "id": "m",
    "type": "message",
    "role": "assistant",
    "model": "m",
    "content": [{"type": "text", "text": "Hello"}],
    "stop_reason": "end_turn",
    "usage": {"input_tokens": 1, "output_tokens": 1},
}


def snippets_of(page: str) -> dict[str, str]:
    """The code on the page by the id of its section."""
    found = re.findall(r'<article id="([\w-]+)".*?<code>(.*?)</code>', page, re.DOTALL)
    return {slug: html.unescape(code) for slug, code in found}


def read_page(owner: Owner, host: str) -> str:
    client = client_of(make_member(owner.project, "viewer"))
    response = client.get(f"/p/{owner.project.slug}/connect/", headers={"host": host})
    assert response.status_code == 200
    return response.content.decode()


@pytest.mark.django_db
def test_it_names_the_projects_own_connections_and_address() -> None:
    people = make_people()
    make_connection(people.project, name="My models", model_names=["gpt-x"])
    make_connection(people.project, name="claude", protocol="anthropic", model_names=["c-1"])
    make_connection(name="of another project")
    text = client_of(people.vera).get(f"/p/{people.project.slug}/connect/").content.decode()
    code = snippets_of(text)
    assert "http://testserver/proxy/My%20models/v1" in code["openai-python"]
    assert 'model="gpt-x"' in code["langchain"]
    assert 'base_url="http://testserver/proxy/claude"' in code["anthropic-python"]
    assert "http://testserver/v1/traces" in html.unescape(text)
    assert "of another project" not in text
    assert text.count("data-copy=") == 8


@pytest.mark.django_db
def test_it_says_what_is_missing_and_who_can_add_it() -> None:
    people = make_people()
    for who, says in ((people.vera, "An engineer of the project"), (people.alice, "Add one")):
        text = client_of(who).get(f"/p/{people.project.slug}/connect/").content.decode()
        assert "No connection yet" in text and says in text
        assert "There is none yet" in text
    make_key(people.project, ["ingest"])
    text = client_of(people.vera).get(f"/p/{people.project.slug}/connect/").content.decode()
    assert "There is none yet" not in text


@pytest.mark.django_db
def test_the_chosen_connection_is_the_one_in_the_snippets() -> None:
    people = make_people()
    make_connection(people.project, name="first")
    second = make_connection(people.project, name="second")
    client: Client = client_of(people.vera)
    for asked, name in ((second.pk, "second"), ("nonsense", "first")):
        text = client.get(f"/p/{people.project.slug}/connect/?connection={asked}").content.decode()
        assert f"/proxy/{name}/v1" in snippets_of(text)["openai-python"]


@pytest.mark.django_db
def test_the_overview_and_the_connections_lead_to_it() -> None:
    people = make_people()
    client, slug = client_of(people.vera), people.project.slug
    for page in (f"/p/{slug}/", f"/p/{slug}/connections/", f"/p/{slug}/settings/"):
        assert f'href="/p/{slug}/connect/"' in client.get(page).content.decode(), page


@pytest.mark.parametrize("lends", [True, False])
@pytest.mark.parametrize("slug", ["openai-python", "anthropic-python", "curl"])
async def test_what_it_says_works(
    slug: str, lends: bool, web: Web, owner: Owner, monkeypatch: Any
) -> None:
    monkeypatch.setenv("MISFIRE_KEY", owner.key)
    for name in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY"):
        monkeypatch.setenv(name, "sk-of-the-application")
    said = MESSAGE if slug.startswith("anthropic") else WHOLE
    async with Upstream(answer(200, said)) as upstream:
        variable = "LENT_API_KEY" if lends else ""
        fields = {"base_url": upstream.url, "key_variable": variable, "model_names": ["m"]}
        await in_thread(owner.connect, name="chat up", **fields)
        await in_thread(owner.connect, name="claude up", protocol="anthropic", **fields)
        page = await in_thread(read_page, owner, web.url.removeprefix("http://"))
        await in_thread(run, slug, snippets_of(page)[slug])
        [kept] = await stored(owner)
    key = "sk-lent-by-the-console" if lends else "sk-of-the-application"
    assert upstream.requests[0].headers["authorization"] == f"bearer {key}"
    assert kept.turn.status == "finished"


def run(slug: str, code: str) -> None:
    if slug != "curl":
        exec(compile(code, slug, "exec"), {})
        return
    command = os.path.expandvars(code.replace("\\\n", " "))
    done = subprocess.run(shlex.split(command), capture_output=True, timeout=30, check=True)
    assert b"Hello" in done.stdout


def test_the_name_of_a_model_is_only_a_name() -> None:
    model = """a'; touch /tmp/x; '"\n$(id)"""
    target = Target("openai", "openai", model)
    texts = {one.slug: one.text for one in write_snippets("http://console", [target])}
    assert json.loads(shlex.split(texts["curl"])[-1])["model"] == model
    for slug in ("openai-python", "langchain"):
        nodes = ast.walk(ast.parse(texts[slug]))
        literals = [node.value for node in nodes if isinstance(node, ast.Constant)]
        assert model in literals

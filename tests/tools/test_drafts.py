"""Drafts: kept as they are typed, never over another's writing, published or discarded."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from console.lib import json
from tests.factories import WEATHER, People, client_of, make_people, make_tool_version
from tools_registry.models import ToolDraft, ToolVersion, VersionEvent
from tools_registry.publishing import start_draft

pytestmark = pytest.mark.django_db
SHARPER = json.dump(WEATHER | {"description": "Sharper words of it."})
SLIP = json.dump(WEATHER).replace('"unit"', '"unitt"')


@pytest.fixture
def people() -> People:
    return make_people()


@pytest.fixture
def bob(people: People) -> Client:
    return client_of(people.bob)


@pytest.fixture
def draft(people: People) -> ToolDraft:
    version = make_tool_version(people.project)
    return start_draft(
        people.project, SHARPER, user=people.bob.user, tool=version.tool, base=version
    )


def url(people: People, name: str, *args: Any) -> str:
    return reverse(f"tools_registry:{name}", args=[people.project.slug, *args])


def keep(client: Client, people: People, draft: ToolDraft, text: str, revision: int) -> Any:
    address = url(people, "draft-save", draft.pk)
    return client.post(address, {"definition": text, "note": "n", "revision": revision})


def publish(client: Client, people: People, draft: ToolDraft, **fields: Any) -> Any:
    sent = {"revision": draft.revision, **fields}
    return client.post(url(people, "draft-publish", draft.pk), sent, follow=True)


def test_the_first_writing_makes_a_draft_of_whatever_was_typed(people: People, bob: Client) -> None:
    make_tool_version(people.project)
    answer = bob.post(
        url(people, "draft-start"), {"definition": '{"na', "tool": "get_weather", "base": "1"}
    )
    assert answer.status_code == 201
    draft = ToolDraft.objects.get()
    assert (draft.text, draft.name, draft.base and draft.base.number) == ('{"na', "get_weather", 1)
    assert (draft.created_by, draft.tool and draft.tool.name) == (people.bob.user, "get_weather")
    assert answer.json()["url"] == url(people, "draft-edit", draft.pk)
    assert bob.post(url(people, "draft-start"), {"tool": "none"}).status_code == 404


def test_what_follows_is_kept_in_it(people: People, bob: Client, draft: ToolDraft) -> None:
    answer = keep(bob, people, draft, "{", 1).json()
    assert (answer["id"], answer["revision"]) == (draft.pk, 2)
    draft.refresh_from_db()
    assert (draft.text, draft.note) == ("{", "n")
    page = bob.get(url(people, "draft-edit", draft.pk)).content.decode()
    assert 'name="revision" value="2"' in page
    assert "This is not JSON" in page


def test_two_editors_do_not_overwrite_each_other(
    people: People, bob: Client, draft: ToolDraft
) -> None:
    alice = client_of(people.alice)
    assert keep(alice, people, draft, "alice", 1).status_code == 200
    late = keep(bob, people, draft, "bob", 1)
    assert (late.status_code, late.json()["code"]) == (409, "draft_changed")
    assert "Alice" in late.json()["detail"]
    page = bob.post(
        url(people, "draft-edit", draft.pk), {"definition": "bob", "revision": 1}, follow=True
    )
    mine = ToolDraft.objects.latest("pk")
    assert f"Yours is kept as draft {mine.pk}." in page.content.decode()
    draft.refresh_from_db()
    assert (draft.text, mine.text, mine.tool) == ("alice", "bob", draft.tool)


def test_a_discarded_draft_comes_back_as_it_was(
    people: People, bob: Client, draft: ToolDraft
) -> None:
    page = bob.post(url(people, "draft-discard", draft.pk), follow=True).content.decode()
    assert "was discarded" in page and "Sharper words" in page
    assert keep(bob, people, draft, "x", 1).status_code == 409
    assert "draft-edit" not in bob.get(url(people, "tool-versions", "get_weather")).content.decode()
    page = bob.post(url(people, "draft-reopen", draft.pk), follow=True).content.decode()
    assert "Review and publish" in page and "Sharper words" in page


def test_the_review_says_what_changes_and_publishing_makes_the_version(
    people: People, bob: Client, draft: ToolDraft
) -> None:
    page = bob.get(url(people, "draft-publish", draft.pk)).content.decode()
    assert "Publish as v2" in page
    assert "1 wording</b>" in page and "tool_description_changed" in page
    done = publish(bob, people, draft, note="clearer", reason="")
    assert "Published as v2." in done.content.decode()
    version = ToolVersion.objects.get(number=2)
    event = VersionEvent.objects.get(version=version)
    assert (event.kind, event.by, event.note) == ("published", people.bob.user, "clearer")
    draft.refresh_from_db()
    assert draft.version == version and not draft.is_open
    again = bob.get(url(people, "draft-edit", draft.pk))
    assert again["Location"] == url(people, "version-detail", "get_weather", 2)


def test_lint_errors_block_unless_there_is_a_reason_that_is_kept(
    people: People, bob: Client, draft: ToolDraft
) -> None:
    keep(bob, people, draft, SLIP, 1)
    draft.refresh_from_db()
    page = bob.get(url(people, "draft-publish", draft.pk)).content.decode()
    assert "1 lint error" in page and "close to “unit”" in page and "parameter_renamed" in page
    refused = publish(bob, people, draft)
    assert refused.status_code == 409
    assert "Lint reports errors" in refused.content.decode()
    done = publish(bob, people, draft, reason="the provider calls it so").content.decode()
    assert "Published as v2." in done
    assert "although lint reported param_misspelled /parameters/properties/unitt" in done
    event = VersionEvent.objects.latest("pk")
    assert event.reason == "the provider calls it so"
    assert event.overrode == ["param_misspelled /parameters/properties/unitt"]


def test_what_another_changed_since_the_review_is_not_published(
    people: People, bob: Client, draft: ToolDraft
) -> None:
    keep(client_of(people.alice), people, draft, SLIP, 1)
    late = publish(bob, people, draft, reason="x")
    assert late.status_code == 409
    assert "changed this draft since you opened it" in late.content.decode()
    assert ToolVersion.objects.count() == 1


def test_an_invalid_schema_is_published_for_no_reason(
    people: People, bob: Client, draft: ToolDraft
) -> None:
    keep(bob, people, draft, '{"name": "get_weather", "parameters": {"type": "objekt"}}', 1)
    draft.refresh_from_db()
    assert publish(bob, people, draft, reason="please").status_code == 409
    assert ToolVersion.objects.count() == 1


def test_a_draft_is_compared_with_a_version_by_readers_too(
    people: People, draft: ToolDraft
) -> None:
    vera = client_of(people.vera)
    address = url(people, "version-diff", "get_weather")
    page = vera.get(f"{address}?from=1&to=d{draft.pk}").content.decode()
    assert f"Changes from v1 to draft {draft.pk}" in page
    assert "tool_description_changed" in page
    assert url(people, "draft-edit", draft.pk) not in page
    for key in ("d0", f"d{draft.pk}x", "d", "dd1"):
        assert vera.get(f"{address}?to={key}").status_code == 404


def test_lint_stands_at_its_line_in_the_comparison(people: People, draft: ToolDraft) -> None:
    ToolDraft.objects.filter(pk=draft.pk).update(text=SLIP)
    address = url(people, "version-diff", "get_weather")
    page = client_of(people.vera).get(f"{address}?from=1&to=d{draft.pk}").content.decode()
    assert '<i class="sq">unitt</i>' in page
    line = page.index('<i class="sq">unitt</i>')
    assert 0 < page.index("param_misspelled", line) - line < 800
    assert "<b>param_misspelled</b>" in page


def test_a_draft_of_a_new_tool_has_no_tool_until_it_is_published(
    people: People, bob: Client
) -> None:
    draft = start_draft(people.project, json.dump(WEATHER), user=people.bob.user)
    assert draft.tool is None
    assert "get_weather" in bob.get(url(people, "tool-list")).content.decode()
    assert bob.get(url(people, "tool-detail", "get_weather")).status_code == 404
    page = bob.get(url(people, "draft-publish", draft.pk)).content.decode()
    assert "The first version of this tool." in page
    publish(bob, people, draft, reason="x")
    assert bob.get(url(people, "tool-detail", "get_weather")).status_code == 200


def test_only_engineers_and_admins_write_and_publish(people: People, draft: ToolDraft) -> None:
    for person in (people.vera, people.rita):
        client = client_of(person)
        for name in ("draft-edit", "draft-publish", "draft-save", "draft-discard"):
            assert client.post(url(people, name, draft.pk)).status_code == 403
    other = client_of(people.charlie)
    assert other.get(url(people, "draft-edit", draft.pk)).status_code == 404

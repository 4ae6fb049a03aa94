"""The post-mortem's editor in a real browser: kept while typing, and two people at once."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, Page, expect

from console.accounts.models import Member
from conversations.incidents.postmortem.documents import begin
from conversations.incidents.postmortem.records import PostMortem
from tests.factories import client_of, make_people
from tests.postmortem.making import make_incident

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def open_editor(browser: Browser, server: str, member: Member) -> Page:
    """In a browser of the member's own; a refused save is logged there as an error."""
    context = browser.new_context()
    session = client_of(member).cookies["misfire_session"].value
    context.add_cookies([{"name": "misfire_session", "value": session, "url": server}])
    page = context.new_page()
    page.goto(f"{server}/p/{member.project.slug}/incidents/1/post-mortem/edit/")
    return page


def test_two_people_write_at_once_and_nothing_is_lost(browser: Browser, daphne_server: str) -> None:
    people = make_people()
    _, incident = make_incident(people.project)
    document = begin(incident, people.rita.user)
    PostMortem.objects.filter(pk=document.pk).update(text="# Night\n\nCause\n\nEnd")
    rita = open_editor(browser, daphne_server, people.rita)
    bob = open_editor(browser, daphne_server, people.bob)

    rita.locator("#text").fill("# Night\n\nCause: v2\n\nEnd")
    expect(rita.locator("#kept")).to_contain_text("Kept as version 2")
    bob.locator("#text").press("Control+End")
    bob.locator("#text").press_sequentially(" of it: ")
    bob.locator("[data-reference='impact.count']").click()
    expect(bob.locator("#conflict")).to_contain_text("changed the post-mortem while you")
    bob.locator("[data-take=merged]").click()
    expect(bob.locator("#kept")).to_contain_text("Kept as version 3")
    expect(bob.locator("#preview")).to_contain_text("Cause: v2")
    expect(bob.locator("#preview")).to_contain_text("End of it: 20")
    bob.locator("button[type=submit]", has_text="Done").click()
    expect(bob.locator("article")).to_contain_text("End of it: 20")
    document.refresh_from_db()
    assert document.text == "# Night\n\nCause: v2\n\nEnd of it: {{impact.count}}"
    for page in (rita, bob):
        page.context.close()

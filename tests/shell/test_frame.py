"""The frame of every page: policy, navigation, switcher, messages."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

import pytest
from django.template import Context, Template
from django.test import Client
from django.utils import timezone

from console.lib.proportions import wilson
from conversations.incidents.lifecycle import set_status
from conversations.incidents.opening import open_incident
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def alice() -> Client:
    return factories.client_of(factories.make_member())


def test_every_page_has_a_strict_policy(alice: Client, client: Client) -> None:
    for response in (alice.get("/", follow=True), alice.get("/docs/"), client.get("/nothing")):
        policy = dict(
            directive.strip().split(" ", 1)
            for directive in response["Content-Security-Policy"].split(";")
        )
        assert policy["default-src"] == "'none'"
        assert policy["script-src"] == "'self'"
        assert policy["style-src"] == "'self'"
        assert policy["frame-ancestors"] == "'none'"
        assert policy["base-uri"] == "'none'"
        assert policy["form-action"] == "'self'"


def test_it_marks_the_current_page_and_no_other(alice: Client) -> None:
    text = alice.get("/", follow=True).content.decode()
    current = re.findall(r'<a class="nav-i" href="([^"]+)"[^>]* aria-current="page"', text)
    assert len(current) == 1
    assert current[0].startswith("/p/")


def test_the_sidebar_counts_the_open_incidents(
    django_capture_on_commit_callbacks: Any,
) -> None:
    member = factories.make_member()
    client = factories.client_of(member)

    def read() -> list[str]:
        text = client.get(f"/p/{member.project.slug}/alerts/").content.decode()
        return re.findall(r'<span class="n hot">(\d+)', text)

    assert read() == []
    with django_capture_on_commit_callbacks(execute=True):
        incident = open_incident(member.project, title="Weather", since=timezone.now())
    assert read() == ["1"]
    with django_capture_on_commit_callbacks(execute=True):
        set_status(incident, "resolved")
    assert read() == []


def test_every_page_of_the_sidebar_opens(alice: Client) -> None:
    text = alice.get("/", follow=True).content.decode()
    links = re.findall(r'<a class="nav-i" href="([^"]+)"', text)
    assert len(links) == 10
    for link in links:
        assert alice.get(link, follow=True).status_code == 200, link


def test_the_switcher_lists_the_reader_s_projects_only() -> None:
    people = factories.make_people()
    other = factories.make_member(user=people.vera.user)
    client = factories.client_of(people.vera)
    text = client.get(f"/p/{people.project.slug}/").content.decode()
    assert f'href="/p/{other.project.slug}/"' in text
    assert f'href="/p/{people.charlie.project.slug}/"' not in text


def test_sign_out_is_a_form() -> None:
    client = factories.client_of(factories.make_member())
    text = client.get("/", follow=True).content.decode()
    assert '<form method="post" action="/sign-out/">' in text


def render(source: str, **values: object) -> str:
    return Template("{% load shell %}" + source).render(Context(values))


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ('{% when at "minute" %}', "3 Feb 2024, 02:43 UTC"),
        ('{% when at "second" %}', "3 Feb 2024, 02:43:10 UTC"),
        ('{% when at "short" %}', "3 Feb 2024"),
        ("{% when none %}", "never"),
    ],
)
def test_times_are_in_utc(source: str, expected: str) -> None:
    text = render(source, at=datetime(2024, 2, 3, 2, 43, 10, tzinfo=UTC), none=None)
    assert re.sub(r"<[^>]+>", "", text) == expected


def test_a_verdict_says_its_word_and_count() -> None:
    assert re.sub(r"<[^>]+>", "", render('{% verdict "rejected" 3 %}')) == "Rejected 3"
    assert 'class="vd pending"' in render("{% verdict none %}", none=None)


def test_a_finding_code_links_to_its_place_in_the_docs() -> None:
    text = render('{% finding_code "wrong_type" %}')
    assert 'href="/docs/findings/#wrong_type"' in text
    assert "l-schema" in text


def test_an_icon_s_name_is_escaped() -> None:
    assert "<script>" not in render("{% icon name %}", name="<script>")


@pytest.mark.parametrize(
    ("part", "whole", "low", "high"),
    [(119, 137, 0.802, 0.915), (12, 340, 0.020, 0.061), (3, 8, 0.137, 0.694), (0, 5, 0.0, 0.434)],
)
def test_a_share_has_its_wilson_interval(part: int, whole: int, low: float, high: float) -> None:
    assert wilson(part, whole) == pytest.approx((low, high), abs=0.001)


@pytest.mark.parametrize(("part", "whole"), [(1, 0), (2, 1), (-1, 3)])
def test_no_share_has_no_interval(part: int, whole: int) -> None:
    with pytest.raises(ValueError, match="is no share"):
        wilson(part, whole)

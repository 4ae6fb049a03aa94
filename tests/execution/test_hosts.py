"""The private hosts of a project: admins allow them, and the server must allow them too."""

from __future__ import annotations

import pytest
from django.urls import reverse
from pytest_django import Settings

from tests.factories import People, client_of, make_people
from tools_registry.execution.hosts import BadHost, hosts_of, is_reachable, read_host

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        (" Inventory.Internal:8080 ", "inventory.internal:8080"),
        ("localhost", "localhost"),
        ("10.0.3.7", "10.0.3.7"),
        ("10.0.3.7:80", "10.0.3.7:80"),
        ("10.0.3.7/24", "10.0.3.0/24"),
        ("[::1]:80", "[::1]:80"),
        ("fd00::/48", "fd00::/48"),
        ("my_host.internal", "my_host.internal"),
    ],
)
def test_an_entry_is_a_host_a_port_or_a_network(text: str, kept: str) -> None:
    assert read_host(text) == kept


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("https://x.internal/", "Leave out https"),
        ("0.0.0.0/0", "too large"),
        ("::/0", "too large"),
        ("", "is no host"),
        ("a b", "is no host"),
        ("*.internal", "is no host"),
        ("x:port", "is no host"),
        ("x/y", "is no host"),
        ("a@b", "is no host"),
    ],
)
def test_what_is_none_is_refused(text: str, reason: str) -> None:
    with pytest.raises(BadHost, match=reason):
        read_host(text)


@pytest.mark.parametrize(
    ("host", "reachable"),
    [
        ("a.internal", True),
        ("a.internal:80", True),
        ("b.internal:80", True),
        ("b.internal:81", False),
        ("b.internal", False),
        ("10.0.3.7", True),
        ("10.0.3.0/25", True),
        ("10.0.0.0/16", False),
        ("::1", False),
    ],
)
def test_the_page_tells_whether_the_server_allows_it(
    host: str, reachable: bool, settings: Settings
) -> None:
    settings.OUTBOUND_ALLOW = ["a.internal", "b.internal:80", "10.0.3.0/24"]
    assert is_reachable(host) is reachable


def test_admins_allow_and_remove_hosts_of_their_project(settings: Settings) -> None:
    people: People = make_people()
    slug = [people.project.slug]
    add, listed = (reverse(f"tools_registry:host-{name}", args=slug) for name in ("add", "list"))
    alice, bob = client_of(people.alice), client_of(people.bob)
    assert "public addresses only" in bob.get(listed).content.decode()
    assert bob.post(add, {"host": "a.internal"}).status_code == 403
    page = alice.post(add, {"host": "a.internal:80"}, follow=True).content.decode()
    assert "may reach a.internal:80 now" in page and "add it to OUTBOUND_ALLOW" in page
    refused = alice.post(add, {"host": "<b>"})
    assert refused.status_code == 422 and "&lt;b&gt; is no host" in refused.content.decode()
    assert hosts_of(people.project.pk) == ["a.internal:80"]
    assert hosts_of(people.project.pk + 1) == []
    alice.post(reverse("tools_registry:host-remove", args=slug), {"host": "a.internal:80"})
    assert hosts_of(people.project.pk) == []

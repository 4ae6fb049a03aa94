"""A conversation of hundreds of turns is read in as many queries as one of a few."""

from __future__ import annotations

import pytest
from django.urls import reverse
from pytest_django import DjangoAssertNumQueries

from conversations.ingest.store import store
from conversations.models import Turn
from conversations.recording import rebuild_messages
from tests.factories import client_of, make_member
from tests.store.talks import read, talk

pytestmark = pytest.mark.django_db
ROUNDS = 120


def test_every_page_of_it_asks_the_database_a_few_times(
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    vera = make_member(role="viewer")
    bodies = talk(ROUNDS)
    store(vera.project, read(*bodies), door="api")
    last = Turn.objects.get(number=ROUNDS)
    with django_assert_max_num_queries(1):
        assert rebuild_messages(last) == bodies[-1]["request"]["messages"]
    client = client_of(vera)
    whole = reverse("conversations:conversation", args=[vera.project.slug, last.conversation_id])
    for address in (whole, f"{whole}?after=50", f"{whole}turns/{ROUNDS}/"):
        with django_assert_max_num_queries(25):
            assert client.get(address).status_code == 200

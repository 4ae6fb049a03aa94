"""What an incident's filter counts as bad, and of what it is counted."""

from __future__ import annotations

import pytest

from conversations.incidents.records import Incident
from conversations.incidents.scope import SYMPTOMS, scope_of
from conversations.search.fields import FIELDS


def test_every_field_says_what_went_wrong_or_where() -> None:
    assert set(FIELDS) - SYMPTOMS == {
        "tool", "version", "model", "provider", "tag", "user", "environment", "source", "id",
        "time",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("query", "base", "wide", "wide_bad"),
    [
        (
            "tool:pay version:2 verdict:rejected",
            "tool:pay version:2",
            "tool:pay",
            "tool:pay verdict:rejected",
        ),
        (
            "expected:pay tool:refund environment:production",
            "tool:refund environment:production",
            "tool:refund environment:production",
            "tool:refund environment:production expected:pay",
        ),
        ("nth:>5 user:u1", "user:u1", "", "nth:>5"),
        ("first_token:>2s model:m", "model:m", "", "first_token:>2s"),
        (
            "tool:pay environment:production",
            "environment:production",
            "environment:production",
            "tool:pay environment:production",
        ),
    ],
)
def test_symptoms_are_counted_of_the_rest(query: str, base: str, wide: str, wide_bad: str) -> None:
    scope = scope_of(Incident(kind="calls", query=query))
    told = [one.text for one in (scope.bad, scope.base, scope.wide, scope.wide_bad)]
    assert told == [query, base, wide, wide_bad]

"""Keys carry their time, sort by it, and are the same for the same thing."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from console.lib import uuid7

AT = datetime(2024, 2, 3, 2, 47, 0, 123000, tzinfo=UTC)


def test_it_is_a_uuid_of_version_7_that_tells_its_time() -> None:
    key = uuid7.of(AT, "project", "key")
    assert (key.version, key.variant) == (7, "specified in RFC 4122")
    assert uuid7.time(key) == AT


def test_the_same_identity_gives_the_same_key_and_another_gives_another() -> None:
    assert uuid7.of(AT, "1", "a") == uuid7.of(AT, "1", "a")
    assert uuid7.of(AT, "1", "a") != uuid7.of(AT, "1", "b")
    assert uuid7.of(AT, "1", "ab") != uuid7.of(AT, "1a", "b")


def test_keys_sort_by_time_and_the_floor_is_below_all_of_its_moment() -> None:
    later = AT + timedelta(milliseconds=1)
    assert uuid7.floor(AT) <= uuid7.of(AT, "x") < uuid7.floor(later) <= uuid7.of(later, "x")


def test_two_keys_of_now_differ() -> None:
    assert uuid7.now() != uuid7.now()


@pytest.mark.parametrize("year", [1969, 1])
def test_it_refuses_a_time_before_the_epoch(year: int) -> None:
    with pytest.raises(ValueError, match="outside the range"):
        uuid7.of(datetime(year, 1, 1, tzinfo=UTC), "x")

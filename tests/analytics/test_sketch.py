"""The sketch of durations: quantiles within 1%, merged by adding counts."""

from __future__ import annotations

import random
from collections import Counter

import pytest
from django.db import connection

from analytics.sketch import BUCKET, ERROR, bucket, quantile, share_above, value_of


@pytest.mark.parametrize("share", [0.0, 0.25, 0.5, 0.9, 0.95, 0.99, 1.0])
@pytest.mark.parametrize("spread", [0.1, 1.0, 3.0])
def test_every_quantile_is_within_one_per_cent(share: float, spread: float) -> None:
    chance = random.Random(7)
    values = sorted(chance.lognormvariate(5, spread) for _ in range(5000))
    found = quantile(Counter(map(bucket, values)), share)
    exact = values[int(share * (len(values) - 1))]
    assert found is not None and abs(found - exact) <= ERROR * exact * 1.000001


def test_merged_sketches_are_the_sketch_of_all() -> None:
    chance = random.Random(8)
    parts = [[chance.expovariate(0.01) for _ in range(500)] for _ in range(4)]
    merged = sum((Counter(map(bucket, part)) for part in parts), Counter[int]())
    assert merged == Counter(bucket(value) for part in parts for value in part)


def test_nothing_has_no_quantile() -> None:
    assert quantile({}, 0.5) is None


def test_it_counts_what_is_above_a_limit() -> None:
    counts = Counter(map(bucket, [100.0, 1500.0, 2500.0, 9000.0]))
    assert share_above(counts, 2000.0) == 2


@pytest.mark.django_db
def test_the_database_has_the_same_buckets() -> None:
    values = [0.0, 0.0004, 0.5, 1.0, 1.7, 33.3, 999.0, 1e4, 8.64e7, 1e300]
    with connection.cursor() as cursor:
        for value in values:
            cursor.execute(f"SELECT {BUCKET % '%s::float8'}", [value])
            assert cursor.fetchone()[0] == bucket(value)


def test_a_bucket_stands_for_values_no_further_off_than_said() -> None:
    for value in (0.01, 1.0, 37.0, 12345.6):
        assert abs(value_of(bucket(value)) - value) <= ERROR * value * 1.000001

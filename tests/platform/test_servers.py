"""The servers that tests stand on."""

from __future__ import annotations

import os

import psycopg
import pytest
import redis


def test_postgres_is_the_embedded_one_with_its_extensions() -> None:
    with psycopg.connect(os.environ["DATABASE_URL"]) as connection:
        connection.execute("CREATE EXTENSION IF NOT EXISTS pg_trgm")
        row = connection.execute("SELECT similarity('weather', 'wether') > 0.4").fetchone()
    assert row == (True,)


def test_valkey_answers_only_with_its_password() -> None:
    with redis.Redis.from_url(os.environ["REDIS_URL"]) as client:
        assert client.ping()
        address = client.connection_pool.connection_kwargs
    stranger = redis.Redis(host=address["host"], port=address["port"])
    with stranger, pytest.raises(redis.AuthenticationError):
        stranger.ping()

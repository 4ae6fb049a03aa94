"""Guessing passwords is slow, and nobody is locked out by a stranger's guesses."""

from __future__ import annotations

import logging

import pytest
from django.core.cache import cache
from django.http import HttpResponse
from django.test import Client, RequestFactory
from pytest_django import Settings

from console.accounts import throttle
from tests.factories import PASSWORD, make_user

pytestmark = pytest.mark.django_db


def attempt(
    email: str, password: str = "a wrong password", address: str = "192.0.2.1"
) -> HttpResponse:
    form = {"email": email, "password": password}
    return Client(REMOTE_ADDR=address).post("/sign-in/", form)  # type: ignore[return-value]


@pytest.mark.parametrize("exists", [True, False])
def test_the_sixth_attempt_has_to_wait(exists: bool) -> None:
    email = make_user().email if exists else "nobody@example.com"
    for _ in range(5):
        assert attempt(email).status_code == 401
    response = attempt(email, PASSWORD)
    assert response.status_code == 429
    assert b"Too many attempts. Wait 15 minutes, then try again." in response.content
    assert 890 < int(response["Retry-After"]) <= 900


def test_after_the_wait_one_may_try_again(monkeypatch: pytest.MonkeyPatch) -> None:
    email = make_user().email
    for _ in range(6):
        attempt(email)
    cache.clear()  # what the passing of 15 minutes does
    assert attempt(email, PASSWORD).status_code == 302


def test_the_right_password_forgives_what_was_before() -> None:
    email = make_user().email
    for _ in range(3):
        for _ in range(4):
            assert attempt(email).status_code == 401
        assert attempt(email, PASSWORD).status_code == 302


def test_a_strangers_guesses_do_not_lock_the_owner_out() -> None:
    email = make_user().email
    for _ in range(7):
        attempt(email, address="198.51.100.7")
    assert attempt(email, PASSWORD, address="192.0.2.1").status_code == 302


def test_one_address_cannot_try_many_accounts() -> None:
    statuses = [attempt(f"user{number}@example.com").status_code for number in range(21)]
    assert statuses == [401] * 20 + [429]
    assert attempt("user1@example.com", address="198.51.100.7").status_code == 401


def test_many_addresses_cannot_try_one_account() -> None:
    email = "user@example.com"
    waits = [throttle.count_attempt(email, f"192.0.2.{number}") for number in range(51)]
    assert waits[:50] == [0] * 50
    assert waits[50] > 0


def test_those_who_sign_in_rightly_do_not_use_their_address_up() -> None:
    users = [make_user() for _ in range(3)]
    for _ in range(8):
        for user in users:
            assert attempt(user.email, PASSWORD).status_code == 302


def test_valkey_holds_no_e_mail() -> None:
    attempt("user@example.com")
    keys = cache._cache.get_client().keys("*")  # type: ignore[attr-defined]
    assert keys
    assert not [key for key in keys if b"example" in key]


def test_without_valkey_the_process_counts_by_itself(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    settings.CACHES = {
        "default": {
            "BACKEND": "django.core.cache.backends.redis.RedisCache",
            "LOCATION": "redis://127.0.0.1:1/0",
        }
    }
    throttle._own.clear()
    email = make_user().email
    with caplog.at_level(logging.WARNING):
        assert [attempt(email).status_code for _ in range(6)] == [401] * 5 + [429]
    assert "Valkey is away" in caplog.text
    assert attempt(make_user().email, PASSWORD).status_code == 302


@pytest.mark.parametrize(
    ("remote", "forwarded", "is_trusted", "expected"),
    [
        ("192.0.2.1", "", False, "192.0.2.1"),
        ("192.0.2.1", "198.51.100.7", False, "192.0.2.1"),
        ("192.0.2.1", "203.0.113.5, 198.51.100.7", True, "198.51.100.7"),
        ("192.0.2.1", "", True, "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "", False, "2001:db8:1:2::/64"),
        ("", "", False, ""),
    ],
)
def test_the_address_is_the_callers(
    settings: Settings, remote: str, forwarded: str, is_trusted: bool, expected: str
) -> None:
    settings.SECURE_PROXY_SSL_HEADER = ("X", "https") if is_trusted else None
    headers = {"X-Forwarded-For": forwarded} if forwarded else {}
    request = RequestFactory(REMOTE_ADDR=remote).get("/", headers=headers)
    assert throttle.client_address(request) == expected

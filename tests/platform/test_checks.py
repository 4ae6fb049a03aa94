"""Wrong settings are named by id, with a hint that says the cure."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.core.checks import Tags, run_checks
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder
from pytest_django import Settings

from console import checks

GOOD: dict[str, Any] = {
    "DEBUG": False,
    "SECRET_KEY": "k" * 48,
    "ALLOWED_HOSTS": ["misfire.example.org"],
    "DATABASE_URL": "postgresql://u:p@db.example.org:5432/misfire",
    "REDIS_URL": "redis://:p@valkey.example.org:6379/0",
    "SITE_URL": "https://misfire.example.org",
    "SESSION_COOKIE_SECURE": True,
    "VAR_DIR": Path("/var/misfire"),
}


def found(settings: Settings, **wrong: Any) -> set[str]:
    for name, value in {**GOOD, **wrong}.items():
        setattr(settings, name, value)
    messages = run_checks(tags=[checks.TAG])
    assert all(message.hint for message in messages)
    return {message.id or "" for message in messages}


def test_good_settings_pass(settings: Settings) -> None:
    assert found(settings) == set()


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"SECRET_KEY": "short"}, "console.E001"),
        ({"SECRET_KEY": "django-insecure-" + "k" * 48}, "console.E001"),
        ({"ALLOWED_HOSTS": []}, "console.E002"),
        ({"ALLOWED_HOSTS": ["*"]}, "console.W001"),
        ({"DATABASE_URL": "sqlite:///db.sqlite3"}, "console.E003"),
        ({"DATABASE_URL": "mysql://u:p@h/db"}, "console.E003"),
        ({"REDIS_URL": "valkey.example.org:6379"}, "console.E004"),
        ({"REDIS_URL": "redis://host:port/0"}, "console.E004"),
        ({"REDIS_URL": "redis://host:6379/main"}, "console.E004"),
        ({"REDIS_URL": "redis:///0"}, "console.E004"),
        ({"DATABASE_URL": ""}, "console.W002"),
        ({"REDIS_URL": ""}, "console.W002"),
        ({"SITE_URL": "misfire.example.org"}, "console.E005"),
        ({"SMTP_TLS": "ssl"}, "console.E006"),
        ({"SITE_URL": "http://misfire.example.org"}, "console.W003"),
        ({"SESSION_COOKIE_SECURE": False}, "console.W004"),
    ],
)
def test_a_wrong_setting_is_named(settings: Settings, wrong: dict[str, Any], code: str) -> None:
    assert found(settings, **wrong) == {code}


@pytest.mark.parametrize("site", ["http://localhost:8000", "http://127.0.0.1:9", "http://[::1]:9"])
def test_plain_http_is_fine_on_this_machine(settings: Settings, site: str) -> None:
    assert found(settings, SITE_URL=site, SESSION_COOKIE_SECURE=False) == set()


@pytest.mark.django_db
def test_a_database_of_before_the_first_migrations_is_named() -> None:
    def told() -> list[str]:
        messages = run_checks(tags=[Tags.database], databases=["default"])
        return [message.msg for message in messages if message.id == "console.E007"]

    assert told() == []
    MigrationRecorder(connection).record_unapplied("conversations", "0016_incident_news")
    (message,) = told()
    assert "0016_incident_news are not applied" in message

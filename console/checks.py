"""System checks of the settings: each wrong one has an id, and a hint that says the cure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register
from django.db import connections
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder

POSTGRES_SCHEMES = {"postgres", "postgresql", "psql", "pgsql"}
REDIS_SCHEMES = {"redis", "rediss"}
SECRET_LENGTH = 32
TAG = "console"


@register(TAG)
def check_secret_key(app_configs: Any, **_: Any) -> Sequence[CheckMessage]:
    """The key signs sessions and links: a short or published one lets anybody in."""
    key = settings.SECRET_KEY
    if settings.DEBUG or (len(key) >= SECRET_LENGTH and not key.startswith("django-insecure")):
        return []
    return [
        Error(
            f"SECRET_KEY is shorter than {SECRET_LENGTH} characters or a published example.",
            hint="Set SECRET_KEY or SECRET_KEY_FILE to a random text, made for example by "
            "`python -c 'import secrets; print(secrets.token_urlsafe(48))'`.",
            id="console.E001",
        )
    ]


@register(TAG)
def check_allowed_hosts(app_configs: Any, **_: Any) -> Sequence[CheckMessage]:
    """Links in invitations are built from the host name that a request names."""
    if settings.DEBUG:
        return []
    if not settings.ALLOWED_HOSTS:
        return [
            Error(
                "ALLOWED_HOSTS is empty: every request would be refused.",
                hint="Set ALLOWED_HOSTS to the site's host names, separated by commas.",
                id="console.E002",
            )
        ]
    if "*" in settings.ALLOWED_HOSTS:
        return [
            Warning(
                "ALLOWED_HOSTS is *: a forged host name would be believed.",
                hint="Set ALLOWED_HOSTS to the site's host names, separated by commas.",
                id="console.W001",
            )
        ]
    return []


@register(TAG)
def check_database_url(app_configs: Any, **_: Any) -> Sequence[CheckMessage]:
    """There is one database dialect."""
    url = settings.DATABASE_URL
    if not url or urlsplit(url).scheme in POSTGRES_SCHEMES:
        return []
    return [
        Error(
            f"DATABASE_URL begins with {urlsplit(url).scheme or 'no scheme'!r}; "
            "Misfire runs on PostgreSQL only.",
            hint="Use postgresql://user:password@host:5432/name, or leave DATABASE_URL out and "
            "run `manage.py up`, which brings a PostgreSQL of its own.",
            id="console.E003",
        )
    ]


@register(TAG)
def check_mail(app_configs: Any, **_: Any) -> Sequence[CheckMessage]:
    """A mistyped encryption must not become none."""
    if settings.SMTP_TLS in ("starttls", "tls", "none"):
        return []
    return [
        Error(
            f"SMTP_TLS is {settings.SMTP_TLS!r}.",
            hint="Use starttls, tls, or none for a mail server on this machine.",
            id="console.E006",
        )
    ]


@register(TAG)
def check_redis_url(app_configs: Any, **_: Any) -> Sequence[CheckMessage]:
    """The broker, the channel layer and the event logs all take this one URL."""
    url = settings.REDIS_URL
    if not url or _is_redis_url(url):
        return []
    return [
        Error(
            "REDIS_URL is not the URL of a Valkey or Redis server.",
            hint="Use redis://:password@host:6379/0 (rediss:// for TLS), or leave REDIS_URL out "
            "and run `manage.py up`, which brings a Valkey of its own.",
            id="console.E004",
        )
    ]


@register(TAG)
def check_addresses_complete(app_configs: Any, **_: Any) -> Sequence[CheckMessage]:
    """Processes that run alone need both servers; `up` gives what is missing."""
    missing = [name for name in ("DATABASE_URL", "REDIS_URL") if not getattr(settings, name)]
    if not missing:
        return []
    return [
        Warning(
            f"{' and '.join(missing)} not set, and no `manage.py up` is running on this state "
            f"folder ({settings.VAR_DIR}).",
            hint="Start `make run`, or set the variable.",
            id="console.W002",
        )
    ]


@register(TAG)
def check_cookies(app_configs: Any, **_: Any) -> Sequence[CheckMessage]:
    """Over plain http a session cookie can be read by everybody on the way."""
    site = urlsplit(settings.SITE_URL)
    if site.scheme not in ("http", "https") or not site.hostname:
        return [
            Error(
                f"SITE_URL is {settings.SITE_URL!r}, not the address of a site.",
                hint="Use https://misfire.example.org, without a path.",
                id="console.E005",
            )
        ]
    if site.scheme == "http" and not settings.DEBUG and not _is_loopback(site.hostname):
        return [
            Warning(
                f"The site is served over plain http at {site.hostname}: passwords and session "
                "cookies can be read on the way.",
                hint="Put a proxy with TLS before it and set SITE_URL=https://… and "
                "TRUST_PROXY=true.",
                id="console.W003",
            )
        ]
    if site.scheme == "https" and not settings.SESSION_COOKIE_SECURE:
        return [
            Warning(
                "SECURE_COOKIES is off although the site is reached by https.",
                hint="Leave SECURE_COOKIES out; it follows SITE_URL.",
                id="console.W004",
            )
        ]
    return []


@register(Tags.database)
def check_database_age(databases: Sequence[str] | None, **_: Any) -> Sequence[CheckMessage]:
    """The first migration of an app stands for many earlier ones: all were applied, or none."""
    return [
        Error(
            f"The database is older than {app}.{name}: {', '.join(lacking)} are not applied.",
            hint="Apply them with the last version that has them, then start this one: "
            f"`git log -1 --diff-filter=D --format=%h~ -- '*/{lacking[-1]}.py'` names it.",
            id="console.E007",
        )
        for alias in databases or ()
        for app, name, lacking in _lacking_migrations(alias)
    ]


def _lacking_migrations(alias: str) -> Iterator[tuple[str, str, list[str]]]:
    """Per migration whose replaced files are gone and which the database has in part: the rest."""
    loader = MigrationLoader(connections[alias], load=False)
    loader.load_disk()
    on_disk = loader.disk_migrations or {}
    applied = MigrationRecorder(connections[alias]).applied_migrations()
    for (app, name), migration in on_disk.items():
        replaced = {tuple(each) for each in migration.replaces}
        lacking = replaced - applied.keys()
        if lacking and lacking != replaced and not replaced & on_disk.keys():
            yield app, name, sorted(each for _, each in lacking)


def _is_redis_url(url: str) -> bool:
    try:
        parts = urlsplit(url)
        number = parts.path.strip("/")
        return (
            parts.scheme in REDIS_SCHEMES
            and bool(parts.hostname)
            and parts.port != 0
            and (not number or number.isdecimal())
        )
    except ValueError:
        return False


def _is_loopback(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False

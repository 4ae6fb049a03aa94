"""A backend without a database: its first use says how to get one."""

from __future__ import annotations

from typing import Any, NoReturn

from django.db import OperationalError
from django.db.backends.dummy import base


def complain(*_: Any, **__: Any) -> NoReturn:
    raise OperationalError(
        "No database is configured: start one with `make run`, which other commands then find, "
        "or set DATABASE_URL to a PostgreSQL of your own."
    )


class DatabaseWrapper(base.DatabaseWrapper):
    ensure_connection = complain
    _cursor = complain
    _commit = complain
    _savepoint_commit = complain
    _set_autocommit = complain

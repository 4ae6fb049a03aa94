"""A real Daphne with the proxy, shared by the tests of a module, and a project with a key."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import daphne, test_database_url


@dataclass(frozen=True)
class Web:
    """The server's address, and its folder and log."""

    url: str
    var: Path

    @property
    def spool(self) -> Path:
        return self.var / "spool"

    @property
    def log(self) -> str:
        port = self.url.rpartition(":")[2]
        path = Path(os.environ["TESTS_FOLDER"]) / "log" / f"web-{port}.log"
        return path.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def web(django_db_setup: None, tmp_path_factory: Any, django_db_blocker: Any) -> Iterator[Web]:
    folder = tmp_path_factory.mktemp("var")
    with django_db_blocker.unblock():
        url = test_database_url()
    environment = {
        "DATABASE_URL": url,
        "VAR_DIR": str(folder),
        "OUTBOUND_ALLOW": "127.0.0.1",
        "LENT_API_KEY": "sk-lent-by-the-console",
    }
    with daphne(environment) as address:
        yield Web(address, folder)


@pytest.fixture
def owner(transactional_db: None) -> Any:
    """A project and a key that may send turns: ``owner.project``, ``owner.key``."""
    from tests.proxy.asking import Owner

    return Owner.make()

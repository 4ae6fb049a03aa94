"""Every test of storage begins with a process that has seen nothing."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def _forget() -> None:
    from conversations.ingest.store import toolsets

    toolsets.forget()

"""Valkey for the tests of executions: a client that is closed before the event loop ends."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tools_registry.execution import valkey


@pytest.fixture
async def store() -> AsyncIterator[valkey.Client]:
    async with valkey.connected() as client:
        await client.flushdb()
        yield client
    await valkey.close()


@pytest.fixture
def no_valkey(monkeypatch: pytest.MonkeyPatch) -> None:
    """Valkey is away, and was found to be just now."""
    monkeypatch.setattr(valkey, "_paused_until", float("inf"))

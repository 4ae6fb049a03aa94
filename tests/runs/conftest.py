"""Every test of live runs closes what its event loop opened."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from asgiref.sync import sync_to_async


@pytest_asyncio.fixture
async def people(transactional_db: None) -> AsyncIterator[Any]:
    # Imported here: this file is read before the settings are.
    from django.db import connections

    from conversations import runner
    from tests.factories import make_people

    yield await sync_to_async(make_people)()
    await runner.close()
    # What the tests themselves ask of the database runs in this thread.
    await sync_to_async(connections.close_all)()


@pytest.fixture
def local_settings(local_model: Any, settings: Any) -> Any:
    """The console as it is when the local model runs."""
    settings.LOCAL_MODEL_URL = local_model.url
    settings.LOCAL_MODEL_KEY = local_model.key
    return local_model

"""A source's text from an address, through the guarded door."""

from __future__ import annotations

import time

import httpcore2
import httpx2

from console.lib import http
from tools_registry.importers.documents import decode
from tools_registry.importers.items import CannotRead

LARGEST = 10 * 1024 * 1024
"""Bytes of a source."""
_SECONDS = 60.0
_TIMEOUT = httpx2.Timeout(10.0, read=15.0)


def fetch(url: str) -> str:
    """The text at an ``http`` or ``https`` address, redirects followed. Raises ``CannotRead``."""
    begun = time.monotonic()
    try:
        with (
            http.sync_client(timeout=_TIMEOUT, redirects=True) as client,
            client.stream("GET", url) as response,
        ):
            if response.status_code != httpx2.codes.OK:
                raise CannotRead(f"{url} answers {response.status_code}, not 200")
            held = bytearray()
            for chunk in response.iter_bytes():
                held += chunk
                if len(held) > LARGEST:
                    raise CannotRead(f"{url} is larger than {LARGEST:,} bytes")
                if time.monotonic() - begun > _SECONDS:
                    raise CannotRead(f"{url} did not arrive within {_SECONDS:.0f} s")
    except http.BlockedAddress as error:
        raise CannotRead(str(error)) from error
    except (httpx2.HTTPError, httpx2.InvalidURL, httpcore2.ConnectError) as error:
        raise CannotRead(f"{url} cannot be fetched: {error}") from error
    return decode(bytes(held))

"""The real web server with the proxy, as the proxy's own tests have it."""

from __future__ import annotations

from tests.proxy.conftest import owner, web

__all__ = ["owner", "web"]

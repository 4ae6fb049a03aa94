"""The console's API, as a program with a key asks it."""

from __future__ import annotations

from typing import Any

import httpx2


class Unreachable(Exception):
    """The console does not answer, or not as its API should; the text says what to do."""


class Client:
    """Asks one console. It runs beside the drill, so that no proxy of the environment is used."""

    def __init__(self, url: str, key: str) -> None:
        self.url = url.rstrip("/")
        self._client = httpx2.Client(
            base_url=self.url,
            headers={"Authorization": f"Bearer {key}"},
            timeout=30,
            trust_env=False,
        )

    def get(self, path: str) -> dict[str, Any]:
        return self._read("GET", path, None)

    def post(self, path: str, body: dict[str, Any]) -> dict[str, Any] | None:
        """The answer; None where what the body names is not there (404)."""
        return self._read("POST", path, body) or None

    def _read(self, method: str, path: str, body: dict[str, Any] | None) -> dict[str, Any]:
        try:
            response = self._client.request(method, path, json=body)
        except httpx2.HTTPError as error:
            raise Unreachable(
                f"{self.url} does not answer ({type(error).__name__}). Start the console with"
                " `manage.py up`, or name another with --url."
            ) from None
        if response.status_code == 404 and method == "POST":
            return {}
        if not response.is_success:
            raise Unreachable(f"{method} {path}: {response.status_code} {response.text[:300]}")
        read: dict[str, Any] = response.json()
        return read

    def close(self) -> None:
        self._client.close()

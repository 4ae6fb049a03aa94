"""Answers of the proxy itself, in the provider's own form of an error, so that SDKs read them."""

from __future__ import annotations

from typing import Any

from console.lib import json

CODE_HEADER = b"x-misfire-error"
_ANTHROPIC = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    503: "overloaded_error",
}


class Refused(Exception):
    """A request that the proxy itself answers. ``code`` is stable, the text says the cure."""

    def __init__(self, status: int, code: str, detail: str) -> None:
        super().__init__(detail)
        self.status, self.code, self.detail = status, code, detail

    def body(self, *, anthropic: bool) -> bytes:
        """The error document of OpenAI, or of Anthropic."""
        if anthropic:
            kind = _ANTHROPIC.get(self.status, "api_error")
            whole: dict[str, Any] = {
                "type": "error",
                "error": {"type": kind, "message": self.detail, "code": self.code},
            }
        else:
            kind = "invalid_request_error" if self.status < 500 else "server_error"
            whole = {
                "error": {"message": self.detail, "type": kind, "param": None, "code": self.code}
            }
        return json.dump(whole).encode()

    def headers(self, body: bytes) -> list[tuple[bytes, bytes]]:
        more = [(b"retry-after", b"5")] if self.status == 503 else []
        return [
            (b"content-type", b"application/json"),
            (b"content-length", str(len(body)).encode()),
            (CODE_HEADER, self.code.encode()),
            *more,
        ]

"""JSON errors as RFC 9457 problem documents with a stable ``code``."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from django.http import JsonResponse


def problem(status: int, code: str, detail: str, **more: Any) -> JsonResponse:
    """The error response: ``title`` is the status' own phrase, ``detail`` says the cure."""
    body = {"status": status, "title": HTTPStatus(status).phrase, "code": code, "detail": detail}
    return JsonResponse(body | more, status=status, content_type="application/problem+json")

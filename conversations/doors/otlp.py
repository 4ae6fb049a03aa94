"""``POST /v1/traces`` and ``/v1/logs``: OTLP/HTTP, answered in the encoding that was sent.

https://opentelemetry.io/docs/specs/otlp/#otlphttp-response
"""

from __future__ import annotations

import functools
import json
import logging
from collections.abc import Callable
from typing import Any

from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.views.decorators.http import require_POST

from console.accounts.access import ApiRequest, api_key
from conversations.doors.bodies import STATUS, TooFast, read_body
from conversations.ingest.compression import BadBody
from conversations.ingest.otlp import decode, encoding_of, partial_success
from conversations.ingest.otlp.decode import Encoding, Signal
from conversations.ingest.store import Outcome, Sender
from conversations.ingest.store.traces import store_spans

_TYPES: dict[Encoding, str] = {
    "protobuf": "application/x-protobuf",
    "json": "application/json",
}
# google.rpc.Code of each HTTP status, https://github.com/googleapis/googleapis
_CODES = {400: 3, 401: 16, 403: 7, 405: 12, 413: 8, 415: 3, 429: 8, 503: 14}
_SHOWN = 5

logger = logging.getLogger(__name__)


def spoken(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    """Turn refusals of others, such as a missing key, into the status message of OTLP."""

    @functools.wraps(view)
    def answer(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        response = view(request, *args, **kwargs)
        if response.get("Content-Type") != "application/problem+json":
            return response
        detail = json.loads(response.content)["detail"]  # type: ignore[attr-defined]
        return refuse(request, response.status_code, detail)

    return answer


@spoken
@api_key("ingest")
@require_POST
def post_traces(request: ApiRequest) -> HttpResponseBase:
    """Spans of models and tools; others are counted and left aside."""
    return _receive(request, "traces")


@spoken
@api_key("ingest")
@require_POST
def post_logs(request: ApiRequest) -> HttpResponseBase:
    """Log records that carry the messages of model spans."""
    return _receive(request, "logs")


def _receive(request: ApiRequest, signal: Signal) -> HttpResponseBase:
    sender = Sender(request.project, "otlp", request.api_key)
    try:
        encoding = encoding_of(request.content_type or "")
        decoded = decode(b"".join(read_body(request)), signal, encoding)
        outcome = store_spans(sender, decoded)
    except TooFast as error:
        return refuse(request, 429, str(error), retry_after=error.seconds)
    except BadBody as error:
        return refuse(request, STATUS.get(error.code, 400), f"{error.code}: {error.detail}")
    except (OperationalError, InterfaceError):
        logger.exception("the database did not take a batch")
        return refuse(request, 503, "The database does not answer. Send it again.", retry_after=5)
    body = partial_success(outcome.rejected, message_of(outcome), signal=signal, encoding=encoding)
    return HttpResponse(body, content_type=_TYPES[encoding])


def message_of(outcome: Outcome) -> str:
    """What of a batch was not stored, and why, in a line."""
    if not outcome.errors:
        return ""
    said = [f"{one.code}: {one.detail}" for one in outcome.errors[:_SHOWN]]
    more = len(outcome.errors) - _SHOWN
    said += [f"and {more} more"] if more > 0 else []
    waiting = f"{outcome.quarantined} wait in quarantine. " if outcome.quarantined else ""
    return waiting + " ".join(said)


def refuse(
    request: HttpRequest, status: int, detail: str, *, retry_after: int = 0
) -> HttpResponseBase:
    """A ``google.rpc.Status`` in the request's own encoding; JSON where that is neither."""
    body, kind = write_status(request.content_type or "", status, detail)
    response = HttpResponse(body, status=status, content_type=kind)
    if retry_after:
        response["Retry-After"] = str(retry_after)
    return response


def write_status(content_type: str, status: int, detail: str) -> tuple[bytes, str]:
    """The message of a refusal, and its own content type."""
    code = _CODES.get(status, 2)
    try:
        encoding = encoding_of(content_type)
    except BadBody:
        encoding = "json"
    if encoding == "protobuf":
        return _status_message(code, detail), _TYPES[encoding]
    return json.dumps({"code": code, "message": detail}).encode(), _TYPES[encoding]


def _status_message(code: int, message: str) -> bytes:
    """``google.rpc.Status``: field 1 the code, field 2 the message."""
    text = message.encode()
    return b"\x08" + _varint(code) + b"\x12" + _varint(len(text)) + text


def _varint(number: int) -> bytes:
    encoded = bytearray()
    while number > 0x7F:
        encoded.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*encoded, number])

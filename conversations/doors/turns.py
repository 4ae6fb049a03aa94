"""``POST /api/v1/turns``: canonical turn records, an array or one a line."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TypeVar

from django.db import InterfaceError, OperationalError
from django.http import HttpResponseBase, JsonResponse
from django.views.decorators.http import require_http_methods

from console.accounts.access import ApiRequest, api_key
from console.lib.problems import problem
from conversations.api import list_turns
from conversations.doors.bodies import STATUS, TooFast, read_body
from conversations.ingest.batch import Entry, read_batch
from conversations.ingest.compression import BadBody
from conversations.ingest.store import Outcome, Sender, store_entries

AT_ONCE = 200
"""Records of one transaction."""
_MOST_ERRORS = 1000
_REFUSED = ("multipart/", "application/x-www-form-urlencoded", "application/x-protobuf")

logger = logging.getLogger(__name__)
Item = TypeVar("Item")


@api_key("ingest", GET="read", HEAD="read")
@require_http_methods(["GET", "HEAD", "POST"])
def turns(request: ApiRequest) -> HttpResponseBase:
    """Turns in, and out again."""
    return post_turns(request) if request.method == "POST" else list_turns(request)


def post_turns(request: ApiRequest) -> HttpResponseBase:
    """Store the records of the body; what became of them, once it is committed."""
    kind = request.content_type or ""
    if kind.startswith(_REFUSED):
        detail = "Send application/json or application/x-ndjson."
        return problem(415, "unsupported_media_type", detail)
    outcome, sender = Outcome(), Sender(request.project, "api", request.api_key)
    try:
        entries = _Until(read_batch(read_body(request), kind))
        for some in batches(entries, AT_ONCE):
            outcome += store_entries(sender, some)
    except TooFast as error:
        return _wait(429, "too_fast", str(error), error.seconds)
    except BadBody as error:
        return problem(STATUS.get(error.code, 400), error.code, error.detail)
    except (OperationalError, InterfaceError):
        logger.exception("the database did not take a batch")
        return _wait(503, "not_available", "The database does not answer. Send it all again.", 5)
    if entries.error is not None:
        code, detail = entries.error.code, entries.error.detail
        return problem(STATUS.get(code, 400), code, detail, **_body(outcome))
    accepted = outcome.sent - outcome.rejected
    return JsonResponse(_body(outcome), status=200 if accepted or not outcome.sent else 422)


class _Until(Iterator[Entry]):
    """Entries up to where the body goes wrong: what came before it is stored all the same."""

    def __init__(self, entries: Iterator[Entry]) -> None:
        self._entries = entries
        self.error: BadBody | None = None

    def __next__(self) -> Entry:
        try:
            return next(self._entries)
        except BadBody as error:
            self.error = error
            raise StopIteration from None


def batches(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    rest = iter(items)
    while some := list(islice(rest, size)):
        yield some


def _body(outcome: Outcome) -> dict[str, object]:
    body = outcome.to_json()
    return body | {"errors": body["errors"][:_MOST_ERRORS]}


def _wait(status: int, code: str, detail: str, seconds: int) -> HttpResponseBase:
    response = problem(status, code, detail)
    response["Retry-After"] = str(seconds)
    return response

"""The JSON body of an API request: read strictly, within limits, refused with what to do."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeVar

from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponseBase
from pydantic import BaseModel, ValidationError

from console.lib.problems import problem
from tools_registry.validation import pointers
from tools_registry.validation.syntax import read_value

Model = TypeVar("Model", bound=BaseModel)
LARGEST = 2_000_000
"""Bytes of a request body."""


class Refused(Exception):
    """A request that cannot be served; the arguments are those of ``problem``."""

    def __init__(self, status: int, code: str, detail: str, **more: Any) -> None:
        super().__init__(detail)
        self.status, self.code, self.detail, self.more = status, code, detail, more


def refusing(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    """Turn ``Refused`` into its problem document."""

    @functools.wraps(view)
    def answer(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        try:
            return view(request, *args, **kwargs)
        except Refused as refused:
            return problem(refused.status, refused.code, refused.detail, **refused.more)

    return answer


def read_text(request: HttpRequest) -> str:
    """The body as text. Raises ``Refused``: too large, or not UTF-8."""
    detail = f"Send at most {LARGEST:,} bytes."
    try:
        if int(request.headers.get("Content-Length") or 0) > LARGEST:
            raise Refused(413, "body_too_large", detail)
        body = request.body
    except (RequestDataTooBig, ValueError):
        raise Refused(413, "body_too_large", detail) from None
    if len(body) > LARGEST:
        raise Refused(413, "body_too_large", detail)
    try:
        return body.decode()
    except UnicodeDecodeError as error:
        raise Refused(400, "not_utf8", f"Send UTF-8; byte {error.start} is none.") from None


def read_json(request: HttpRequest) -> Any:
    """The body as JSON. Raises ``Refused``: also where it is no JSON, or nested too deep."""
    value, finding = read_value(read_text(request))
    if finding:
        raise Refused(400, "malformed_json", f"Send JSON. {finding.message}.", **finding.detail)
    return value


def read_body(request: HttpRequest, model: type[Model]) -> Model:
    """The body as a pydantic model. Raises ``Refused`` with each wrong field."""
    value = read_json(request)
    try:
        return model.model_validate(value)
    except ValidationError as error:
        errors = [
            {"pointer": pointers.of(one["loc"]), "message": one["msg"]} for one in error.errors()
        ]
        first = errors[0]
        where = f" at {first['pointer']}" if first["pointer"] else ""
        detail = f"{first['message']}{where}."
        raise Refused(422, "invalid_request", detail, errors=errors) from None

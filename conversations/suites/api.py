"""Suites for programs: the list, one, its cases as JSON lines, and adding to it."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponseBase, JsonResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe
from pydantic import BaseModel, ConfigDict, Field

from console.accounts.access import ApiRequest, api_key
from conversations.doors.bodies import STATUS, TooFast, read_body
from conversations.ingest.compression import BadBody
from conversations.suites import keeping
from conversations.suites.cases import BadCase, read_case
from conversations.suites.exporting import write_lines
from conversations.suites.keeping import Added, BadSuite
from conversations.suites.reading import Refusal, read_file
from conversations.suites.records import Suite
from tools_registry import bodies
from tools_registry.bodies import Refused, refusing

_SHOWN = 1000


class NewSuite(BaseModel):
    """The body of ``POST /api/v1/suites``; its cases, few as they are, are taken all or none."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(min_length=1, max_length=120)
    description: str = Field(default="", max_length=500)
    cases: list[dict[str, Any]] = Field(default_factory=list, max_length=1000)


@api_key("read", POST="replay")
@require_http_methods(["GET", "HEAD", "POST"])
@refusing
def answer_suites(request: ApiRequest) -> HttpResponseBase:
    """Every suite, the last changed first; a POST makes one."""
    if request.method == "POST":
        return _create(request)
    rows = Suite.objects.filter(project=request.project).order_by("-changed_at", "-pk")
    return JsonResponse({"suites": [describe(row) for row in rows[:_SHOWN]]})


def describe(suite: Suite) -> dict[str, Any]:
    return {
        "id": suite.pk,
        "name": suite.name,
        "description": suite.description,
        "cases": suite.case_count,
        "created_at": suite.created_at.isoformat(),
        "changed_at": suite.changed_at.isoformat(),
        "cases_url": reverse("conversations:api-suite-cases", args=[suite.pk]),
    }


def _create(request: ApiRequest) -> HttpResponseBase:
    asked = bodies.read_body(request, NewSuite)
    try:
        entries = []
        for at, case in enumerate(asked.cases):
            pointer = f"/cases/{at}"
            entries.append(read_case(case))
        suite = keeping.create_suite(request.project, asked.name, description=asked.description)
    except BadCase as error:
        detail = f"{pointer}{error.pointer}: {error.detail}."
        raise Refused(422, "bad_case", detail, pointer=pointer + error.pointer) from None
    except BadSuite as error:
        raise Refused(409, "suite_exists", str(error)) from None
    keeping.add_cases(suite, entries, origin="api", source=request.api_key.name)
    suite.refresh_from_db()
    address = reverse("conversations:api-suite", args=[suite.pk])
    return JsonResponse(describe(suite), status=201, headers={"Location": address})


@api_key("read")
@require_safe
def answer_suite(request: ApiRequest, suite: int) -> HttpResponseBase:
    return JsonResponse(describe(_find(request, suite)))


def _find(request: ApiRequest, suite: int) -> Suite:
    return get_object_or_404(Suite, project=request.project, pk=suite)


@api_key("read", POST="replay")
@require_http_methods(["GET", "HEAD", "POST"])
@refusing
def answer_cases(request: ApiRequest, suite: int) -> HttpResponseBase:
    """The cases as JSON lines; a POST adds lines of the same form, gzip or plain."""
    found = _find(request, suite)
    if request.method == "POST":
        return _import(request, found)
    return StreamingHttpResponse(write_lines(found), content_type="application/x-ndjson")


def _import(request: ApiRequest, suite: Suite) -> HttpResponseBase:
    try:
        body = b"".join(read_body(request))
    except BadBody as error:
        raise Refused(STATUS.get(error.code, 400), error.code, error.detail) from None
    except TooFast as error:
        raise Refused(429, "too_fast", str(error)) from None
    read = read_file(body)
    added = keeping.add_cases(suite, read.entries, origin="api", source=request.api_key.name)
    return JsonResponse(_tell(added, read.refused, read.remarks))


def _tell(added: Added, refused: list[Refusal], remarks: list[Refusal]) -> dict[str, Any]:
    return {
        "added": added.added,
        "duplicate": added.duplicate,
        "beyond": added.beyond,
        "refused": len(refused),
        "errors": [one.to_json() for one in refused[:_SHOWN]],
        "remarks": [one.to_json() for one in remarks[:_SHOWN]],
    }

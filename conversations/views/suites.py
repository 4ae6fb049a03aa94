"""Suites: the list, one with its cases, made anew, and filled from a file."""

from __future__ import annotations

from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.text import slugify
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from console.accounts.access import ProjectRequest, member
from conversations.ingest.compression import BadBody, decompress
from conversations.suites import keeping
from conversations.suites.exporting import write_lines
from conversations.suites.keeping import Added, BadSuite
from conversations.suites.reading import read_file
from conversations.suites.records import Suite
from conversations.suites.summaries import summarise

LARGEST = 50_000_000
"""Bytes of a file, unpacked."""
_PAGE = 50
_SHOWN = 200
_GZIP = b"\x1f\x8b"


def find_suite(request: ProjectRequest, suite: int) -> Suite:
    return get_object_or_404(Suite, project=request.project, pk=suite)


def address_of(request: ProjectRequest, suite: Suite) -> str:
    return reverse("conversations:suite", args=[request.project.slug, suite.pk])


@member("viewer")
@require_safe
def list_suites(request: ProjectRequest) -> HttpResponse:
    rows = Suite.objects.filter(project=request.project).order_by("-changed_at", "-pk")
    context = {
        "suites": list(rows.select_related("created_by")[:_SHOWN]),
        "may_change": request.member.may("responder"),
    }
    return render(request, "conversations/suite_list.html", context)


@member("viewer")
@require_safe
def show_suite(request: ProjectRequest, suite: int) -> HttpResponse:
    """The cases in their order; ``q`` finds words of their titles, ``told`` the untold ones."""
    found = find_suite(request, suite)
    words, told = request.GET.get("q", "").replace("\0", "")[:200], request.GET.get("told", "")
    rows = found.cases.order_by("position", "number")
    if words:
        rows = rows.filter(title__icontains=words)
    if told in ("yes", "no"):
        rows = rows.filter(expectation="") if told == "no" else rows.exclude(expectation="")
    start = read_number(request.GET.get("from", ""))
    page = list(rows[start : start + _PAGE + 1])
    more = start + _PAGE if len(page) > _PAGE else None
    context = {
        "suite": found,
        "rows": [summarise(row) for row in page[:_PAGE]],
        "untold": found.cases.filter(expectation="").count(),
        "words": words,
        "told": told,
        "filtered": bool(words or told),
        "kept": urlencode({"q": words, "told": told}),
        "start": start,
        "older": more,
        "newer": max(0, start - _PAGE) if start else None,
        "may_change": request.member.may("responder"),
        "may_replay": request.member.may("responder"),
    }
    return render(request, "conversations/suite.html", context)


def read_number(text: str) -> int:
    return int(text) if text.isdecimal() and len(text) < 9 else 0


@member("responder")
@require_POST
def edit_suite(request: ProjectRequest, suite: int) -> HttpResponse:
    found = find_suite(request, suite)
    try:
        keeping.rename_suite(
            found, request.POST.get("name", ""), request.POST.get("description", "")
        )
        messages.success(request, "The suite is renamed.")
    except BadSuite as error:
        messages.error(request, str(error))
    return redirect(address_of(request, found))


@member("responder")
@require_POST
def delete_suite(request: ProjectRequest, suite: int) -> HttpResponse:
    found = find_suite(request, suite)
    found.delete()
    messages.success(request, f"{found.name} and its {found.case_count:,} cases are deleted.")
    return redirect("conversations:suite-list", request.project.slug)


@member("viewer")
@require_safe
def export_suite(request: ProjectRequest, suite: int) -> HttpResponseBase:
    """Every case as JSON, one a line, as the import reads it."""
    found = find_suite(request, suite)
    name = slugify(found.name) or f"suite-{found.pk}"
    return StreamingHttpResponse(
        write_lines(found),
        content_type="application/x-ndjson",
        headers={"Content-Disposition": f'attachment; filename="{name}.jsonl"'},
    )


# ---- files


@member("responder")
@require_http_methods(["GET", "HEAD", "POST"])
def create_suite(request: ProjectRequest) -> HttpResponse:
    """A suite by its name, empty or with the cases of a file."""
    if request.method != "POST":
        return _show_new(request)
    try:
        body = _read_upload(request)
        suite = keeping.create_suite(
            request.project,
            request.POST.get("name", ""),
            description=request.POST.get("description", ""),
            user=request.user,
        )
    except (BadSuite, BadBody) as error:
        return _show_new(request, str(error), status=422)
    return _import(request, suite, body) if body else redirect(address_of(request, suite))


def _show_new(request: ProjectRequest, problem: str = "", status: int = 200) -> HttpResponse:
    context = {
        "problem": problem,
        "name": request.POST.get("name", ""),
        "description": request.POST.get("description", ""),
        "largest": LARGEST,
    }
    return render(request, "conversations/suite_new.html", context, status=status)


@member("responder")
@require_POST
def import_cases(request: ProjectRequest, suite: int) -> HttpResponse:
    """Add the cases of a file; the page says per line what was refused and why."""
    found = find_suite(request, suite)
    try:
        body = _read_upload(request)
        if not body:
            raise BadSuite("Choose a file.")
    except (BadSuite, BadBody) as error:
        messages.error(request, str(error))
        return redirect(address_of(request, found))
    return _import(request, found, body)


def _read_upload(request: ProjectRequest) -> bytes:
    """The file, unpacked; nothing where none was chosen. Raises ``BadBody``."""
    upload = request.FILES.get("file")
    if upload is None or not upload.size:
        return b""
    encoding = "gzip" if upload.read(2) == _GZIP else None
    upload.seek(0)
    return b"".join(decompress(upload.chunks(), encoding, LARGEST))


def _import(request: ProjectRequest, suite: Suite, body: bytes) -> HttpResponse:
    name = str(getattr(request.FILES.get("file"), "name", ""))
    read = read_file(body)
    added = keeping.add_cases(suite, read.entries, origin="file", source=name, user=request.user)
    if not (read.refused or read.remarks):
        messages.success(request, tell_added(suite, added))
        return redirect(address_of(request, suite))
    context = {
        "suite": suite,
        "name": name,
        "added": added,
        "refused": read.refused[:_SHOWN],
        "refused_count": len(read.refused),
        "remarks": read.remarks[:_SHOWN],
        "remark_count": len(read.remarks),
    }
    return render(request, "conversations/suite_import.html", context)


def tell_added(suite: Suite, added: Added) -> str:
    said = f"{added.added:,} case{'' if added.added == 1 else 's'} added to {suite.name}."
    if added.duplicate:
        said += f" {added.duplicate:,} were in it already."
    if added.beyond:
        said += f" {added.beyond:,} were left out: a suite holds {keeping.MOST:,}."
    return said

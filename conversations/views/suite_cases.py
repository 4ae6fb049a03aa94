"""The cases of a suite: written by hand, edited, judged, moved and deleted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from console.accounts.access import ProjectRequest, member
from console.lib import json
from conversations.suites import keeping
from conversations.suites.cases import Entry, judge_answer, unknown_names
from conversations.suites.drafts import read_typed, read_typed_answer
from conversations.suites.keeping import BadSuite, entry_of
from conversations.suites.records import Suite, SuiteCase
from conversations.suites.summaries import describe_calls, judge_recorded, tell
from conversations.views.suites import find_suite
from tools_registry.policies.drafts import Fault
from tools_registry.validation.findings import worst

_NEW = {
    "messages": [
        {"role": "system", "content": "You are an assistant."},
        {"role": "user", "content": "What is the weather in Oslo?"},
    ],
    "tools": [
        {
            "type": "function",
            "function": {
                "name": "get_weather",
                "description": "The weather of a city now.",
                "parameters": {
                    "type": "object",
                    "properties": {"city": {"type": "string"}},
                    "required": ["city"],
                },
            },
        }
    ],
    "parameters": {},
    "expected": {"calls": [{"name": "get_weather", "arguments": {"city": "Oslo"}}]},
    "note": "",
}


@member("responder")
@require_http_methods(["GET", "HEAD", "POST"])
def create_case(request: ProjectRequest, suite: int) -> HttpResponse:
    found = find_suite(request, suite)
    if request.method != "POST":
        return _show(request, found, None, json.pretty(_NEW))
    text = request.POST.get("document", "")
    entry, faults = read_typed(text)
    if entry is None:
        return _show(request, found, None, text, faults)
    added = keeping.add_cases(found, [entry], origin="hand", user=request.user)
    if not added.added:
        full = f"The suite holds {keeping.MOST:,} cases, as many as it may."
        taken = f"Another case has the id {entry.case.key}. Choose another, or none."
        return _show(request, found, None, text, problem=full if added.beyond else taken)
    row = found.cases.latest("number")
    messages.success(request, f"Case {row.number} is added.")
    return redirect("conversations:suite-case", request.project.slug, found.pk, row.number)


@member("viewer")
@require_http_methods(["GET", "HEAD", "POST"])
def edit_case(request: ProjectRequest, suite: int, number: int) -> HttpResponse:
    """A case with its editor; members from responder on may keep what they write."""
    found = find_suite(request, suite)
    row = get_object_or_404(SuiteCase, suite=found, number=number)
    if request.method != "POST" or not request.member.may("responder"):
        return _show(request, found, row, json.pretty(entry_of(row).to_json()))
    text = request.POST.get("document", "")
    entry, faults = read_typed(text)
    if entry is None:
        return _show(request, found, row, text, faults)
    revision = request.POST.get("revision", "")
    try:
        seen = int(revision) if revision.isdecimal() and len(revision) < 9 else 0
        written = keeping.save_case(row, entry, revision=seen)
    except BadSuite as error:
        return _show(request, found, row, text, problem=str(error))
    if not written:
        row.refresh_from_db()
        problem = (
            "Somebody changed this case while you were editing. Yours is in the editor, theirs"
            " below: put together what should stay, and save again."
        )
        theirs = json.pretty(entry_of(row).to_json())
        return _show(request, found, row, text, problem=problem, theirs=theirs)
    messages.success(request, f"Case {number} is saved.")
    return redirect("conversations:suite-case", request.project.slug, found.pk, number)


def _show(
    request: ProjectRequest,
    suite: Suite,
    row: SuiteCase | None,
    text: str,
    faults: Sequence[Fault] = (),
    *,
    problem: str = "",
    theirs: str = "",
) -> HttpResponse:
    context = {
        "suite": suite,
        "row": row,
        "text": text,
        "faults": faults,
        "problem": problem,
        "theirs": theirs,
        "may_change": request.member.may("responder"),
        **(_neighbours(suite, row) if row else {}),
    }
    status = 409 if theirs else 422 if faults or problem else 200
    return render(request, "conversations/suite_case.html", context, status=status)


def _neighbours(suite: Suite, row: SuiteCase) -> dict[str, Any]:
    rows = suite.cases.order_by("position", "number").values_list("number", flat=True)
    before = rows.filter(position__lt=row.position).last()
    after = rows.filter(position__gt=row.position).first()
    return {"before": before, "after": after}


@member("viewer")
@require_POST
def judge_typed(request: ProjectRequest, suite: int) -> HttpResponse:
    """What the case in ``document`` expects, and what it says of ``answer``; nothing is saved."""
    find_suite(request, suite)
    entry, faults = read_typed(request.POST.get("document", ""))
    context: dict[str, Any] = {"faults": faults}
    if entry is not None:
        context |= _judge(entry, request.POST.get("answer", ""))
    return render(request, "conversations/_suite_judged.html", context)


def _judge(entry: Entry, answer: str) -> dict[str, Any]:
    case, recorded = entry.case, judge_recorded(entry.case)
    context: dict[str, Any] = {
        "case": case,
        "wanted": describe_calls(case.expectation),
        "said": tell(case.expectation),
        "unknown": unknown_names(case),
        "recorded": case.recorded,
        "recorded_findings": recorded.findings if recorded else (),
        "recorded_verdict": worst(recorded.findings) if recorded else "",
        "answered": bool(answer.strip()),
    }
    if answer.strip() and case.expectation is not None:
        calls, faults = read_typed_answer(answer)
        judged = judge_answer(case, calls) if calls is not None else None
        context |= {
            "answer_faults": faults,
            "findings": judged.findings if judged else (),
            "verdict": worst(judged.findings) if judged else "",
        }
    return context


@member("responder")
@require_POST
def delete_cases(request: ProjectRequest, suite: int) -> HttpResponse:
    """Delete the ticked cases."""
    found = find_suite(request, suite)
    numbers = [int(n) for n in request.POST.getlist("case") if n.isdecimal() and len(n) < 9]
    count = keeping.delete_cases(found, numbers)
    messages.success(request, f"{count:,} case{' is' if count == 1 else 's are'} deleted.")
    return redirect("conversations:suite", request.project.slug, found.pk)


@member("responder")
@require_POST
def move_case(request: ProjectRequest, suite: int) -> HttpResponse:
    """Put case ``number`` at the place ``to``."""
    found = find_suite(request, suite)
    number, to = request.POST.get("number", ""), request.POST.get("to", "")
    if all(value.isdecimal() and len(value) < 9 for value in (number, to)):
        keeping.move_case(found, int(number), int(to))
    back = request.POST.get("from", "")
    start = f"?from={back}" if back.isdecimal() and len(back) < 9 and back != "0" else ""
    response = redirect("conversations:suite", request.project.slug, found.pk)
    response["Location"] += f"{start}#case-{number}" if number.isdecimal() else start
    return response

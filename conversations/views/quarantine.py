"""Records that could not be stored as they came: read, corrected and sent again, or discarded."""

from __future__ import annotations

from django.contrib import messages
from django.db import transaction
from django.db.models import Count
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from console.accounts.access import ProjectRequest, member
from console.lib.fields import to_stored
from console.lib.pages import BadCursor, read_page
from conversations.ingest.batch import Entry, read_batch
from conversations.ingest.files import Source, read_file
from conversations.ingest.record import BadRecord
from conversations.ingest.store import Outcome, Sender, store_entries
from conversations.models import Quarantined

AT_ONCE = 500
_LARGEST_EDIT = 1024 * 1024
_PAGE = "conversations/quarantined.html"


@member("viewer")
@require_safe
def list_open(request: ProjectRequest) -> HttpResponse:
    """Open records, newest first, of one reason where it is chosen."""
    waiting = Quarantined.objects.filter(project=request.project, status="open")
    reasons = waiting.values("reason").annotate(count=Count("pk")).order_by("-count", "reason")
    reason = request.GET.get("reason", "").replace("\0", "")
    chosen = waiting.filter(reason=reason) if reason else waiting
    try:
        page = read_page(chosen.defer("body"), ["id"], request.GET.get("older", ""))
    except BadCursor:
        raise Http404("no such page") from None
    context = {
        "page": page,
        "reasons": list(reasons),
        "reason": reason,
        "may_settle": request.member.may("engineer"),
        "tab": "quarantine",
    }
    return render(request, "conversations/quarantine.html", context)


@member("viewer")
@require_safe
def show(request: ProjectRequest, record: int) -> HttpResponse:
    """One record with its reason."""
    held = get_object_or_404(Quarantined, pk=record, project=request.project)
    return _render(request, held, bytes(held.body).decode(errors="replace"))


@member("engineer")
@require_POST
def send(request: ProjectRequest, record: int) -> HttpResponse:
    """Send the corrected text again."""
    held = get_object_or_404(Quarantined, pk=record, project=request.project)
    text = request.POST.get("text", "")
    if len(text) > _LARGEST_EDIT:
        return _render(request, held, text, error="The text is too large for this.", status=413)
    return _send_again(request, held, text)


def _render(
    request: ProjectRequest, held: Quarantined, text: str, *, error: str = "", status: int = 200
) -> HttpResponse:
    context = {
        "held": held,
        "text": to_stored(text),
        "error": error,
        "is_large": len(text) > _LARGEST_EDIT,
        "may_settle": request.member.may("engineer") and held.status == "open",
        "tab": "quarantine",
    }
    return render(request, _PAGE, context, status=status)


def _send_again(request: ProjectRequest, held: Quarantined, text: str) -> HttpResponse:
    entries = _read(text.encode("utf-8", "replace"))
    wrong = next((entry.item for entry in entries if isinstance(entry.item, BadRecord)), None)
    if wrong is not None or not entries:
        error = f"{wrong.code}: {wrong.detail}" if wrong else "There is no record in the text."
        return _render(request, held, text, error=error, status=422)
    outcome = _settle(request, held, entries)
    if outcome is None:
        messages.info(request, "Somebody settled this record before; nothing was sent.")
    elif outcome.quarantined or outcome.rejected:
        messages.warning(request, f"It came back: {outcome.errors[0].detail}")
    else:
        became = "It is stored" if outcome.stored else "It is a duplicate of what is stored"
        messages.success(request, f"{became}.")
    return redirect("conversations:quarantine", request.project.slug)


def _read(body: bytes) -> list[Entry]:
    """The text as canonical records, else as what a file may hold."""
    entries = list(read_batch(body, "application/json"))
    if any(isinstance(entry.item, BadRecord) for entry in entries):
        others = list(read_file(b" ".join(body.split(b"\n")), Source(at=timezone.now())))
        if others and not any(isinstance(entry.item, BadRecord) for entry in others):
            return others
    return entries


def _settle(request: ProjectRequest, held: Quarantined, entries: list[Entry]) -> Outcome | None:
    """Mark the record as sent again and send it, both or neither; None where it is not open."""
    with transaction.atomic():
        if not _close(request, held, "resent"):
            return None
        source = held.door if held.door != "page" else ""
        return store_entries(Sender(request.project, "page"), entries, source=source)


def _close(request: ProjectRequest, held: Quarantined, status: str) -> bool:
    """Compare and set, so that a record is settled once."""
    changed = Quarantined.objects.filter(pk=held.pk, status="open").update(
        status=status, settled_at=timezone.now(), settled_by=request.user
    )
    return changed == 1


@member("engineer")
@require_POST
def discard(request: ProjectRequest, record: int) -> HttpResponse:
    held = get_object_or_404(Quarantined, pk=record, project=request.project)
    if _close(request, held, "discarded"):
        messages.success(request, "The record is discarded; the accounting still counts it.")
    return redirect("conversations:quarantine", request.project.slug)


@member("engineer")
@require_POST
def settle_all(request: ProjectRequest) -> HttpResponse:
    """Send again, or discard, all open records of one reason as they are."""
    reason = request.POST.get("reason", "").replace("\0", "")
    waiting = Quarantined.objects.filter(project=request.project, status="open", reason=reason)
    if request.POST.get("action") == "discard":
        count = waiting.update(
            status="discarded", settled_at=timezone.now(), settled_by=request.user
        )
        messages.success(request, f"{count} records are discarded.")
        return redirect("conversations:quarantine", request.project.slug)
    total = Outcome()
    for held in waiting.order_by("pk")[:AT_ONCE]:
        entries = _read(bytes(held.body))
        if any(isinstance(entry.item, BadRecord) for entry in entries):
            continue
        total += _settle(request, held, entries) or Outcome()
    left = waiting.count()
    stored = total.stored + total.duplicate
    rest = f" {left} of this reason still wait: correct them one by one." if left else ""
    messages.info(request, f"{stored} records are stored.{rest}")
    return redirect("conversations:quarantine", request.project.slug)

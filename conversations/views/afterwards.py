"""After the fix: publish what a replay proved, keep the cases, check the rate, close."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from console.accounts.access import ProjectRequest, member
from conversations.incidents import afterwards, publishing
from conversations.incidents.afterwards import Proof
from conversations.incidents.records import Incident
from conversations.replay.records import ReplayVariant
from conversations.suites.records import SuiteCase
from conversations.views.postmortem import find_incident
from tools_registry.publishing import Blocked

_SHOWN = 3


@member("viewer")
@require_safe
def show_afterwards(request: ProjectRequest, number: int) -> HttpResponse:
    """The steps that are left, as a part of the incident's page or alone."""
    incident = find_incident(request, number)
    part = request.htmx and not request.htmx.boosted
    name = "_afterwards" if part else "afterwards"
    return render(request, f"conversations/{name}.html", _describe(request, incident))


def _describe(
    request: ProjectRequest, incident: Incident, blocked: str = "", variant: int = 0
) -> dict[str, Any]:
    proofs = afterwards.read_proofs(incident)[:_SHOWN]
    kept = SuiteCase.objects.filter(suite__project=request.project, source=incident.name)
    return {
        "incident": incident,
        "proofs": [_describe_proof(incident, proof) for proof in proofs],
        "check": afterwards.check(incident, timezone.now()),
        "suite": getattr(kept.select_related("suite").first(), "suite", None),
        "document": getattr(incident, "post_mortem", None),
        "blocked": blocked,
        "blocked_variant": variant,
        "may_publish": request.member.may("engineer"),
        "may_change": request.member.may("responder"),
    }


def _describe_proof(incident: Incident, proof: Proof) -> dict[str, Any]:
    value = proof.variant.value
    changes = publishing.changes_of(incident.project, value)
    policies = [name for name, document in value.policies.items() if document]
    return {
        "proof": proof,
        "changes": changes,
        "policies": policies,
        "open": [change for change in changes if not change.is_published],
        "errors": [error for change in changes for error in change.errors],
    }


@member("engineer")
@require_POST
def publish_fix(request: ProjectRequest, number: int) -> HttpResponse:
    """Publish the tools and policies of a replay's variant, with the replay as evidence."""
    incident = find_incident(request, number)
    chosen = request.POST.get("variant", "")
    key = int(chosen) if chosen.isdecimal() and len(chosen) < 18 else 0
    variants = ReplayVariant.objects.select_related("replay__project")
    variant = variants.filter(pk=key, replay__incident=incident).first()
    proofs = afterwards.proofs_of(variant.replay) if variant else ()
    proof = next((one for one in proofs if one.variant == variant), None)
    try:
        if variant is None:
            raise Blocked("Choose a variant of one of this incident's replays")
        if proof is None:
            raise Blocked("No case of this variant is judged yet: wait for the replay")
        reason = request.POST.get("reason", "").replace("\0", "").strip()
        changes = publishing.publish(incident, proof, request.user, reason=reason)
    except Blocked as blocked:
        context = _describe(request, incident, f"Not published. {blocked}.", key)
        return render(request, "conversations/afterwards.html", context, status=422)
    names = ", ".join(map(str, changes)) or "The policy"
    messages.success(request, f"{names} published, with {proof.replay.name} as the evidence.")
    return _go(request, number)


@member("responder")
@require_POST
def close_incident(request: ProjectRequest, number: int) -> HttpResponse:
    """Resolve the incident; what the check says stands in its timeline."""
    incident = find_incident(request, number)
    found = afterwards.close(incident, request.user, request.POST.get("note", "")[:1000])
    said = found.text if found.recovery else ""
    messages.success(request, f"{incident.name} is resolved. {said}".strip())
    return _go(request, number)


def _go(request: ProjectRequest, number: int) -> HttpResponse:
    return redirect("conversations:incident", request.project.slug, number)

"""The policies of a tool: what is enforced now, the editor of the next one, and its states."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from django.contrib import messages
from django.db import transaction
from django.db.models import Max
from django.http import Http404, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from console.accounts.access import ProjectRequest, member
from console.lib import json
from tools_registry.diff.lines import split_rows
from tools_registry.models import Policy, Tool
from tools_registry.outline import read_rows
from tools_registry.policies import CompiledPolicy
from tools_registry.policies.comparison import KINDS, compare
from tools_registry.policies.drafts import Fault, read_policy
from tools_registry.policies.published import forget_policies
from tools_registry.policies.spec import CONTENT, PolicySpec
from tools_registry.policies.wording import tell_execution
from tools_registry.validation.findings import CODES

_SHOWN = 200


def _find_tool(request: ProjectRequest, name: str) -> Tool:
    return get_object_or_404(Tool, project=request.project, name=name)


def _find_policy(request: ProjectRequest, name: str, number: int) -> Policy:
    return get_object_or_404(
        Policy.objects.select_related("tool", "created_by", "published_by"),
        tool=_find_tool(request, name),
        number=number,
    )


def _policies_of(tool: Tool) -> list[Policy]:
    rows = tool.policies.select_related("created_by", "published_by").order_by("-number")
    return list(rows[:_SHOWN])


@member("viewer")
@require_safe
def show_policies(request: ProjectRequest, name: str) -> HttpResponse:
    """The published policy of the tool, the newest one where none is."""
    tool = _find_tool(request, name)
    policies = _policies_of(tool)
    published = next((one for one in policies if one.state == "published"), None)
    return _show(request, tool, policies, published or next(iter(policies), None))


@member("viewer")
@require_safe
def show_policy(request: ProjectRequest, name: str, number: int) -> HttpResponse:
    policy = _find_policy(request, name, number)
    return _show(request, policy.tool, _policies_of(policy.tool), policy)


def _show(
    request: ProjectRequest, tool: Tool, policies: Sequence[Policy], policy: Policy | None
) -> HttpResponse:
    spec = policy.spec if policy else None
    drafts = [one for one in policies if one.state == "draft"]
    context = {
        "tool": tool,
        "policies": policies,
        "policy": policy,
        "published": next((one for one in policies if one.state == "published"), None),
        "draft": next(iter(drafts), None),
        "spec": spec,
        "content": [(code, CODES[code].summary, getattr(spec.content, code)) for code in CONTENT]
        if spec
        else [],
        "settings": list(tell_execution(spec.execution)) if spec else [],
        "document": json.pretty(spec.to_json()) if spec else "",
        "may_change": request.member.may("engineer"),
    }
    return render(request, "tools_registry/policy.html", context)


@member("engineer")
@require_http_methods(["GET", "HEAD", "POST"])
def create_policy(request: ProjectRequest, name: str) -> HttpResponse:
    """Write the next policy, from the one that ``from`` names or from the newest."""
    tool = _find_tool(request, name)
    if request.method == "POST":
        return _save(request, tool, None)
    wanted = request.GET.get("from", "")
    older = tool.policies.filter(number=wanted).first() if _is_number(wanted) else None
    start = older or tool.policies.order_by("-number").first()
    return _show_editor(request, tool, None, _text_of(start.spec if start else PolicySpec()))


def _is_number(text: str) -> bool:
    return text.isdecimal() and len(text) < 10


@member("engineer")
@require_http_methods(["GET", "HEAD", "POST"])
def edit_policy(request: ProjectRequest, name: str, number: int) -> HttpResponse:
    """Write on at a draft."""
    policy = _find_policy(request, name, number)
    if policy.state != "draft":
        messages.info(request, f"Policy {number} is {policy.state} and never changes.")
        return _go(request, policy)
    if request.method == "POST":
        return _save(request, policy.tool, policy)
    return _show_editor(request, policy.tool, policy, _text_of(policy.spec), note=policy.note)


def _text_of(spec: PolicySpec) -> str:
    return json.pretty(spec.to_json())


def _show_editor(
    request: ProjectRequest,
    tool: Tool,
    policy: Policy | None,
    text: str,
    faults: Sequence[Fault] = (),
    note: str = "",
) -> HttpResponse:
    version = tool.latest
    spec = version.spec if version else None
    rows = read_rows(spec.parameters) if spec and spec.parameters else []
    context = {
        "tool": tool,
        "policy": policy,
        "text": text,
        "note": note,
        "faults": [fault.to_json() for fault in faults],
        "names": [row.name for row in rows],
        "next": policy.number if policy else _next_number(tool),
    }
    status = 422 if faults else 200
    return render(request, "tools_registry/policy_edit.html", context, status=status)


def _next_number(tool: Tool) -> int:
    return (tool.policies.aggregate(highest=Max("number"))["highest"] or 0) + 1


def _save(request: ProjectRequest, tool: Tool, policy: Policy | None) -> HttpResponse:
    text = request.POST.get("document", "")
    note = request.POST.get("note", "").replace("\0", "").strip()[:300]
    compiled, faults = read_policy(text)
    if compiled is None:
        return _show_editor(request, tool, policy, text, faults, note)
    row = _store(request, tool, policy, compiled, note)
    if request.POST.get("then") == "publish":
        return _publish(request, row)
    messages.success(request, f"Kept as draft {row.number}. Calls are not judged by it yet.")
    return _go(request, row)


def _store(
    request: ProjectRequest, tool: Tool, policy: Policy | None, compiled: CompiledPolicy, note: str
) -> Policy:
    """Write on at the draft; where somebody published or discarded it meanwhile, a new one."""
    with transaction.atomic():
        Tool.objects.select_for_update().get(pk=tool.pk)
        row = None
        if policy is not None:
            row = Policy.objects.filter(pk=policy.pk, state="draft").first()
        if row is None:
            row = Policy(
                project=request.project,
                tool=tool,
                number=_next_number(tool),
                created_by=request.user,
            )
        row.note = note
        row.write(compiled.spec)
        row.save()
    return row


@member("engineer")
@require_POST
def publish_policy(request: ProjectRequest, name: str, number: int) -> HttpResponse:
    """Judge calls by this policy from now on; a retired one comes back."""
    return _publish(request, _find_policy(request, name, number))


def _publish(request: ProjectRequest, policy: Policy) -> HttpResponse:
    compiled, faults = read_policy(policy.document)
    if compiled is None:
        messages.error(request, f"Policy {policy.number} cannot be used: {faults[0].message}.")
        return _go(request, policy)
    policy.publish(request.user)
    forget_policies(request.project)
    messages.success(
        request, f"Policy {policy.number} is published. Calls from now on are judged by it."
    )
    return _go(request, policy)


@member("engineer")
@require_POST
def retire_policy(request: ProjectRequest, name: str, number: int) -> HttpResponse:
    policy = _find_policy(request, name, number)
    if policy.state == "published":
        policy.retire(request.user)
        forget_policies(request.project)
        messages.success(request, f"Policy {number} is retired. {name} has no policy now.")
    return _go(request, policy)


@member("engineer")
@require_POST
def discard_policy(request: ProjectRequest, name: str, number: int) -> HttpResponse:
    """Delete a draft."""
    policy = _find_policy(request, name, number)
    if policy.state != "draft":
        messages.info(request, f"Policy {number} is {policy.state} and stays.")
        return _go(request, policy)
    policy.delete()
    messages.success(request, f"Draft {number} is discarded.")
    return redirect("tools_registry:policy-list", request.project.slug, name)


def _go(request: ProjectRequest, policy: Policy) -> HttpResponse:
    return redirect(
        "tools_registry:policy-detail", request.project.slug, policy.tool.name, policy.number
    )


@member("viewer")
@require_safe
def compare_policies(request: ProjectRequest, name: str) -> HttpResponse:
    """What changed between two policies, and the text of both; by default the newest and the one
    before."""
    tool = _find_tool(request, name)
    policies = _policies_of(tool)
    new = _pick(request, "to", policies) or next(iter(policies), None)
    earlier = [one for one in policies if new and one.number < new.number]
    old = _pick(request, "from", policies) or next(iter(earlier), None)
    context: dict[str, Any] = {"tool": tool, "policies": policies, "old": old, "new": new}
    if old and new:
        rows = split_rows(_text_of(old.spec), _text_of(new.spec))
        context["rows"] = rows
        changes = compare(old.spec, new.spec)
        context["changes"] = changes
        counted = Counter(change.kind for change in changes)
        context["counts"] = [(kind, counted[kind]) for kind in KINDS if counted[kind]]
    return render(request, "tools_registry/policy_diff.html", context)


def _pick(request: ProjectRequest, side: str, policies: Sequence[Policy]) -> Policy | None:
    number = request.GET.get(side, "")
    if not number:
        return None
    found = [one for one in policies if _is_number(number) and one.number == int(number)]
    if not found:
        raise Http404(f"There is no policy {number[:20]}")
    return found[0]


@member("engineer")
@require_POST
def check_policy(request: ProjectRequest) -> HttpResponse:
    """What is wrong with the text of a policy, at which lines; nothing is saved."""
    compiled, faults = read_policy(request.POST.get("document", ""))
    return JsonResponse(
        {"valid": compiled is not None, "problems": [fault.to_json() for fault in faults]}
    )

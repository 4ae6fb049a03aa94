"""A policy tried on the tool's recorded calls, while it is being written."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_POST

from console.accounts.access import ProjectRequest, member
from conversations.bound_tryout import try_bounds
from conversations.policy_tryout import try_policy as try_on_calls
from tools_registry.models import Tool
from tools_registry.policies.drafts import read_policy
from tools_registry.policies.execution import Execution
from tools_registry.specs import ToolSpec


@member("engineer")
@require_POST
def try_policy(request: ProjectRequest) -> HttpResponse:
    """What the policy in ``document`` would make of the last calls of ``tool``."""
    name = request.POST.get("tool", "").replace("\0", "")
    tool = Tool.objects.filter(project=request.project, name=name).first()
    if tool is None:
        return HttpResponse("Name a tool of this project.", status=422, content_type="text/plain")
    policy, faults = read_policy(request.POST.get("document", ""))
    version = tool.latest
    spec = version.spec if version else ToolSpec(tool.name)
    tried = try_on_calls(request.project, spec, policy) if policy else None
    execution = policy.spec.execution if policy else Execution()
    effects = try_bounds(request.project, tool.name, execution)
    context = {"tried": tried, "effects": effects, "faults": faults, "tool": tool}
    return render(request, "conversations/_policy_tried.html", context)

"""``POST /api/v1/execute``: the calls of a turn, run as their tools' policies say."""

from __future__ import annotations

from django.http import HttpResponseBase, JsonResponse
from django.views.decorators.http import require_POST

from console.accounts.access import ApiRequest, api_key
from conversations.doors.execution import joining
from conversations.doors.execution.bodies import Order
from conversations.doors.execution.running import read_order, run, tell
from tools_registry.bodies import read_body, refusing


@api_key("execute")
@require_POST
@refusing
def execute_calls(request: ApiRequest) -> HttpResponseBase:
    """Answer once every call has ended, or the order's deadline is over."""
    work = read_order(request.project, read_body(request, Order))
    done = run(work)
    if done.executed is not None:
        joining.join_later(work, done.executed)
    return JsonResponse(tell(work, done))

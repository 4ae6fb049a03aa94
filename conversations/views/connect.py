"""How an application sends its turns to this project: the change for each SDK, to copy."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from console.accounts.access import ProjectRequest, member
from console.accounts.models import ApiKey
from conversations.connections import find_open
from conversations.doors.proxy.snippets import Target, base_of, write_exporter, write_snippets
from conversations.models import Connection


@member("viewer")
@require_safe
def show(request: ProjectRequest) -> HttpResponse:
    """The page; ``?connection=<id>`` chooses what the snippets name."""
    open_ones = [found for found in find_open(request.project) if found.protocol != "scripted"]
    asked = request.GET.get("connection", "")
    chosen = next((one for one in open_ones if str(one.pk) == asked), None)
    chosen = chosen or next(iter(open_ones), None)
    site = request.build_absolute_uri("/").rstrip("/")
    targets = [target_of(one) for one in open_ones]
    keys = ApiKey.objects.filter(project=request.project, revoked_at=None)
    example = target_of(chosen) if chosen else Target("connection", "openai")
    context = {
        "connections": open_ones,
        "chosen": chosen,
        "snippets": write_snippets(site, targets, chosen.name if chosen else ""),
        "exporter": write_exporter(site),
        "in_path": f"{base_of(site, example, '$MISFIRE_KEY')}/v1",
        "has_key": keys.filter(scopes__contains=["ingest"]).exists(),
        "may_admin": request.member.may("admin"),
        "may_change": request.member.may("engineer"),
    }
    return render(request, "conversations/connect.html", context)


def target_of(connection: Connection) -> Target:
    """The connection as snippets name it."""
    names = connection.model_names
    lends = connection.protocol == "local" or bool(connection.key_variable)
    return Target(connection.name, connection.protocol, names[0] if names else "", lends)

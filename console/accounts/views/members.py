"""Members of a project and the open invitations to it."""

from __future__ import annotations

from django.contrib import messages
from django.db.models import Case, IntegerField, Value, When
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from console.accounts import invitations
from console.accounts import members as memberships
from console.accounts.access import ProjectRequest, member
from console.accounts.forms import InvitationForm, RoleForm
from console.accounts.models import ROLES, Invitation, Member

_LAST_ADMIN = "The project needs an admin. Make somebody else admin first."


@member("viewer")
@require_safe
def list_members(request: ProjectRequest) -> HttpResponse:
    return _show(request, InvitationForm())


@member("admin")
@require_POST
def change_role(request: ProjectRequest, pk: int) -> HttpResponse:
    who = get_object_or_404(Member, pk=pk, project=request.project)
    form = RoleForm(request.POST)
    if not form.is_valid():
        messages.error(request, f"Choose one of the roles {', '.join(ROLES)}.")
        return _back(request)
    try:
        memberships.change_role(who, form.cleaned_data["role"])
    except memberships.LastAdmin:
        messages.error(request, _LAST_ADMIN)
    else:
        messages.success(request, f"{who.user} is now {who.role}.")
    return _back(request)


@member("admin")
@require_POST
def remove_member(request: ProjectRequest, pk: int) -> HttpResponse:
    who = get_object_or_404(Member, pk=pk, project=request.project)
    try:
        memberships.remove(who)
    except memberships.LastAdmin:
        messages.error(request, _LAST_ADMIN)
        return _back(request)
    if who.user == request.user:
        messages.success(request, f"You left {request.project}.")
        return redirect("console:home")
    messages.success(request, f"{who.user} is no longer in {request.project}.")
    return _back(request)


@member("admin")
@require_POST
def add_invitation(request: ProjectRequest) -> HttpResponse:
    """The answer itself shows the link, this once: only its hash is kept."""
    form = InvitationForm(request.POST)
    if not form.is_valid():
        return _show(request, form, status=422)
    if Member.objects.filter(project=request.project, user__email=form.cleaned_data["email"]):
        form.add_error("email", "This person is a member already. Change the role in the list.")
        return _show(request, form, status=422)
    invitation, token = Invitation.issue(
        project=request.project, invited_by=request.user, **form.cleaned_data
    )
    link = request.build_absolute_uri(invitations.join_path(token))
    return _show(request, InvitationForm(), made=invitation, link=link)


@member("admin")
@require_POST
def revoke_invitation(request: ProjectRequest, pk: int) -> HttpResponse:
    invitation = get_object_or_404(Invitation, pk=pk, project=request.project)
    if invitation.is_open:
        invitations.revoke(invitation)
        messages.success(request, "The link no longer works.")
    else:
        messages.info(request, "The link was used or had expired already.")
    return _back(request)


def _back(request: ProjectRequest) -> HttpResponse:
    # Whoever took away their own role of admin may still see the list.
    return redirect("accounts:members", request.project.slug)


def _show(
    request: ProjectRequest, form: InvitationForm, *, status: int = 200, **more: object
) -> HttpResponse:
    rank = Case(
        *[When(role=role, then=Value(index)) for index, role in enumerate(ROLES)],
        output_field=IntegerField(),
    )
    everybody = Member.objects.filter(project=request.project).select_related("user")
    open_ones = Invitation.objects.filter(
        project=request.project, used_at=None, expires_at__gt=timezone.now()
    )
    context = {
        "tab": "members",
        "members": everybody.order_by(rank.desc(), "user__name", "user__email"),
        "invitations": open_ones.select_related("invited_by").order_by("-created_at"),
        "form": form,
        "roles": ROLES,
        "is_admin": request.member.may("admin"),
        **more,
    }
    response = render(request, "accounts/members.html", context, status=status)
    response["Cache-Control"] = "no-store"
    return response

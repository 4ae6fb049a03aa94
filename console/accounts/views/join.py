"""The page behind a one-time link."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth import login
from django.db import IntegrityError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from console.accounts import invitations
from console.accounts.access import find_member, public
from console.accounts.forms import EMAIL_TAKEN, JoinForm
from console.accounts.invitations import InvitationOver
from console.accounts.models import Invitation, User

_OVER = {
    "unknown": (
        404,
        "This link is not known",
        "It may be cut off or mistyped. Open the whole link, or ask whoever sent it for a new one.",
    ),
    "used": (
        410,
        "This link was used already",
        "A link works once. If you used it, sign in; if not, ask an admin of the project for "
        "a new one.",
    ),
    "expired": (
        410,
        "This link has expired",
        "It was withdrawn, replaced or older than 7 days. Ask whoever sent it for a new one; the "
        "first administrator's link is printed at each start of the console until it is used.",
    ),
    "not_needed": (
        410,
        "The first administrator is there already",
        "Ask an admin of a project for a link that invites you.",
    ),
}


@public
@never_cache
@sensitive_post_parameters("new_password", "repeated")
@require_http_methods(["GET", "HEAD", "POST"])
def join(request: HttpRequest, token: str) -> HttpResponse:
    """A new user gives name and password; somebody signed in accepts with one click."""
    try:
        invitation = invitations.find_open(token)
        if isinstance(request.user, User):
            response = _join_as(request, invitation, request.user)
        else:
            response = _join_newly(request, invitation)
    except InvitationOver as over:
        status, title, text = _OVER[over.reason]
        context = {"title": title, "text": text}
        response = render(request, "accounts/join_over.html", context, status=status)
    # The address is a secret while the link is open, so no Referer holds it. With "no-referrer"
    # a browser would send the form with "Origin: null", which the CSRF check refuses.
    response["Referrer-Policy"] = "strict-origin"
    return response


def _join_newly(request: HttpRequest, invitation: Invitation) -> HttpResponse:
    known = User.objects.filter(email=invitation.email.lower()).exists()
    if invitation.email and known:
        return _show(request, invitation, None)
    is_first = invitation.project is None
    form = JoinForm(
        request.POST if request.method == "POST" else None,
        fixed_email=invitation.email,
        is_first=is_first,
    )
    if request.method != "POST" or not form.is_valid():
        return _show(request, invitation, form)
    given = form.cleaned_data
    try:
        member = invitations.join(
            invitation,
            name=given["name"],
            email=given["email"],
            password=given["new_password"],
            project_name=given.get("project_name", ""),
        )
    except IntegrityError:
        form.add_error("email", EMAIL_TAKEN)
        return _show(request, invitation, form)
    login(request, member.user, "django.contrib.auth.backends.ModelBackend")
    return redirect("console:overview", member.project.slug)


def _join_as(request: HttpRequest, invitation: Invitation, user: User) -> HttpResponse:
    if invitation.project is None:
        raise InvitationOver("not_needed")
    present = find_member(user, invitation.project.slug)
    if present is not None:
        messages.info(request, f"You are in {present.project} already, as {present.role}.")
        return redirect("console:overview", present.project.slug)
    if invitation.email and invitation.email.lower() != user.email:
        return render(request, "accounts/join_other.html", {"invitation": invitation}, status=403)
    if request.method != "POST":
        return render(request, "accounts/join_accept.html", {"invitation": invitation})
    member = invitations.accept(invitation, user)
    messages.success(request, f"You joined {member.project} as {member.role}.")
    return redirect("console:overview", member.project.slug)


def _show(request: HttpRequest, invitation: Invitation, form: JoinForm | None) -> HttpResponse:
    context = {"invitation": invitation, "form": form, "next": request.path}
    status = 422 if form is not None and form.is_bound else 200
    return render(request, "accounts/join.html", context, status=status)

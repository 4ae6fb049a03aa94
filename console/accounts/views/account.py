"""The user's own page: name, e-mail, password, sessions, projects."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth import update_session_auth_hash
from django.db import IntegrityError, transaction
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from console.accounts.access import UserRequest, signed_in
from console.accounts.forms import AccountForm, PasswordForm
from console.accounts.models import Member
from console.accounts.projects import may_make_projects


@signed_in
@sensitive_post_parameters("password")
@require_http_methods(["GET", "HEAD", "POST"])
def account(request: UserRequest) -> HttpResponse:
    form = AccountForm(request.POST if request.method == "POST" else None, user=request.user)
    if request.method == "POST" and form.is_valid() and _save(request, form):
        messages.success(request, "Your account was saved.")
        return redirect("accounts:account")
    return _show(request, form=form)


@signed_in
@sensitive_post_parameters()
@require_POST
def change_password(request: UserRequest) -> HttpResponse:
    """This session goes on, every other one ends: their hash is of the old password."""
    form = PasswordForm(request.POST, user=request.user)
    if not form.is_valid():
        return _show(request, password_form=form)
    request.user.set_password(form.cleaned_data["new_password"])
    request.user.save(update_fields=["password"])
    update_session_auth_hash(request, request.user)
    messages.success(request, "Your password was changed. You are signed out everywhere else.")
    return redirect("accounts:account")


@signed_in
@require_POST
def end_sessions(request: UserRequest) -> HttpResponse:
    request.user.end_sessions()
    update_session_auth_hash(request, request.user)
    messages.success(request, "You are signed out everywhere else.")
    return redirect("accounts:account")


def _save(request: UserRequest, form: AccountForm) -> bool:
    user, given = request.user, form.cleaned_data
    old = user.name, user.email
    user.name, user.email = given["name"], given["email"]
    try:
        with transaction.atomic():
            user.save(update_fields=["name", "email"])
    except IntegrityError:
        user.name, user.email = old
        form.add_error("email", "Another account has this e-mail. Enter another one.")
        return False
    return True


def _show(
    request: UserRequest,
    *,
    form: AccountForm | None = None,
    password_form: PasswordForm | None = None,
) -> HttpResponse:
    members = Member.objects.filter(user=request.user).select_related("project")
    context = {
        "form": form or AccountForm(user=request.user),
        "password_form": password_form or PasswordForm(user=request.user),
        "members": members.order_by("project__name"),
        "may_make_projects": may_make_projects(request.user),
    }
    shown = password_form or form
    status = 422 if shown is not None and shown.is_bound else 200
    return render(request, "accounts/account.html", context, status=status)

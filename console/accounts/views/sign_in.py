"""Signing in and out."""

from __future__ import annotations

from math import ceil

from django.contrib.auth import authenticate, login, logout
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render, resolve_url
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from console.accounts.access import public
from console.accounts.forms import SignInForm
from console.accounts.models import User
from console.accounts.throttle import client_address, count_attempt, forgive

_WRONG = "The e-mail or the password is wrong. Check both and try again."


@public
@never_cache
@sensitive_post_parameters("password")
@require_http_methods(["GET", "HEAD", "POST"])
def sign_in(request: HttpRequest) -> HttpResponse:
    """Wrong e-mail and wrong password look alike, and so do too many attempts at either."""
    if request.user.is_authenticated and request.method != "POST":
        return HttpResponseRedirect(_next_url(request))
    form = SignInForm(request.POST if request.method == "POST" else None)
    if request.method != "POST":
        return _show(request, form, 200)
    if not form.is_valid():
        return _show(request, form, 422)
    email, address = form.cleaned_data["email"], client_address(request)
    wait = count_attempt(email, address)
    if wait:
        return _refuse_for(request, form, wait)
    user = authenticate(request, username=email, password=form.cleaned_data["password"])
    if not isinstance(user, User):
        form.add_error(None, _WRONG)
        return _show(request, form, 401)
    forgive(email, address)
    login(request, user)
    return HttpResponseRedirect(_next_url(request))


@public
@require_POST
def sign_out(request: HttpRequest) -> HttpResponse:
    """Ends the session; the browser keeps only which project was used last."""
    project = request.session.get("project")
    logout(request)
    if project:
        request.session["project"] = project
    return redirect("accounts:sign-in")


def _refuse_for(request: HttpRequest, form: SignInForm, seconds: int) -> HttpResponse:
    minutes = ceil(seconds / 60)
    unit = "minute" if minutes == 1 else "minutes"
    form.add_error(None, f"Too many attempts. Wait {minutes} {unit}, then try again.")
    response = _show(request, form, 429)
    response["Retry-After"] = str(seconds)
    return response


def _show(request: HttpRequest, form: SignInForm, status: int) -> HttpResponse:
    context = {"form": form, "next": _asked_next(request)}
    return render(request, "accounts/sign_in.html", context, status=status)


def _asked_next(request: HttpRequest) -> str:
    """Where to go afterwards: an address of this console, or nothing."""
    asked = request.POST.get("next") or request.GET.get("next") or ""
    is_ours = url_has_allowed_host_and_scheme(
        asked, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    return asked if is_ours else ""


def _next_url(request: HttpRequest) -> str:
    return _asked_next(request) or resolve_url("console:home")

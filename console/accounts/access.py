"""The one place that decides who may call a view.

Every view carries one of these decorators, which leaves its rule in the attribute
``access``; a test walks all addresses and fails for a view without one. Refusals do not
tell a stranger what exists: no membership is 404, a role that is too low is 403.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from urllib.parse import SplitResult, urlsplit, urlunsplit

from asgiref.sync import sync_to_async
from django.contrib.auth.models import AnonymousUser
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django_htmx.middleware import HtmxDetails

from console.accounts.models import ApiKey, Member, Project, User
from console.lib.problems import problem

View = Callable[..., HttpResponseBase]
_LAST_USE_STEP = timedelta(minutes=1)


class UserRequest(HttpRequest):
    """A request of somebody who signed in."""

    user: User
    htmx: HtmxDetails


class ProjectRequest(UserRequest):
    """A request of a member of the project that its address names."""

    project: Project
    member: Member


class ApiRequest(HttpRequest):
    """A request with an API key, which names its project."""

    project: Project
    api_key: ApiKey


class RoleTooLow(PermissionDenied):
    """The member's role does not reach: the page says which one does, and who can grant it."""

    def __init__(self, member: Member, needed: str) -> None:
        super().__init__(f"this needs the role {needed}")
        self.member, self.needed = member, needed


def _mark(view: Any, rule: str) -> Any:
    view.access = rule
    return view


def public(view: Any) -> Any:
    """Anybody may call the view."""
    return _mark(view, "public")


def signed_in(view: Any) -> Any:
    """Anybody who signed in may call the view."""

    @functools.wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not request.user.is_authenticated:
            return _send_to_sign_in(request)
        return view(request, *args, **kwargs)  # type: ignore[no-any-return]

    return _mark(guarded, "signed-in")


def find_member(user: User | AnonymousUser, slug: str) -> Member | None:
    """The user's membership of the project, with the project; None for a stranger."""
    if not user.is_authenticated or not user.is_active:
        return None
    return (
        Member.objects.select_related("project", "user")
        .filter(project__slug=slug, user_id=user.pk)
        .first()
    )


def member(role: str) -> Callable[[Any], Any]:
    """Members of the project ``slug`` with at least ``role`` may call the view."""

    def decorate(view: Any) -> Any:
        @functools.wraps(view)
        def guarded(request: Any, slug: str, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if not request.user.is_authenticated:
                return _send_to_sign_in(request)
            found = find_member(request.user, slug)
            if found is None:
                raise Http404("no such project, or not yours")
            if not found.may(role):
                raise RoleTooLow(found, role)
            request.project, request.member = found.project, found
            return view(request, *args, **kwargs)  # type: ignore[no-any-return]

        return _mark(guarded, role)

    return decorate


def _send_to_sign_in(request: HttpRequest) -> HttpResponse:
    """To the sign-in page, and from there back to the page that the reader was on."""
    if request.headers.get("HX-Request"):
        page = urlsplit(request.headers.get("HX-Current-URL", ""))
        to = redirect_to_login(_local(page)).url
        return HttpResponse(status=401, headers={"HX-Redirect": to})
    if request.headers.get("Accept", "").startswith("application/json"):
        return problem(401, "signed_out", "Sign in again; the session has ended.")
    if request.method not in ("GET", "HEAD"):
        page = urlsplit(request.headers.get("Referer", ""))
        return redirect_to_login(_local(page) if page.netloc == request.get_host() else "/")
    return redirect_to_login(request.get_full_path())


def _local(page: SplitResult) -> str:
    """The path and query of an address, without its host."""
    return urlunsplit(("", "", page.path or "/", page.query, ""))


def find_api_key(request: HttpRequest) -> ApiKey | None:
    """The live key of the ``Authorization: Bearer`` header, its last use noted by the minute."""
    scheme, _, text = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not text:
        return None
    key = ApiKey.find(text.strip())
    now = timezone.now()
    if key and (key.last_used_at is None or now - key.last_used_at > _LAST_USE_STEP):
        ApiKey.objects.filter(pk=key.pk).update(last_used_at=now)
    return key


def api_key(scope: str, **by_method: str) -> Callable[[Any], Any]:
    """Holders of a live key with ``scope`` may call the view; it needs no CSRF token.

    ``by_method`` names the methods that ask for another scope: ``api_key("read", PUT="admin")``.
    """

    def decorate(view: Any) -> Any:
        @functools.wraps(view)
        def guarded(request: Any, *args: Any, **kwargs: Any) -> HttpResponseBase:
            key = find_api_key(request)
            if key is None:
                return problem(
                    401, "key_missing", "Send a live API key as Authorization: Bearer mf_…"
                )
            needed = by_method.get(request.method, scope)
            if needed not in key.scopes:
                detail = f"This key lacks the scope {needed}; make one that has it."
                return problem(403, "scope_missing", detail)
            request.project, request.api_key = key.project, key
            return view(request, *args, **kwargs)  # type: ignore[no-any-return]

        marked = _mark(csrf_exempt(guarded), f"key:{scope}")
        marked.access_by_method = {method: f"key:{named}" for method, named in by_method.items()}
        return marked

    return decorate


find_member_async = sync_to_async(find_member)

"""One-time links: the first administrator's, and those into a project.

A link is used once: whoever sets ``used_at`` first has it, in the transaction that makes
the member.
"""

from __future__ import annotations

from typing import Literal

from django.db import transaction
from django.urls import reverse
from django.utils import timezone

from console.accounts.models import Invitation, Member, User, hash_token
from console.accounts.projects import make_project

Reason = Literal["unknown", "used", "expired", "not_needed"]


class InvitationOver(Exception):
    """The link opens nothing (any more), for this reason."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason)
        self.reason: Reason = reason


def first_admin_link(base_url: str) -> str | None:
    """The absolute one-time address at which the first administrator joins.

    Each call voids the link given before. None as soon as a user exists.
    """
    with transaction.atomic():
        if User.objects.exists():
            return None
        now = timezone.now()
        earlier = Invitation.objects.filter(project=None, used_at=None, expires_at__gt=now)
        earlier.update(expires_at=now)
        _, token = Invitation.issue(role="admin")
    return base_url.rstrip("/") + join_path(token)


def join_path(token: str) -> str:
    # The accounts' own list of addresses: a command that prints a link needs no other app's views.
    return reverse("join", args=[token], urlconf="console.accounts.urls")


def find_open(token: str) -> Invitation:
    """The open invitation of the token; raises InvitationOver."""
    found = (
        Invitation.objects.select_related("project", "invited_by")
        .filter(token_hash=hash_token(token))
        .first()
    )
    if found is None:
        raise InvitationOver("unknown")
    if found.used_at is not None:
        raise InvitationOver("used")
    if not found.is_open:
        raise InvitationOver("expired")
    if found.project is None and User.objects.exists():
        raise InvitationOver("not_needed")
    return found


@transaction.atomic
def join(
    invitation: Invitation, *, name: str, email: str, password: str, project_name: str = "Default"
) -> Member:
    """Use the invitation up for a new user; ``project_name`` is for the first administrator.

    Raises InvitationOver when somebody was quicker, IntegrityError when the e-mail is taken.
    """
    _claim(invitation)
    is_first = invitation.project is None
    if is_first and User.objects.exists():
        raise InvitationOver("not_needed")
    user = User.objects.create_user(
        email, password, name=name, is_staff=is_first, is_superuser=is_first
    )
    if invitation.project is None:
        return make_project(project_name, user)
    return Member.objects.create(project=invitation.project, user=user, role=invitation.role)


@transaction.atomic
def accept(invitation: Invitation, user: User) -> Member:
    """Use the invitation up for a user who is not in its project yet; raises InvitationOver."""
    assert invitation.project is not None
    _claim(invitation)
    return Member.objects.create(project=invitation.project, user=user, role=invitation.role)


def revoke(invitation: Invitation) -> None:
    """From now on the link says that it has expired."""
    invitation.expires_at = timezone.now()
    invitation.save(update_fields=["expires_at"])


def _claim(invitation: Invitation) -> None:
    now = timezone.now()
    still_open = Invitation.objects.filter(pk=invitation.pk, used_at=None, expires_at__gt=now)
    if still_open.update(used_at=now) != 1:
        raise InvitationOver("used")

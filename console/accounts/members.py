"""Changes of membership that keep at least one admin in every project."""

from __future__ import annotations

from django.db import transaction

from console.accounts.models import Member


class LastAdmin(Exception):
    """The project would be left without an admin."""


@transaction.atomic
def change_role(member: Member, role: str) -> None:
    """Give the member another role; raises LastAdmin."""
    if role != "admin":
        _keep_an_admin(member)
    member.role = role
    member.save(update_fields=["role"])


@transaction.atomic
def remove(member: Member) -> None:
    """End the membership; what the person made stays. Raises LastAdmin."""
    _keep_an_admin(member)
    member.delete()


def _keep_an_admin(leaving: Member) -> None:
    """Locks the project's admins, so that two of them cannot both leave at one moment."""
    admins = Member.objects.select_for_update(of=("self",)).filter(
        project_id=leaving.project_id, role="admin", user__is_active=True
    )
    ids = {member.pk for member in admins}
    if ids and ids <= {leaving.pk}:
        raise LastAdmin

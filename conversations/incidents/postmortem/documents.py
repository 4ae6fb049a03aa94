"""A post-mortem's document: begun from the template, written by compare-and-set, its versions."""

from __future__ import annotations

from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from console.accounts.models import User
from conversations.incidents.postmortem.records import PostMortem, PostMortemVersion
from conversations.incidents.postmortem.template import TEMPLATE
from conversations.incidents.records import Incident

LARGEST = 200_000
"""Characters of a document."""
ONE_GO = timedelta(minutes=15)
"""An author's saves within so long of the version's first make one version."""


def find_document(incident: Incident) -> PostMortem | None:
    rows = PostMortem.objects.select_related("updated_by", "incident__project")
    return rows.filter(incident=incident).first()


def begin(incident: Incident, user: User | None) -> PostMortem:
    """The incident's document; made from the template where there is none."""
    with transaction.atomic():
        document, is_new = PostMortem.objects.get_or_create(
            incident=incident, defaults={"text": TEMPLATE, "updated_by": user}
        )
        if is_new:
            _add_version(document, 1, user)
    return document


def save(document: PostMortem, text: str, *, revision: int, user: User | None) -> bool:
    """Keep what was typed since ``revision``; False where another wrote meanwhile."""
    now = timezone.now()
    with transaction.atomic():
        held = PostMortem.objects.select_for_update().get(pk=document.pk)
        if held.revision != revision:
            return False
        if held.text != text:
            held.text, held.revision = text[:LARGEST], revision + 1
            held.updated_at, held.updated_by = now, user
            held.save(update_fields=["text", "revision", "updated_at", "updated_by"])
            _keep_version(held, user)
    document.refresh_from_db()
    return True


def _keep_version(document: PostMortem, user: User | None) -> None:
    last = document.versions.latest("number")
    now = timezone.now()
    if last.number > 1 and last.author == user and now - last.begun_at < ONE_GO:
        last.text, last.revision, last.saved_at = document.text, document.revision, now
        last.save(update_fields=["text", "revision", "saved_at"])
    else:
        _add_version(document, last.number + 1, user)


def _add_version(document: PostMortem, number: int, user: User | None) -> None:
    PostMortemVersion.objects.create(
        document=document,
        number=number,
        revision=document.revision,
        text=document.text,
        author=user,
    )

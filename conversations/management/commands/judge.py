"""``manage.py judge``: stored calls judged again, after a rule changed."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand
from django.db.models import QuerySet

from conversations.ingest.store.again import judge_again
from conversations.management.commands.ingest import find_project
from conversations.models import Conversation

AT_ONCE = 20
"""Conversations of one transaction."""


class Command(BaseCommand):
    help = "Judge stored calls again by today's rules. The former verdict stays beside the new."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--project", help="its slug; may be left out where there is one")

    def handle(self, *args: Any, **options: Any) -> None:
        project = find_project(options["project"])
        rows: QuerySet[Conversation] = Conversation.objects.filter(project=project).order_by("id")
        judged = changed = 0
        last = None
        while True:
            some = rows.filter(id__gt=last) if last else rows
            ids = list(some.values_list("pk", flat=True)[:AT_ONCE])
            if not ids:
                break
            changed += judge_again(project, ids)
            judged, last = judged + len(ids), ids[-1]
            self.stderr.write(f"{judged:,} conversations judged, {changed:,} calls changed")
        self.stdout.write(f"{judged:,} conversations judged, {changed:,} calls changed")

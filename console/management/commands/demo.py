"""``manage.py demo``: a project with thirty days of traffic in which something happens."""

from __future__ import annotations

import time
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError
from django.utils import timezone

from analytics import rollups
from console.accounts.models import Member, Project, User
from console.accounts.projects import delete_project, make_project
from console.demo.play import SEED, play
from console.demo.watching import watch

NAME = "Northwind (demo)"


class Command(BaseCommand):
    help = (
        "Makes a project with thirty days of believable traffic that ends now; docs/scenarios.md"
        " leads through what happens in it. It takes about a minute."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--user", help="e-mail of its admin; the first superuser if none")
        parser.add_argument("--seed", type=int, default=SEED, help="of the traffic")
        parser.add_argument("--a-day", type=int, default=200, help="conversations on a workday")
        parser.add_argument("--again", action="store_true", help="replace an earlier one")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            user = self._find_user(options["user"])
            project = self._make_project(user, again=options["again"])
            self._play(project, user, options)
        except DatabaseError as error:
            raise CommandError(str(error), returncode=2) from error

    def _find_user(self, email: str | None) -> User:
        users = User.objects.filter(is_active=True).order_by("-is_superuser", "pk")
        user = (users.filter(email__iexact=email) if email else users).first()
        if user is None:
            who = f"There is no user {email}." if email else "There is no user yet."
            cure = "Sign in with the link that `manage.py up` printed, then run this again."
            raise CommandError(f"{who} {cure}", returncode=2)
        return user

    def _make_project(self, user: User, *, again: bool) -> Project:
        earlier = Project.objects.filter(name=NAME)
        if earlier and not again:
            raise CommandError(
                f"There is one already, at {_url(earlier[0])}. Replace it with --again.",
                returncode=2,
            )
        for project in earlier:
            delete_project(project)
        member = make_project(NAME, user)
        others = User.objects.filter(is_superuser=True, is_active=True).exclude(pk=user.pk)
        Member.objects.bulk_create(
            Member(project=member.project, user=other, role="admin") for other in others
        )
        return member.project

    def _play(self, project: Project, user: User, options: dict[str, Any]) -> None:
        began, told = time.monotonic(), 0.0

        def tell(done: int, whole: int) -> None:
            nonlocal told
            now = time.monotonic()
            if now - told > (0.3 if self.stderr.isatty() else 5) or done == whole:
                told, rate = now, done / (now - began)
                line = f"{done:,} of {whole:,} turns, {rate:,.0f} a second"
                left = f", {(whole - done) / rate:,.0f} s left" if rate and done < whole else ""
                self.stderr.write(
                    f"\r\033[K{line}{left}" if self.stderr.isatty() else line + left,
                    ending="" if self.stderr.isatty() and done < whole else "\n",
                )

        until = timezone.now()
        outcome = play(
            project, user, until, seed=options["seed"], a_day=options["a_day"], tell=tell
        )
        rollups.catch_up(seconds=300)
        rollups.compute_months()
        watch(project, user, until)
        self.stdout.write(
            f"{outcome.stored:,} turns in {time.monotonic() - began:.0f} s: {_url(project)}"
        )


def _url(project: Project) -> str:
    return f"{settings.SITE_URL}/p/{project.slug}/"

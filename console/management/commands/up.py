"""`manage.py up`: everything that Misfire needs, in one command."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand

from console.embedded import processes, up
from console.lib import env


class Command(BaseCommand):
    help = (
        "Starts PostgreSQL, Valkey and a local model where no URL names others, then the web "
        "server, a worker and beat; stops them all on Ctrl-C."
    )
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--host", default=env.text("HOST", "127.0.0.1"))
        parser.add_argument("--port", type=int, default=env.text("PORT", "8000"))
        parser.add_argument("--web", type=int, default=1, help="processes that serve pages")
        parser.add_argument("--workers", type=int, default=2, help="processes that do jobs")
        parser.add_argument("--no-model", action="store_true", help="start no local model")
        parser.add_argument("--no-browser", action="store_true", help="open no browser")

    def handle(self, *args: Any, **options: Any) -> None:
        chosen = up.Options(
            var_dir=Path(env.text("VAR_DIR") or processes.BASE_DIR / "var").absolute(),
            host=options["host"],
            port=options["port"],
            webs=max(1, options["web"]),
            workers=options["workers"],
            model=not options["no_model"],
            browser=not options["no_browser"],
        )
        sys.exit(up.run(chosen))

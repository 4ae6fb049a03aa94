"""`manage.py lint_tools PATH…`: tool definitions checked in CI, without a database.

Exit status: 0 fine, 1 findings, 2 cannot run.
"""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser
from collections import Counter
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from tools_registry import spelling
from tools_registry.lint import PROVIDERS, read_words
from tools_registry.lint.reports import FORMATS, Finding, write_report
from tools_registry.lint_files import CannotRun, lint_sources, read_base, read_sources

FINE, FINDINGS, CANNOT_RUN = 0, 1, 2
_WEIGHT = {"error": 2, "warning": 1, "note": 0}


class Command(BaseCommand):
    help = "Checks files of tool definitions in any dialect; needs no database. See docs/lint.md."
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("paths", nargs="+", type=Path, metavar="PATH")
        parser.add_argument("--format", choices=FORMATS, default="text")
        parser.add_argument("--fail-on", choices=("error", "warning"), default="error")
        parser.add_argument(
            "--provider", choices=PROVIDERS, action="append", help="whose rules apply; repeatable"
        )
        parser.add_argument("--diff", metavar="BASE", help="a git revision or an earlier path")
        parser.add_argument("--dictionary", type=Path, metavar="FILE", help="right words, by line")
        parser.add_argument("--baseline", type=Path, metavar="FILE", help="findings not to tell")
        parser.add_argument("--write-baseline", action="store_true", help="take all as known")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["write_baseline"] and not options["baseline"]:
            raise CommandError("--write-baseline needs --baseline FILE", returncode=CANNOT_RUN)
        try:
            sources = read_sources(options["paths"])
            base = read_base(options["diff"], options["paths"]) if options["diff"] else None
            dictionary = spelling.dictionary(_read_words(options["dictionary"]))
            providers = options["provider"] or ()
            found = lint_sources(sources, base=base, dictionary=dictionary, providers=providers)
            if options["write_baseline"]:
                _write_baseline(options["baseline"], found)
                self.stdout.write(f"{len(found)} findings are known from now on")
                return
            found = _without_known(found, options["baseline"])
        except (CannotRun, spelling.NoDictionary, OSError, ValueError) as error:
            raise CommandError(str(error), returncode=CANNOT_RUN) from error
        tools = sum(len(source.specs) for source in sources)
        text = write_report(options["format"], found, [one.path for one in sources], tools)
        self.stdout.write(text) if text else None
        limit = _WEIGHT[options["fail_on"]]
        sys.exit(FINDINGS if any(_WEIGHT[one.severity] >= limit for one in found) else FINE)


def _read_words(path: Path | None) -> list[str]:
    return read_words(path.read_text(encoding="utf-8")) if path else []


def _write_baseline(path: Path, findings: list[Finding]) -> None:
    names = ("path", "tool", "code", "pointer", "message")
    entries = [dict(zip(names, one.identity, strict=True)) for one in findings]
    path.write_text(json.dumps(entries, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def _without_known(findings: list[Finding], path: Path | None) -> list[Finding]:
    """Each entry of the baseline takes away one finding, so that a second equal one is told."""
    if path is None:
        return findings
    try:
        entries = json.loads(path.read_text(encoding="utf-8"))
        names = ("path", "tool", "code", "pointer", "message")
        known = Counter(tuple(str(entry[name]) for name in names) for entry in entries)
    except (TypeError, KeyError, ValueError) as error:
        raise ValueError(f"{path} is no baseline: write it with --write-baseline") from error
    fresh = []
    for one in findings:
        if known[one.identity] > 0:
            known[one.identity] -= 1
        else:
            fresh.append(one)
    return fresh

"""What a project has lint check: its own words, the providers that count, its limits."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import cast

from console.accounts.models import Project, User
from tools_registry import spelling
from tools_registry.lint import Dictionary, Limits, Provider
from tools_registry.models import LintSettings, LintWord

MOST_WORDS = 20_000


@dataclass(frozen=True)
class LintRules:
    """By what the definitions of one project are checked."""

    dictionary: Dictionary
    providers: tuple[Provider, ...] = ()
    limits: Limits = Limits()


def read_rules(project: Project) -> LintRules:
    words = LintWord.objects.filter(project=project).values_list("word", flat=True)
    dictionary = spelling.dictionary(words)
    kept = LintSettings.objects.filter(project=project).first()
    if kept is None:
        return LintRules(dictionary)
    limits = Limits(kept.most_tools, kept.heavy_tool, kept.heavy_toolset)
    return LintRules(dictionary, cast("tuple[Provider, ...]", tuple(kept.providers)), limits)


def add_words(project: Project, words: Iterable[str], user: User) -> list[str]:
    """Those of the words that are new. Raises ``ValueError`` where they would be too many."""
    known = set(LintWord.objects.filter(project=project).values_list("word", flat=True))
    new = sorted({word.casefold() for word in words} - known)
    if len(known) + len(new) > MOST_WORDS:
        raise ValueError(f"A project holds {MOST_WORDS:,} words; these would be more")
    LintWord.objects.bulk_create(
        (LintWord(project=project, word=word, created_by=user) for word in new),
        ignore_conflicts=True,
    )
    return new

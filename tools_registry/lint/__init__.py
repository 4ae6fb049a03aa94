"""Lint: what in a definition will make a model call it wrongly, or a provider refuse it.

Pure: values in, values out. What is misspelled is asked of the dictionary that is handed in.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from tools_registry.lint.drafts import check_schemas
from tools_registry.lint.problems import (
    CODES,
    SEVERITIES,
    Dictionary,
    Fix,
    Problem,
    Severity,
)
from tools_registry.lint.providers import PROVIDERS, Provider, check_provider
from tools_registry.lint.texts import check_texts
from tools_registry.lint.toolsets import (
    check_toolset,
    check_weight,
    check_whole,
    look_alikes,
    weigh,
)
from tools_registry.lint.words import check_spelling, name_words, split, text_words
from tools_registry.specs import ToolSpec

_NONE = Dictionary()


def lint(
    spec: ToolSpec,
    *,
    previous: ToolSpec | None = None,
    toolset: Sequence[ToolSpec] = (),
    dictionary: Dictionary = _NONE,
    provider: Provider | None = None,
) -> list[Problem]:
    """Every problem of one definition, the worst first, then in the order of the checks.

    ``previous`` is the version before it, ``toolset`` what is offered beside it (itself or not),
    ``provider`` narrows the strict rules to one. Pointers lead into ``spec.to_json()``.
    """
    found = [
        *check_schemas(spec),
        *check_spelling(spec, previous, dictionary),
        *check_texts(spec),
        *check_provider(spec, provider),
        *check_toolset(spec, toolset),
        *check_weight(spec),
    ]
    ranked = sorted(found, key=lambda problem: SEVERITIES.index(problem.severity))
    return [replace(problem, tool=spec.name) for problem in ranked]


def lint_toolset(
    toolset: Sequence[ToolSpec],
    *,
    dictionary: Dictionary = _NONE,
    provider: Provider | None = None,
) -> list[Problem]:
    """The problems of each tool among the others, and those of the set, whose pointer is ""."""
    # Asked once for all, so that a dictionary that must be started answers once.
    dictionary.correct(set().union(*(name_words(spec) | text_words(spec) for spec in toolset)))
    each = [
        problem
        for spec in toolset
        for problem in lint(spec, toolset=toolset, dictionary=dictionary, provider=provider)
    ]
    return [*check_whole(toolset), *each]


__all__ = [
    "CODES",
    "PROVIDERS",
    "SEVERITIES",
    "Dictionary",
    "Fix",
    "Problem",
    "Provider",
    "Severity",
    "check_whole",
    "lint",
    "lint_toolset",
    "look_alikes",
    "name_words",
    "split",
    "text_words",
    "weigh",
]

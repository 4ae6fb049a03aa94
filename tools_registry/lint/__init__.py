"""Lint: what in a definition will make a model call it wrongly, or a provider refuse it.

Pure: values in, values out. What is misspelled is asked of the dictionary that is handed in.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
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
    USUAL,
    Limits,
    check_toolset,
    check_weight,
    check_whole,
    look_alikes,
    other_names,
    weigh,
)
from tools_registry.lint.words import check_spelling, name_words, read_words, split, text_words
from tools_registry.specs import ToolSpec

_NONE = Dictionary()


def lint(
    spec: ToolSpec,
    *,
    previous: ToolSpec | None = None,
    toolset: Sequence[ToolSpec] = (),
    dictionary: Dictionary = _NONE,
    providers: Collection[Provider] = (),
    limits: Limits = USUAL,
) -> list[Problem]:
    """Every problem of one definition, the worst first, then in the order of the checks.

    ``previous`` is the version before it, ``toolset`` what is offered beside it (itself or not),
    ``providers`` are those whose rules apply; with none, what every one of them refuses. Pointers
    lead into ``spec.to_json()``.
    """
    asked: list[Provider | None] = [*sorted(providers)] or [None]
    refused = dict.fromkeys(found for one in asked for found in check_provider(spec, one))
    found = [
        *check_schemas(spec),
        *check_spelling(spec, previous, dictionary),
        *check_texts(spec),
        *refused,
        *check_toolset(spec, toolset),
        *check_weight(spec, limits),
    ]
    ranked = sorted(found, key=lambda problem: SEVERITIES.index(problem.severity))
    return [replace(problem, tool=spec.name) for problem in ranked]


def lint_toolset(
    toolset: Sequence[ToolSpec],
    *,
    dictionary: Dictionary = _NONE,
    providers: Collection[Provider] = (),
    limits: Limits = USUAL,
) -> list[Problem]:
    """The problems of each tool among the others, and those of the set, whose pointer is ""."""
    # Asked once for all, so that a dictionary that must be started answers once.
    dictionary.correct(set().union(*(name_words(spec) | text_words(spec) for spec in toolset)))
    each = [
        problem
        for spec in toolset
        for problem in lint(
            spec, toolset=toolset, dictionary=dictionary, providers=providers, limits=limits
        )
    ]
    return [*check_whole(toolset, limits), *each]


__all__ = [
    "CODES",
    "PROVIDERS",
    "SEVERITIES",
    "Dictionary",
    "Fix",
    "Limits",
    "Problem",
    "Provider",
    "Severity",
    "check_whole",
    "lint",
    "lint_toolset",
    "look_alikes",
    "name_words",
    "other_names",
    "read_words",
    "split",
    "text_words",
    "weigh",
]

"""Which tools a router offers for an input, and why. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from tools_registry.routing.spec import Classifier, Group, Keyword, RouterSpec

Classify = Callable[[Classifier, Sequence[Group], str], Mapping[str, float]]
"""Scores of the groups for an input, 0 to 1, by name."""
By = Literal["keyword", "classifier", "otherwise"]


@dataclass(frozen=True, slots=True)
class Chosen:
    """A group that is offered: by what, and its word or score."""

    group: str
    by: By
    word: str = ""
    score: float | None = None


@dataclass(frozen=True, slots=True)
class Added:
    """A tool that a word offers whatever its group is."""

    tool: str
    word: str


@dataclass(frozen=True, slots=True)
class Decision:
    """``groups`` in the order in which they were chosen: words first, then by score.

    ``everything`` is true where nothing fits and all tools are offered. ``scores`` are the
    classifier's, None where it was not asked.
    """

    groups: tuple[Chosen, ...]
    added: tuple[Added, ...] = ()
    everything: bool = False
    scores: Mapping[str, float] | None = None

    @property
    def intent(self) -> str:
        """The group that fits best; "" where none was named for the input."""
        named = [chosen for chosen in self.groups if chosen.by != "otherwise"]
        best = max(named, key=_rank, default=None)
        return best.group if best else ""


def _rank(chosen: Chosen) -> float:
    return 2.0 if chosen.by == "keyword" else chosen.score or 0.0


def route(spec: RouterSpec, text: str, classify: Classify | None = None) -> Decision:
    """Decide for one input. Without ``classify`` a classifier of the router is not asked."""
    said = _Said(text)
    groups: dict[str, Chosen] = {}
    added: dict[str, Added] = {}
    for keyword in spec.keywords:
        if word := said.first_of(keyword):
            for name in keyword.groups:
                groups.setdefault(name, Chosen(name, "keyword", word))
            for tool in keyword.tools:
                added.setdefault(tool, Added(tool, word))
    scores = None
    if spec.classifier and classify:
        scores = classify(spec.classifier, spec.groups, text)
        for chosen in _best(spec.classifier, scores):
            groups.setdefault(chosen.group, chosen)
    everything = not groups and spec.otherwise == "all"
    if not groups and spec.otherwise not in ("all", "none"):
        groups[spec.otherwise] = Chosen(spec.otherwise, "otherwise")
    return Decision(tuple(groups.values()), tuple(added.values()), everything, scores)


def _best(classifier: Classifier, scores: Mapping[str, float]) -> list[Chosen]:
    fit = sorted((-score, name) for name, score in scores.items() if score >= classifier.least)
    return [Chosen(name, "classifier", score=-score) for score, name in fit[: classifier.most]]


def pick(spec: RouterSpec, decision: Decision, tools: Sequence[str]) -> list[str]:
    """Those of ``tools`` that are offered, in their order.

    A tool that stands in no group but under a word is held until the word is said.
    """
    if decision.everything:
        return list(tools)
    open_ones = {chosen.group for chosen in decision.groups}
    offered = {tool for group in spec.groups if group.name in open_ones for tool in group.tools}
    offered |= {one.tool for one in decision.added} | set(spec.always)
    if spec.ungrouped == "offer":
        grouped = {tool for group in spec.groups for tool in group.tools}
        by_word = {tool for keyword in spec.keywords for tool in keyword.tools}
        offered |= set(tools) - grouped - by_word
    return [tool for tool in tools if tool in offered]


_WORD = re.compile(r"\w+")


class _Said:
    """An input as its words, so that each keyword is looked up and not searched for."""

    def __init__(self, text: str) -> None:
        self._words = _WORD.findall(text.casefold())
        self._known = frozenset(self._words)
        self._line = f" {' '.join(self._words)} "

    def first_of(self, keyword: Keyword) -> str:
        """The first of the rule's words that was said, as the rule writes it; "" for none."""
        return next((word for word in keyword.words if self._holds(*_read(word))), "")

    def _holds(self, words: str, is_prefix: bool) -> bool:
        if " " in words:
            return f" {words}" + ("" if is_prefix else " ") in self._line
        if is_prefix:
            return any(word.startswith(words) for word in self._known)
        return words in self._known


@lru_cache(maxsize=4096)
def _read(word: str) -> tuple[str, bool]:
    return " ".join(_WORD.findall(word.casefold())), word.rstrip().endswith("*")

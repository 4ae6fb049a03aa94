"""A router judged on a project's recorded inputs, as its pages show it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TypeVar

from console.accounts.models import Project
from conversations.routers.cases import read_cases
from conversations.routers.classifying import known_scores, unknown_inputs
from tools_registry.routing import RouterSpec
from tools_registry.routing.assessment import Assessment, Routed, assess, differing, tell_share

_EXAMPLES = 20
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Row:
    """A wanted group, and how often the router took its inputs for each of the intents.

    Counts are (count, mark, share of the row in tenths) in the order of ``intents``; the mark
    is ``ok`` for the right intent, ``off`` for another one, "" where none could be right.
    """

    wanted: str
    counts: tuple[tuple[int, str, int], ...]


@dataclass(frozen=True, slots=True)
class Judged:
    """``untold`` turns do not say what was needed, ``silent`` ones hold no words of a user;
    ``unasked`` counts inputs of which the router's classifier was not asked yet."""

    assessment: Assessment
    looked_at: int
    untold: int
    silent: int
    unasked: int
    intents: tuple[str, ...]
    rows: tuple[Row, ...]

    @property
    def served(self) -> str:
        return tell_share(*self.assessment.served)

    @property
    def confused(self) -> str:
        return tell_share(*self.assessment.confused)

    @property
    def weights(self) -> tuple[int, int]:
        """Tokens of definitions a turn, as recorded and as routed."""
        before, after = self.assessment.weights
        count = max(1, len(self.assessment.cases))
        return round(before / count), round(after / count)

    @property
    def saved(self) -> str:
        before, after = self.assessment.weights
        return f"{(before - after) / before:.1%}" if before else "none"

    @property
    def missed(self) -> list[tuple[Routed, int]]:
        """Inputs for which a needed tool would not have been offered; the newest."""
        return _group((case, (case.case.text, case.missed)) for case in self._missed)

    @property
    def missed_count(self) -> int:
        """The turns of all such inputs."""
        return len(self._missed)

    @property
    def _missed(self) -> list[Routed]:
        return [routed for routed in self.assessment.cases if routed.missed]


def judge_routers(
    project: Project, specs: Sequence[RouterSpec], last: int, *, trusting: bool
) -> list[Judged]:
    """Each router on the same recorded inputs. No model is asked: what classifiers said before
    counts, and inputs that they were not asked of are counted."""
    cases = read_cases(project, last, trusting=trusting)
    texts = [case.text for case in cases.cases]
    found = []
    for spec in specs:
        assessment = assess(spec, cases.cases, cases.weights, known_scores(project, spec, texts))
        unasked = len(unknown_inputs(project, spec, texts))
        intents, rows = _tabulate(spec, assessment)
        found.append(
            Judged(assessment, cases.looked_at, cases.untold, cases.silent, unasked, intents, rows)
        )
    return found


def _tabulate(spec: RouterSpec, found: Assessment) -> tuple[tuple[str, ...], tuple[Row, ...]]:
    order: Mapping[str, int] = {group.name: at for at, group in enumerate(spec.groups)}

    def place(name: str) -> tuple[int, str]:
        return order.get(name, len(order)), name

    intents = tuple(sorted({intent for _, intent in found.matrix}, key=place))
    rows = []
    for wanted in sorted({wanted for wanted, _ in found.matrix}, key=place):
        counts = [found.matrix[wanted, intent] for intent in intents]
        whole = sum(counts)
        marks = ["ok" if intent == wanted else "off" for intent in intents]
        cells = zip(counts, marks if wanted in order else [""] * len(counts), strict=True)
        rows.append(
            Row(wanted, tuple((count, mark, round(10 * count / whole)) for count, mark in cells))
        )
    return intents, tuple(rows)


def changed_cases(old: Judged, new: Judged) -> list[tuple[tuple[Routed, Routed], int]]:
    """The newest inputs for which two routers offer other tools, as they offered them."""
    pairs = differing(old.assessment, new.assessment)
    return _group((pair, (pair[0].case.text, *(one.tools for one in pair))) for pair in pairs)


def _group(named: Iterable[tuple[_T, Hashable]]) -> list[tuple[_T, int]]:
    """The first of those with one name and how many there are, in their order, to a limit."""
    counts: Counter[Hashable] = Counter()
    first: dict[Hashable, _T] = {}
    for one, name in named:
        counts[name] += 1
        first.setdefault(name, one)
    return [(one, counts[name]) for name, one in islice(first.items(), _EXAMPLES)]

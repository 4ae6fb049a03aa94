"""A router judged on a project's recorded inputs, as its pages show it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TypeVar
from uuid import UUID

from console.accounts.models import Project
from conversations.routers.cases import read_cases
from conversations.routers.classifying import known_scores, unknown_inputs
from tools_registry.routing import RouterSpec
from tools_registry.routing.assessment import Assessment, Routed, assess, differing, tell_share

_EXAMPLES = 20
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Cell:
    """How often inputs were taken for the intent; the mark is ``ok`` for the right one, ``off`` for
    another one, "" where none could be right. ``share`` is that of the row in tenths."""

    intent: str
    count: int
    mark: str
    share: int


@dataclass(frozen=True, slots=True)
class Row:
    """A wanted group, and how often the router took its inputs for each of the intents."""

    wanted: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class Judged:
    """``untold`` turns do not say what was needed, ``silent`` ones hold no words of a user;
    ``unasked`` counts inputs of which the router's classifier was not asked yet. ``newest`` is the
    first of the turns: with it the same turns are judged again while others arrive."""

    assessment: Assessment
    looked_at: int
    untold: int
    silent: int
    unasked: int
    intents: tuple[str, ...]
    rows: tuple[Row, ...]
    newest: UUID | None

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
        return _group((case, (case.case.text, case.missed)) for case in self.missed_in)

    @property
    def missed_count(self) -> int:
        """The turns of all such inputs."""
        return len(self.missed_in)

    @property
    def missed_in(self) -> list[Routed]:
        """The turns themselves, the newest first."""
        return [routed for routed in self.assessment.cases if routed.missed]

    def of_cell(self, wanted: str, intent: str) -> list[Routed]:
        """The turns that a cell of the matrix counts, the newest first."""
        cases = self.assessment.cases
        return [one for one in cases if wanted in one.rows and one.intent == intent]


def judge_routers(
    project: Project,
    specs: Sequence[RouterSpec],
    last: int,
    *,
    trusting: bool,
    newest: UUID | None = None,
) -> list[Judged]:
    """Each router on the same recorded inputs. No model is asked: what classifiers said before
    counts, and inputs that they were not asked of are counted."""
    cases = read_cases(project, last, trusting=trusting, newest=newest)
    texts = [case.text for case in cases.cases]
    found = []
    for spec in specs:
        assessment = assess(spec, cases.cases, cases.weights, known_scores(project, spec, texts))
        unasked = len(unknown_inputs(project, spec, texts))
        intents, rows = _tabulate(spec, assessment)
        found.append(
            Judged(
                assessment,
                cases.looked_at,
                cases.untold,
                cases.silent,
                unasked,
                intents,
                rows,
                cases.newest,
            )  # fmt: skip
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
        cells = (
            Cell(intent, count, mark if wanted in order else "", round(10 * count / whole))
            for intent, count, mark in zip(intents, counts, marks, strict=True)
        )
        rows.append(Row(wanted, tuple(cells)))
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

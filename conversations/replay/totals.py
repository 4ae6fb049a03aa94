"""What the cases of each variant add up to, and which variant is best. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field

from conversations.replay.matrix import Cell, Row
from conversations.replay.statistics import Difference, Pairs, Share, difference, majority, share
from conversations.replay.statistics import pair as pair_cases


@dataclass(frozen=True, slots=True)
class Spending:
    """What the model calls of one variant took. ``cost`` None where none was priced."""

    model_calls: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cost: float | None = None
    unpriced: int = 0
    p50_ms: float | None = None
    p95_ms: float | None = None


@dataclass(frozen=True)
class Total:
    """One variant over all cases. ``right`` counts cases that are right in most of their trials,
    of those that are judged at all; ``against`` is the paired difference to the control, None for
    the control itself and without pairs."""

    name: str
    right: Share
    kinds: Mapping[str, int]
    unsettled: int = 0
    errors: int = 0
    pairs: Pairs = Pairs()
    against: Difference | None = None
    spending: Spending = field(default_factory=Spending)

    def count(self, kind: str) -> int:
        return self.kinds.get(kind, 0)

    @property
    def fixed(self) -> int:
        return self.count("fixed")

    @property
    def still_failing(self) -> int:
        return self.count("still_failing")

    @property
    def newly_broken(self) -> int:
        return self.count("newly_broken")

    @property
    def flaky(self) -> int:
        return self.count("flaky")

    @property
    def low(self) -> float:
        """Ends and middle of the interval in percent, for its drawing."""
        return self.right.low * 100

    @property
    def high(self) -> float:
        return self.right.high * 100

    @property
    def middle(self) -> float:
        return (self.right.value or 0.0) * 100

    @property
    def interval(self) -> str:
        return f"{self.low:.0f}–{self.high:.0f}%"  # noqa: RUF001

    @property
    def tells_apart(self) -> str:
        """The paired test against the control, in a few words."""
        if self.against is None:
            return ""
        p = self.against.p
        return "p < 0.001" if p < 0.001 else f"p = {p:.2g}"


def sum_up(
    rows: Sequence[Row], names: Sequence[str], spending: Sequence[Spending] = ()
) -> list[Total]:
    """The totals of each variant, the control's first."""
    told: list[dict[Hashable, Sequence[bool | None]]] = [
        {row.subject.id: _flags(row.cells[at]) for row in rows if row.cells[at].judged}
        for at in range(len(names))
    ]
    totals = []
    for at, name in enumerate(names):
        cells = [row.cells[at] for row in rows]
        right = [majority(flags) for flags in told[at].values()]
        pairs = pair_cases(told[0], told[at]) if at else Pairs()
        totals.append(
            Total(
                name=name,
                right=share(sum(one is True for one in right), len(right)),
                kinds=Counter(cell.kind for cell in cells),
                unsettled=sum(cell.unsettled > 0 for cell in cells),
                errors=sum(cell.errors for cell in cells),
                pairs=pairs,
                against=difference(pairs),
                spending=spending[at] if at < len(spending) else Spending(),
            )
        )
    return totals


def _flags(cell: Cell) -> Sequence[bool]:
    return [True] * cell.passed + [False] * (cell.judged - cell.passed)


def find_best(totals: Sequence[Total]) -> int | None:
    """The variant that is right most often, at a tie the one that breaks least; None where no
    variant is judged."""
    places = [at for at in range(1, len(totals)) if totals[at].right.whole]
    if not places:
        return None
    return max(
        places,
        key=lambda at: (
            totals[at].right.value or 0.0,
            -totals[at].count("newly_broken"),
            -totals[at].count("flaky"),
            -at,
        ),
    )

"""What turns cost before and after, by model. Pure."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from decimal import Decimal
from typing import Any

MOST = 200
"""Models with counts of their own; the others are counted together."""
OTHERS = "other models"


@dataclass
class Sums:
    """Turns, how many get another price, and dollars and turns without a price on both sides.

    ``kept`` had a price and have none now: they keep what they had.
    """

    turns: int = 0
    changed: int = 0
    kept: int = 0
    before: Decimal = Decimal(0)
    after: Decimal = Decimal(0)
    unpriced_before: int = 0
    unpriced_after: int = 0

    @property
    def difference(self) -> Decimal:
        return self.after - self.before

    @classmethod
    def from_json(cls, held: dict[str, Any]) -> Sums:
        dollars = {name: Decimal(held[name]) for name in ("before", "after")}
        return cls(**(held | dollars))


@dataclass
class Tally:
    whole: Sums = field(default_factory=Sums)
    models: dict[str, Sums] = field(default_factory=dict)

    def add(self, model: str, before: Decimal | None, after: Decimal | None) -> bool:
        """Count a turn; whether its price changes. A price that is known is not lost."""
        is_lost = before is not None and after is None
        now = before if is_lost else after
        name = model if model in self.models or len(self.models) < MOST else OTHERS
        for sums in (self.whole, self.models.setdefault(name, Sums())):
            sums.turns += 1
            sums.kept += is_lost
            sums.changed += now != before
            sums.before += before or 0
            sums.after += now or 0
            sums.unpriced_before += before is None
            sums.unpriced_after += now is None
        return now != before

    def to_json(self) -> dict[str, Any]:
        models = {name: _plain(sums) for name, sums in self.models.items()}
        return {"whole": _plain(self.whole), "models": models}

    @classmethod
    def from_json(cls, held: dict[str, Any]) -> Tally:
        if not held:
            return cls()
        models = {name: Sums.from_json(one) for name, one in held["models"].items()}
        return cls(Sums.from_json(held["whole"]), models)


def _plain(sums: Sums) -> dict[str, Any]:
    return asdict(sums) | {"before": str(sums.before), "after": str(sums.after)}

"""How a budget stands: what is spent, what is to come, and which state that is. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Literal

from analytics.forecast import Forecast

State = Literal["ok", "warning", "over"]
WORDS: dict[State, str] = {"ok": "within", "warning": "close", "over": "over"}


@dataclass(frozen=True, slots=True)
class Standing:
    """Dollars of the period [since, until) so far. ``forecast`` is of its end; None where too
    little is known. ``unpriced`` turns are not in ``spent``: with them it is at least that."""

    amount: Decimal
    threshold: int
    spent: Decimal
    since: datetime
    until: datetime
    forecast: Forecast | None = None
    unpriced: int = 0

    @property
    def percent(self) -> float:
        return float(100 * self.spent / self.amount) if self.amount else 0.0

    @property
    def state(self) -> State:
        """Over when it is spent; a warning from the threshold on, or when the forecast of its end
        is above it."""
        if self.spent > self.amount:
            return "over"
        if self.percent >= self.threshold or self.is_bound_to_exceed:
            return "warning"
        return "ok"

    @property
    def is_bound_to_exceed(self) -> bool:
        return self.forecast is not None and self.forecast.expected > float(self.amount)

    @property
    def left(self) -> Decimal:
        return self.amount - self.spent

    @property
    def word(self) -> str:
        return WORDS[self.state]

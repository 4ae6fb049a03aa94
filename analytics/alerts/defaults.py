"""The rules that an empty page offers, one click each. Pure."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Default:
    """A rule that does for most projects; ``why`` says what it sees."""

    key: str
    name: str
    why: str
    metric: str
    window: int
    level: float
    warning: float | None = None
    minimum: int = 20
    basis: str = "threshold"
    severity: str = "high"


DEFAULTS = (
    Default(
        "rejections",
        "Calls are rejected",
        "More than one call in ten is rejected: a definition, a model or a prompt went wrong.",
        "rejection_rate",
        window=300,
        level=10,
        warning=5,
        severity="critical",
    ),
    Default(
        "misfires",
        "Misfires are unusual",
        "The misfire rate is far from what it was at this hour in the weeks before.",
        "misfire_rate",
        window=900,
        level=4,
        basis="past",
    ),
    Default(
        "cost",
        "Cost runs away",
        "Model calls cost far more an hour than they did at this hour in the weeks before.",
        "cost_per_hour",
        window=3600,
        level=4,
        basis="past",
        severity="medium",
    ),
)
BY_KEY = {one.key: one for one in DEFAULTS}

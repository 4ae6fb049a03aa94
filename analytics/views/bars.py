"""Small drawings of pages: lines without axes, and bars of a table, as numbers for SVG."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

WIDTH, HEIGHT = 64, 16


@dataclass(frozen=True, slots=True)
class Spark:
    """A line of 64 by 16: its points, and where it ends."""

    points: str
    x: str
    y: str


def spark(values: Sequence[float]) -> Spark:
    """The line of values from left to right; flat at the bottom where all are 0."""
    most = max(values, default=0) or 1
    step = (WIDTH - 3) / max(1, len(values) - 1)
    places = [(n * step, HEIGHT - 2 - (HEIGHT - 4) * v / most) for n, v in enumerate(values)]
    points = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
    x, y = places[-1] if places else (0.0, 0.0)
    return Spark(points, f"{x:.1f}", f"{y:.1f}")


def width(part: float, most: float) -> str:
    """How long a bar is, in per cent of the longest one; at least one that can be seen."""
    if part <= 0 or most <= 0:
        return "0%"
    return f"{max(0.8, 100 * part / most):.1f}%"

"""A share of a count with its uncertainty."""

from __future__ import annotations

from math import sqrt

_Z95 = 1.959963984540054


def wilson(part: int, whole: int, z: float = _Z95) -> tuple[float, float]:
    """The Wilson score interval of ``part`` of ``whole``, as two shares between 0 and 1.

    E. B. Wilson (1927), "Probable inference, the law of succession, and statistical
    inference". Raises ValueError unless 0 <= part <= whole and whole > 0.
    """
    if whole <= 0 or not 0 <= part <= whole:
        raise ValueError(f"{part} of {whole} is no share")
    share = part / whole
    centre = share + z * z / (2 * whole)
    spread = z * sqrt(share * (1 - share) / whole + z * z / (4 * whole * whole))
    scale = 1 + z * z / whole
    return max(0.0, (centre - spread) / scale), min(1.0, (centre + spread) / scale)

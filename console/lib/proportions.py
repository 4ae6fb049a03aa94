"""A share of a count with its uncertainty."""

from __future__ import annotations

from math import exp, sqrt

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


def relative_change(
    before: tuple[int, int], after: tuple[int, int], z: float = _Z95
) -> tuple[float, float, float]:
    """The change of a share from ``before`` to ``after``, each (part, whole), relative to before:
    -0.734 is a fall by 73.4%. With its interval, by the logarithm of the ratio.

    D. Katz et al. (1978), "Obtaining confidence intervals for the risk ratio in cohort studies".
    Raises ValueError where a part is 0 or a whole is not larger than 0: then there is no ratio.
    """
    (part, whole), (part2, whole2) = before, after
    if min(part, part2) <= 0 or part > whole or part2 > whole2:
        raise ValueError(f"{part} of {whole} and {part2} of {whole2} have no ratio")
    ratio = (part2 / whole2) / (part / whole)
    spread = z * sqrt(1 / part2 - 1 / whole2 + 1 / part - 1 / whole)
    return ratio - 1, ratio * exp(-spread) - 1, ratio * exp(spread) - 1

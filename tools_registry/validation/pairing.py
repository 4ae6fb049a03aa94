"""Pairs of what was made and what was expected, at the least cost. Pure.

A cost matrix has a row for each call made and a column for each expected one.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

Costs = Sequence[Sequence[float]]


def assign(costs: Costs) -> dict[int, int]:
    """Rows to columns in any order, as many pairs as the shorter side has, at the least sum.

    The Hungarian algorithm with potentials (Kuhn 1955; Jonker and Volgenant 1987), in O(m²n)
    for m the shorter side.
    """
    rows, columns = len(costs), len(costs[0]) if costs else 0
    if rows > columns:
        turned = assign([[row[column] for row in costs] for column in range(columns)])
        return {row: column for column, row in turned.items()}
    row_potential, column_potential = [0.0] * (rows + 1), [0.0] * (columns + 1)
    taken = [0] * (columns + 1)
    for row in range(1, rows + 1):
        _add_row(row, costs, row_potential, column_potential, taken)
    return {taken[column] - 1: column - 1 for column in range(1, columns + 1) if taken[column]}


def _add_row(row: int, costs: Costs, us: list[float], vs: list[float], taken: list[int]) -> None:
    """Find the shortest augmenting path from one more row, and go along it. Counts from 1."""
    columns = len(taken) - 1
    taken[0] = row
    least, came_from = [math.inf] * (columns + 1), [0] * (columns + 1)
    used = [False] * (columns + 1)
    column = 0
    while taken[column]:
        used[column] = True
        at, delta, following = taken[column], math.inf, 0
        for j in range(1, columns + 1):
            if used[j]:
                continue
            reduced = costs[at - 1][j - 1] - us[at] - vs[j]
            if reduced < least[j]:
                least[j], came_from[j] = reduced, column
            if least[j] < delta:
                delta, following = least[j], j
        for j in range(columns + 1):
            if used[j]:
                us[taken[j]] += delta
                vs[j] -= delta
            else:
                least[j] -= delta
        column = following
    while column:
        taken[column] = taken[came_from[column]]
        column = came_from[column]


def align(costs: Costs) -> dict[int, int]:
    """Rows to columns with their order kept: the longer side skips what it has too much."""
    rows, columns = len(costs), len(costs[0]) if costs else 0
    if rows > columns:
        turned = align([[row[column] for row in costs] for column in range(columns)])
        return {row: column for column, row in turned.items()}
    # best[i][j]: the least cost of the rows from i on within the columns from j on.
    best = [[math.inf] * (columns + 1) for _ in range(rows)] + [[0.0] * (columns + 1)]
    for i in reversed(range(rows)):
        for j in reversed(range(columns)):
            best[i][j] = min(costs[i][j] + best[i + 1][j + 1], best[i][j + 1])
    pairs: dict[int, int] = {}
    column = 0
    for row in range(rows):
        while costs[row][column] + best[row + 1][column + 1] > best[row][column]:
            column += 1
        pairs[row] = column
        column += 1
    return pairs

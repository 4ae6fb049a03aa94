"""Charts and matrices as values: their JSON, and the table of the same numbers."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from console.lib import json
from console.lib.charts import Chart, Marker, Matrix, Series, Unit, mark, write_number


@pytest.mark.parametrize(
    "value, unit, text",
    [
        (12.345, "%", "12.3%"),
        (1.6, "%", "1.60%"),
        (847.231, "$", "$847.23"),
        (0.003, "$", "$0.0030"),
        (0.0000125, "$", "$0.000013"),
        (-2.5, "$", "-$2.50"),
        (850.2, "ms", "850 ms"),
        (1840.0, "ms", "1.84 s"),
        (274547.0, "", "274,547"),
        (None, "%", "–"),
    ],
)
def test_figures_are_written_with_their_unit(value: float | None, unit: Unit, text: str) -> None:
    assert write_number(value, unit) == text


def test_the_table_has_the_same_numbers_and_the_links_of_the_marks() -> None:
    chart = Chart(
        "rate",
        "Rate by day",
        ["3 Feb", "4 Feb"],
        [Series("rejected", [1.5, None], links=["/a", "/b"]), Series("all", [3.0, 4.0], "line")],
        "%",
        [Marker(1, "v7 published", "/v7")],
        "Day",
        ["3 Feb 2024", "4 Feb 2024"],
    )
    rows = [(name, [(cell.text, cell.url) for cell in cells]) for name, cells in chart.table]
    assert rows == [
        ("3 Feb 2024", [("1.50%", "/a"), ("3.00%", "")]),
        ("4 Feb 2024", [("–", "/b"), ("4.00%", "")]),
    ]
    drawn = json.load(chart.json)
    assert drawn["series"][0]["values"] == [1.5, None]
    assert drawn["markers"][0]["text"] == "v7 published"
    assert [color for _, color in chart.colored] == ["s1", "s2"]


def test_a_chart_of_nothing_says_so() -> None:
    assert Chart("none", "Nothing", ["3 Feb"], [Series("calls", [0.0])]).is_empty


def test_a_moment_belongs_to_the_step_in_which_it_lies() -> None:
    starts = [datetime(2024, 2, 3, hour, tzinfo=UTC) for hour in range(3)]
    assert mark(starts, starts[1] + timedelta(minutes=43)) == 1
    assert mark(starts, starts[0] - timedelta(seconds=1)) is None


def test_a_matrix_shades_what_was_taken_for_something_else() -> None:
    matrix = Matrix("r3", ["weather", "none"], ["weather", "none"], {
        ("weather", "weather"): 95, ("weather", "none"): 5, ("none", "weather"): 20,
    })  # fmt: skip
    rows = {name: ([cell.shade for cell in cells], whole) for name, cells, whole in matrix.table}
    assert rows == {"weather": (["dg", "q2"], 100), "none": (["q4", "dg"], 20)}

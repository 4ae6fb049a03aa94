"""Cases by variants: classes, filters, orders, pages and totals."""

from __future__ import annotations

import pytest

from conversations.replay.compare import Made
from conversations.replay.matrix import (
    SHOWS,
    Outcome,
    Row,
    Subject,
    count_shows,
    make_row,
    read_page,
)
from conversations.replay.sentences import find_warnings, say_verdict
from conversations.replay.statistics import FEW
from conversations.replay.totals import Spending, find_best, sum_up

OSLO, ROME = (Made("get_weather", '{"city": "Oslo"}'),), (Made("get_weather", '{"city":"Rome"}'),)


def trials(told: str, calls: tuple[Made, ...] = OSLO) -> list[Outcome]:
    """One outcome a letter: right, wrong, ? for nobody knows, open, e for an error, u for one that
    waits for a person."""
    states = {"o": "open", "e": "failed", "u": "waiting"}
    passed = {"r": True, "w": False}
    return [Outcome(states.get(one, "done"), passed.get(one), calls) for one in told]


def row(number: int, *told: str, was: str = "rejected", title: str = "") -> Row:
    subject = Subject(number, number, f"case-{number}", title or f"Town {number}", was, OSLO)
    return make_row(subject, [trials(one) for one in told])


@pytest.mark.parametrize(
    ("control", "variant", "kind"),
    [
        ("www", "rrr", "fixed"),
        ("www", "www", "still_failing"),
        ("rrr", "www", "newly_broken"),
        ("www", "rwr", "flaky"),
        ("rrr", "rrr", "same"),
        ("???", "???", "same"),
        ("www", "ooo", "pending"),
        ("www", "eee", "failed"),
        ("www", "rur", "waiting"),
        ("ooo", "rrr", "pending"),
    ],
)
def test_a_cell_says_what_became_of_its_case(control: str, variant: str, kind: str) -> None:
    assert row(1, control, variant).cells[1].kind == kind


def test_a_variant_that_calls_otherwise_is_changed() -> None:
    subject = Subject(1, 1, "a", "a", "accepted", OSLO)
    made = make_row(subject, [trials("??"), trials("??", ROME)])
    assert [cell.kind for cell in made.cells] == ["same", "changed"]
    assert made.cells[1].unsettled == 2


ROWS = [
    row(0, "www", "rrr", title="Coat in Paris"),
    row(1, "rrr", "www", was="accepted"),
    row(2, "rrr", "rrr", was="accepted"),
    row(3, "www", "rwr"),
    row(4, "www", "uuu"),
]


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({}, [4, 1, 3, 0, 2]),
        ({"order": "case"}, [0, 1, 2, 3, 4]),
        ({"what": "differ"}, [4, 1, 3, 0]),
        ({"what": "fixed"}, [0]),
        ({"what": "still_failing"}, []),
        ({"what": "still_failing", "variant": 0}, [3, 0, 4]),
        ({"words": "paris coat"}, [0]),
        ({"words": "case-2"}, [2]),
    ],
)
def test_a_filter_and_an_order_choose_the_rows(asked: dict[str, str], found: list[int]) -> None:
    page = read_page(ROWS, **asked)  # type: ignore[arg-type]
    assert sorted(one.subject.id for one in page.rows) == sorted(found)
    if "variant" not in asked:
        assert [one.subject.id for one in page.rows] == found
    assert page.found == len(found)


def test_pages_go_on_where_the_one_before_ended() -> None:
    many = [row(number, "w", "r" if number % 3 else "w") for number in range(250)]
    seen: list[int] = []
    after = ""
    while True:
        page = read_page(many, after=after, size=100)
        seen += [one.subject.id for one in page.rows]
        after = page.next
        if not after:
            break
    assert sorted(seen) == list(range(250)) and len(seen) == 250
    assert seen[0] == 0 and seen[1] == 3, "still failing before fixed"
    assert read_page(many, after="no cursor", size=5).rows[0].subject.id == 0


@pytest.mark.parametrize("variant", [None, 1])
def test_each_filter_counts_what_it_shows(variant: int | None) -> None:
    counts = count_shows(ROWS, variant)
    found = {show: read_page(ROWS, what=show, variant=variant).found for show in SHOWS}
    assert {show: counts[show] for show in SHOWS} == found
    assert counts["all"] == len(ROWS) and sum(found.values()) > len(ROWS)


def test_totals_count_cases_by_the_majority_of_their_trials() -> None:
    names = ["As recorded", "draft 1"]
    control, draft = sum_up(ROWS, names, [Spending(3, 10, 20, 0.5), Spending()])
    assert (control.right.part, control.right.whole) == (2, 5)
    assert (draft.right.part, draft.right.whole) == (3, 4)
    assert (draft.fixed, draft.newly_broken, draft.flaky) == (1, 1, 1)
    assert draft.against is not None and draft.pairs.only_control == 1
    assert control.against is None and control.spending.cost == 0.5


def told(*rows: Row, names: tuple[str, ...] = ("As recorded", "v8"), over: bool = True) -> str:
    parts = say_verdict(sum_up(rows, names), is_over=over)
    return "".join(text for text, _ in parts)


def test_the_verdict_names_the_best_variant_and_how_sure_it_is() -> None:
    rows = [row(number, "www", "rrr") for number in range(30)]
    said = told(*rows)
    assert said.startswith("v8 is right in 30 of 30 cases, +100 points on the control (95% CI ")
    assert said.endswith("exact McNemar p < 0.001), and breaks none.")
    assert told(*rows, over=False).startswith("So far v8")


def test_few_cases_are_called_chance_and_a_broken_one_is_named() -> None:
    said = told(row(0, "w", "r"), row(1, "r", "w"), row(2, "w", "r"))
    assert "that may be chance" in said and said.endswith("and breaks 1.")


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([row(0, "o", "o")], "Nothing is judged."),
        ([row(0, "?", "?")], "No rule can say which answers are right: settle them"),
        ([row(0, "w", "o")], "Asked as recorded, it is right in 0 of 1 case."),
    ],
)
def test_a_verdict_without_judged_variants_says_so(rows: list[Row], said: str) -> None:
    assert told(*rows).startswith(said)


@pytest.mark.parametrize(
    ("rows", "kinds"),
    [
        ([row(n, "www", "rrr") for n in range(FEW)], []),
        ([row(n, "rrr", "rrr") for n in range(FEW)], ["no_misfire"]),
        ([row(n, "rrr" if n else "www", "rrr") for n in range(FEW)], ["some_misfires"]),
        ([row(n, "rwr", "rrr") for n in range(FEW)], ["flaky_control"]),
        ([row(0, "w", "r"), row(1, "w", "e")], ["few", "errors"]),
        ([row(0, "w", "r"), row(1, "w", "?")], ["few", "unsettled"]),
    ],
)
def test_what_forbids_a_conclusion_is_said(rows: list[Row], kinds: list[str]) -> None:
    totals = sum_up(rows, ["As recorded", "v8"])
    assert [one.kind for one in find_warnings(rows, totals, trials=3, few=FEW)] == kinds


def test_three_of_five_is_not_sixty_percent() -> None:
    rows = [row(n, "w", "r" if n < 3 else "w") for n in range(5)]
    warned = find_warnings(rows, sum_up(rows, ["As recorded", "v8"]), trials=1, few=FEW)
    assert "3 of 5 is not 60%, it is anything within 15–95%" in warned[0].text  # noqa: RUF001


def test_the_best_variant_breaks_least_among_equals() -> None:
    rows = [row(0, "w", "r", "r"), row(1, "r", "w", "r"), row(2, "w", "r", "w")]
    assert find_best(sum_up(rows, ["As recorded", "a", "b"])) == 2
    assert find_best(sum_up([row(0, "w")], ["As recorded"])) is None

"""Arguments laid out: lines, and each finding at the line that it speaks of."""

from __future__ import annotations

import pytest

from conversations.layout import LONGEST, lay_out, tokenise
from tools_registry.validation.findings import Finding


def lines_of(text: str, *findings: Finding) -> list[str]:
    return [line.text for line in lay_out(text, findings).lines]


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ('{"a":1,"b":[]}', ["{", '  "a": 1,', '  "b": []', "}"]),
        ("{}", ["{}"]),
        ('{"a": 1.0e3}', ["{", '  "a": 1.0e3', "}"]),
        ('{"a":{"b":true}}', ["{", '  "a": {', '    "b": true', "  }", "}"]),
        ('{"city": "Os', ["{", '  "city": "Os']),
        ('{"a":"b\\', ["{", '  "a": "b\\']),
        ("not json", ["not json"]),
        ("", [""]),
        ('{"a":"x\\ny { , } z"}', ["{", '  "a": "x\\ny { , } z"', "}"]),
    ],
)
def test_lines_keep_every_token_as_it_arrived(text: str, lines: list[str]) -> None:
    assert lines_of(text) == lines
    assert "".join("".join(lines).split()) == "".join(text.split())


@pytest.mark.parametrize(
    ("pointer", "line"),
    [
        ("/temperature", '  "temperature": "celsius",'),
        ("/list/1/x~1y", '      "x/y": null'),
        ("/list/1", "    {"),
        ("/city/deeper/still", '  "city": "Oslo",'),
    ],
)
def test_a_finding_stands_at_its_pointer_or_the_nearest_that_exists(
    pointer: str, line: str
) -> None:
    text = '{"city":"Oslo","temperature":"celsius","list":[0,{"x/y":null}]}'
    finding = Finding("wrong_type", "no", pointer=pointer)
    laid = lay_out(text, [finding])
    assert [one.text for one in laid.lines if finding in one.findings] == [line]
    assert laid.general == []


def test_an_absent_parameter_gets_a_ghost_line_at_the_end_of_its_object() -> None:
    finding = Finding("missing_required", "required", pointer="/place/street~1no")
    lines = lay_out('{"place":{"city":"Oslo"},"z":1}', [finding]).lines
    ghost = next(line for line in lines if line.absent is not None)
    assert (ghost.absent, ghost.depth, ghost.severity) == ("street/no", 2, "hit")
    assert lines[lines.index(ghost) + 1].text.strip() == "},"


@pytest.mark.parametrize("text", ["{}", "", '{"a": 1', "[1]"])
def test_an_absent_parameter_is_shown_whatever_the_text_is(text: str) -> None:
    finding = Finding("missing_required", "required", pointer="/city")
    assert any(line.absent == "city" for line in lay_out(text, [finding]).lines)


def test_a_repeated_key_is_marked_where_it_repeats() -> None:
    finding = Finding("duplicate_key", "twice", pointer="/a")
    lines = lay_out('{"a":1,"b":2,"a":3}', [finding]).lines
    assert [line.text for line in lines if line.findings] == ['  "a": 3']


def test_findings_without_a_place_and_of_long_texts_are_general() -> None:
    finding = Finding("unknown_tool", "no such tool")
    assert lay_out("{}", [finding]).general == [finding]
    placed = Finding("wrong_type", "no", pointer="/a")
    laid = lay_out('{"a":"' + "x" * LONGEST + '"}', [placed])
    assert (laid.lines, laid.general) == ([], [placed])


def test_tokens_know_where_they_belong() -> None:
    tokens = tokenise('{"a":[{"b":1}]}')
    assert [(token.text, token.pointer) for token in tokens if token.kind in ("k", "nn")] == [
        ('"a"', "/a"),
        ('"b"', "/a/0/b"),
        ("1", "/a/0/b"),
    ]

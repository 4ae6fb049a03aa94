"""References, escaping, and two edits of one text, as values."""

from __future__ import annotations

import pytest

from console.lib import markdown
from conversations.incidents.postmortem.merging import merge
from conversations.incidents.postmortem.references import block, code, escape, resolve
from conversations.incidents.postmortem.template import TEMPLATE

VALUES = {"impact.calls": "119 of 137", "timeline": "| a |\n| --- |", "x": "{{impact.calls}}"}


def test_references_are_resolved_once() -> None:
    found = resolve("{{impact.calls}} and {{ x }}\n{{timeline}}", VALUES)
    assert found.text == "119 of 137 and {{impact.calls}}\n| a |\n| --- |"
    assert found.unknown == ()


def test_an_unknown_reference_is_named_with_its_line() -> None:
    found = resolve("one\n\n{{impact.cals}} {{nothing_like_it}}", VALUES)
    assert [(one.name, one.line, one.instead) for one in found.unknown] == [
        ("impact.cals", 3, "impact.calls"),
        ("nothing_like_it", 3, ""),
    ]
    assert found.text.endswith("{{impact.cals}} {{nothing_like_it}}")


HOSTILE = [
    "<script>alert(1)</script>", "# no heading", "- no item", "1. no item", "*bold* _it_ ~~s~~",
    "[link](javascript:alert(1))", "![x](http://evil.example/p.png)", "a | b", "`tick`",
    "&amp; \\* {{timeline}}", "> quote", "<https://evil.example>",
]  # fmt: skip


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("write", [escape, code])
def test_values_are_shown_as_they_are(text: str, write: object) -> None:
    written = {"escape": escape, "code": code}[write.__name__](text)  # type: ignore[attr-defined]
    html = markdown.render(f"Before {written} after\n\n{written}").html
    for tag in ("<script", "<h1", "<li", "<em", "<a ", "<img", "<s>", "<strong", "<blockquote"):
        assert tag not in html


def test_a_block_holds_any_text() -> None:
    html = markdown.render(block("```\n<b>\n````", "diff")).html
    assert html.count("<pre>") == 1
    assert "&lt;b&gt;" in html


BASE = "a\nb\nc\nd\ne"
MERGES = {
    "only mine": ("a\nb\nC\nd\ne", BASE, "a\nb\nC\nd\ne", 0),
    "only theirs": (BASE, "a\nb\nc\nd", "a\nb\nc\nd", 0),
    "apart": ("A\nb\nc\nd\ne", "a\nb\nc\nd\nE\nf", "A\nb\nc\nd\nE\nf", 0),
    "the same": ("a\nX\nc\nd\ne", "a\nX\nc\nd\ne", "a\nX\nc\nd\ne", 0),
    "both ends": ("0\na\nb\nc\nd\ne", "a\nb\nc\nd\ne\n9", "0\na\nb\nc\nd\ne\n9", 0),
    "mine taken out, theirs added": ("a\nc\nd\ne", "a\nb\nc\nd\nd2\ne", "a\nc\nd\nd2\ne", 0),
    "the same line": (
        "a\nmine\nc\nd\ne",
        "a\ntheirs\nc\nd\ne",
        "a\n<<<<<<< yours\nmine\n=======\ntheirs\n>>>>>>> theirs\nc\nd\ne",
        1,
    ),
    "everything": ("x", "y", "<<<<<<< yours\nx\n=======\ny\n>>>>>>> theirs", 1),
}


@pytest.mark.parametrize(("mine", "theirs", "text", "conflicts"), MERGES.values(), ids=MERGES)
def test_two_edits_are_put_together(mine: str, theirs: str, text: str, conflicts: int) -> None:
    merged = merge(BASE, mine, theirs)
    assert (merged.text, merged.conflicts) == (text, conflicts)
    assert merge(BASE, theirs, mine).conflicts == conflicts


def test_the_template_takes_every_line_from_the_record_or_leaves_it_to_people() -> None:
    for heading in ("Impact", "Timeline", "Detection", "Root cause", "What went well", "Actions"):
        assert f"## {heading}" in TEMPLATE

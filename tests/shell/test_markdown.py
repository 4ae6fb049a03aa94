"""Markdown becomes safe HTML with headings that can be linked."""

from __future__ import annotations

import pytest

from console.lib import markdown


@pytest.mark.parametrize(
    "hostile",
    [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "[a](javascript:alert(1))",
        "![a](javascript:alert(1))",
        "[a](data:text/html;base64,PHNjcmlwdD4=)",
        "<a href='javascript:alert(1)'>a</a>",
        "[a](vbscript:x)",
        "```html\n<script>alert(1)</script>\n```",
        '[a](https://example.com "x\\" onmouseover=alert(1)")',
    ],
)
def test_hostile_text_becomes_no_markup(hostile: str) -> None:
    html = markdown.render(hostile).html.lower()
    assert "<script" not in html
    for start in ('="javascript:', '="vbscript:', '="data:', "<img src=x"):
        assert start not in html
    tags = html.split("<")[1:]
    assert not any(" on" in tag.split(">")[0].split('"')[::2] for tag in tags)


def test_headings_get_ids_that_keep_underscores_and_are_unique() -> None:
    rendered = markdown.render("# Finding codes\n\n## `wrong_type`\n\n## Cure\n\n## Cure\n")
    assert [heading.id for heading in rendered.headings] == [
        "finding-codes",
        "wrong_type",
        "cure",
        "cure-2",
    ]
    assert rendered.title == "Finding codes"
    assert '<h2 id="wrong_type">' in rendered.html


def test_sections_hold_the_text_below_their_heading() -> None:
    rendered = markdown.render(
        "before\n\n# One\n\nfirst *text*\n\n- item\n\n## Two\n\n```\ncode\n```\n"
    )
    assert [section.text for section in rendered.sections] == ["first text item", "code\n"]


def test_a_right_aligned_column_has_a_class_and_no_style() -> None:
    html = markdown.render("| a | b |\n| --- | --: |\n| 1 | 2 |\n").html
    assert '<td class="r">2</td>' in html
    assert "style" not in html


def test_links_and_images_go_through_the_given_mapping() -> None:
    html = markdown.render("[a](b.md) ![c](d.png)", lambda target: f"/x/{target}").html
    assert 'href="/x/b.md"' in html
    assert 'src="/x/d.png"' in html

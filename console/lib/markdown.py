"""Markdown to safe HTML: no raw HTML in, only a known list of elements out."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import nh3
from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token

_HEADINGS = {f"h{level}" for level in range(1, 7)}
_TAGS = _HEADINGS | {
    *("a", "blockquote", "br", "code", "del", "div", "em", "hr", "img", "li", "ol", "p", "pre"),
    *("strong", "table", "tbody", "td", "th", "thead", "tr", "ul", "s"),
}
_ATTRIBUTES = {
    **{tag: {"id"} for tag in _HEADINGS},
    "a": {"href", "title"},
    "code": {"class"},
    "div": {"class"},
    "img": {"src", "alt", "title"},
    "ol": {"start"},
    "td": {"class"},
    "th": {"class"},
}


@dataclass(frozen=True, slots=True)
class Heading:
    level: int
    text: str
    id: str


@dataclass(frozen=True, slots=True)
class Section:
    """A heading and the plain text below it, up to the next heading of any level."""

    heading: Heading
    text: str


@dataclass(frozen=True, slots=True)
class Rendered:
    """Safe HTML, and the document's text by section; text before any heading is not in one."""

    html: str
    sections: tuple[Section, ...]

    @property
    def headings(self) -> tuple[Heading, ...]:
        return tuple(section.heading for section in self.sections)

    @property
    def title(self) -> str:
        """The first heading of level 1, or nothing."""
        return next((heading.text for heading in self.headings if heading.level == 1), "")


def render(text: str, link: Callable[[str], str] = str) -> Rendered:
    """Render CommonMark with tables and strikethrough.

    ``link`` maps every address of a link or image to the one to write. Headings get an id
    made of their text (see ``heading_id``), numbered where a text repeats.
    """
    tokens = _parser().parse(text)
    sections = _number_headings(tokens)
    for token in _inline(tokens):
        for name in ("href", "src"):
            if name in token.attrs:
                token.attrs[name] = link(str(token.attrs[name]))
    html = _parser().renderer.render(tokens, _parser().options, {})
    safe = nh3.clean(
        html,
        tags=_TAGS,
        attributes=_ATTRIBUTES,
        url_schemes={"http", "https", "mailto"},
        link_rel="noopener noreferrer",
    )
    return Rendered(safe, sections)


def heading_id(text: str) -> str:
    """The id of a heading: lower case, words joined by hyphens, underscores kept."""
    return re.sub(r"[^\w]+", "-", text.lower()).strip("-") or "section"


def _parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])
    parser.add_render_rule("table_open", _open_table)
    parser.add_render_rule("table_close", _close_table)
    parser.add_render_rule("th_open", _open_cell)
    parser.add_render_rule("td_open", _open_cell)
    return parser


def _open_table(renderer: RendererHTML, *_: Any) -> str:
    return '<div class="scroll-x"><table>'


def _close_table(renderer: RendererHTML, *_: Any) -> str:
    return "</table></div>"


def _open_cell(renderer: RendererHTML, tokens: Sequence[Token], at: int, *_: Any) -> str:
    """A cell's alignment as a class, for the policy allows no style attribute."""
    aligned = "right" in str(tokens[at].attrs.get("style", ""))
    return f'<{tokens[at].tag} class="r">' if aligned else f"<{tokens[at].tag}>"


def _inline(tokens: Sequence[Token]) -> list[Token]:
    return [child for token in tokens for child in token.children or ()]


def _number_headings(tokens: Sequence[Token]) -> tuple[Section, ...]:
    sections: list[tuple[Heading, list[str]]] = []
    seen: dict[str, int] = {}
    in_heading = False
    for at, token in enumerate(tokens):
        if token.type == "heading_open":
            text = _plain(tokens[at + 1])
            name = heading_id(text)
            seen[name] = seen.get(name, 0) + 1
            unique = name if seen[name] == 1 else f"{name}-{seen[name]}"
            token.attrs["id"] = unique
            sections.append((Heading(int(token.tag[1:]), text, unique), []))
            in_heading = True
        elif token.type == "heading_close":
            in_heading = False
        elif token.content and sections and not in_heading:
            sections[-1][1].append(_plain(token))
    return tuple(Section(heading, " ".join(texts)) for heading, texts in sections)


def _plain(token: Token) -> str:
    if token.children is None:
        return token.content
    parts = (
        " " if child.type in {"softbreak", "hardbreak"} else child.content
        for child in token.children
    )
    return "".join(parts)

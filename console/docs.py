"""The pages of ``docs/``: read, put in order, rendered and searched.

``docs/index.md`` is the front page and the order: its list items link the pages, under a
heading for each section. A page that it does not name is listed last, under "More".
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from django.conf import settings
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from console.lib import markdown

FOLDER = Path(settings.BASE_DIR) / "docs"
IMAGES = FOLDER / "images"
IMAGE_TYPES = {
    ".png": "image/png",
    ".webp": "image/webp",
    ".jpg": "image/jpeg",
    ".svg": "image/svg+xml",
}
_RESULTS = 30
_BEFORE, _AFTER = 60, 140


@dataclass(frozen=True, slots=True)
class Doc:
    slug: str
    rendered: markdown.Rendered

    @property
    def title(self) -> str:
        return self.rendered.title or self.slug

    @property
    def html(self) -> SafeString:
        """Safe, for it was cleaned when it was rendered."""
        return SafeString(self.rendered.html)

    @property
    def outline(self) -> list[markdown.Heading]:
        return [heading for heading in self.rendered.headings if heading.level in (2, 3)]

    @property
    def url(self) -> str:
        return reverse("console:docs-page", args=[self.slug])


@dataclass(frozen=True, slots=True)
class Hit:
    """A section that holds all words of a query; ``excerpt`` is safe HTML with marks."""

    doc: Doc
    heading: markdown.Heading
    excerpt: SafeString
    score: int

    @property
    def url(self) -> str:
        return self.doc.url if self.heading.level == 1 else f"{self.doc.url}#{self.heading.id}"


def slugs() -> list[str]:
    """Every page but the front page, in the order of the front page, then by name."""
    present = {path.stem for path in FOLDER.glob("*.md")} - {"index"}
    named = re.findall(r"\]\(([\w-]+)\.md\)", (FOLDER / "index.md").read_text())
    ordered = [slug for slug in dict.fromkeys(named) if slug in present]
    return ordered + sorted(present - set(ordered))


def find(slug: str) -> Doc | None:
    """The page ``slug`` ("index" is the front page); None where there is none."""
    path = FOLDER / f"{slug}.md"
    if not re.fullmatch(r"[\w-]+", slug) or not path.is_file():
        return None
    return Doc(slug, _render(path, path.stat().st_mtime_ns))


def all_docs() -> list[Doc]:
    return [doc for slug in slugs() if (doc := find(slug))]


def unlisted() -> list[Doc]:
    """Pages that the front page does not name."""
    named = set(re.findall(r"\]\(([\w-]+)\.md\)", (FOLDER / "index.md").read_text()))
    return [doc for doc in all_docs() if doc.slug not in named]


@lru_cache(maxsize=256)
def _render(path: Path, modified: int) -> markdown.Rendered:
    return markdown.render(path.read_text(), address)


def address(target: str) -> str:
    """Where a link of a page leads in the console: pages and images have addresses of their own."""
    if match := re.fullmatch(r"(?:\./)?([\w-]+)\.md(#.*)?", target):
        slug, anchor = match.group(1), match.group(2) or ""
        if slug == "index":
            return reverse("console:docs-index") + anchor
        return reverse("console:docs-page", args=[slug]) + anchor
    if match := re.fullmatch(r"(?:\./)?images/([\w.-]+)", target):
        return reverse("console:docs-image", args=[match.group(1)])
    return target


def search(query: str) -> list[Hit]:
    """Sections that hold every word of ``query``, best first: in titles, headings, then text."""
    words = [word for word in re.findall(r"\w+", query.lower()) if word]
    if not words:
        return []
    hits = [
        hit
        for doc in all_docs()
        for section in doc.rendered.sections
        if (hit := _match(doc, section, words))
    ]
    return sorted(hits, key=lambda hit: -hit.score)[:_RESULTS]


def _match(doc: Doc, section: markdown.Section, words: list[str]) -> Hit | None:
    title, heading, text = (
        part.lower() for part in (doc.title, section.heading.text, section.text)
    )
    score = 0
    for word in words:
        found = 8 * (word in title) + 12 * (word in heading) + min(text.count(word), 5)
        if not (word in heading or word in text):
            return None
        score += found
    return Hit(doc, section.heading, _excerpt(section.text, words), score)


def _excerpt(text: str, words: list[str]) -> SafeString:
    """The text around the first word found, each word marked."""
    pattern = re.compile("|".join(re.escape(word) for word in words), re.IGNORECASE)
    first = pattern.search(text)
    start = max(0, first.start() - _BEFORE) if first else 0
    start = text.rfind(" ", 0, start) + 1 if start else 0
    end = start + _BEFORE + _AFTER
    if end < len(text):
        end = max(text.rfind(" ", start, end), start + _BEFORE)
    cut = text[start:end]
    parts: list[str] = ["… "] if start else []
    at = 0
    for match in pattern.finditer(cut):
        parts += [cut[at : match.start()], format_html("<mark>{}</mark>", match.group())]
        at = match.end()
    parts += [cut[at:], " …" if end < len(text) else ""]
    return format_html_join("", "{}", ((part,) for part in parts))

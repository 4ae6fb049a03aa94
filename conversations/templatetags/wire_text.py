"""Text that came over the wire, shown and never obeyed: escaped, its hidden parts visible."""

from __future__ import annotations

import re

from django import template
from django.utils.html import escape, format_html, format_html_join
from django.utils.safestring import SafeString

from console.lib import json

register = template.Library()

FOLD = 4096
"""Characters; longer text is folded."""
BLOCK = 8192

# Controls, soft hyphen, zero-width and direction-changing characters, tag characters, surrogates:
# the same as in static/js/playground_dom.js.
_HIDDEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f"
    "\ud800-\udfff\ufeff\ufff9-\ufffb\U000e0000-\U000e007f]"
)


def _picture(code: int) -> str:
    if code < 0x20:
        return chr(0x2400 + code)
    return "\u2421" if code == 0x7F else f"U+{code:04X}"


def _pieces(text: str) -> list[tuple[str, SafeString | str]]:
    found: list[tuple[str, SafeString | str]] = []
    at = 0
    for match in _HIDDEN.finditer(text):
        code = ord(match[0])
        name = f"U+{code:04X}"
        badge = format_html('<span class="cc" title="{}">{}</span>', name, _picture(code))
        found.append((text[at : match.start()], badge))
        at = match.end()
    return [*found, (text[at:], "")]


@register.filter
def visible(text: object) -> SafeString:
    """The text with every character that a page would hide or obey shown as a badge."""
    whole = str(text)
    if not _HIDDEN.search(whole):
        return escape(whole)
    return format_html_join("", "{}{}", _pieces(whole))


@register.filter
def brief(text: object, limit: int = 160) -> SafeString:
    """The beginning of the text, on one line."""
    line = " ".join(str(text)[: limit * 4].split())
    return visible(line if len(line) <= limit else f"{line[: limit - 1]}…")


@register.filter
def folded(text: object, limit: int = FOLD) -> SafeString:
    """The text, folded beyond ``limit`` characters behind a line that says how many there are."""
    whole = str(text)
    if len(whole) <= limit:
        return visible(whole)
    return format_html(
        '{}<details class="rest"><summary class="btn sm">Show all {} characters</summary>{}'
        "</details>",
        visible(whole[:limit]),
        f"{len(whole):,}",
        _blocks(whole[limit:]),
    )


def _blocks(text: str) -> SafeString:
    """Very long text in blocks of its own: a browser takes minutes for a line of a million."""
    if len(text) <= BLOCK * 4:
        return visible(text)
    pieces, at = [], 0
    while at < len(text):
        end = text.rfind("\n", at, at + BLOCK) + 1 or at + BLOCK
        pieces.append((visible(text[at:end]),))
        at = end
    return format_html_join("", '<span class="blk">{}</span>', pieces)


@register.filter
def plain(text: object, limit: int = 120) -> str:
    """The beginning of the text where no markup can stand: titles, labels, attributes."""
    line = " ".join(_HIDDEN.sub("\ufffd", str(text)[: limit * 4]).split())
    return line if len(line) <= limit else f"{line[: limit - 1]}…"


@register.filter
def copyable(text: object) -> str:
    """The text for an attribute to be copied from; what UTF-8 cannot carry is U+FFFD."""
    return str(text).encode("utf-16", "surrogatepass").decode("utf-16", "replace")


@register.filter
def pretty_json(text: str) -> str:
    """JSON text indented, hidden characters as escapes; text that is no JSON as it is."""
    try:
        text = json.pretty(json.load(text))
    except (ValueError, RecursionError):
        text = str(text)
    return _HIDDEN.sub(lambda match: _escape(match[0]), text)


def _escape(character: str) -> str:
    units = character.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at]:02x}{units[at + 1]:02x}" for at in range(0, len(units), 2))


@register.filter
def milliseconds(value: float | None) -> str:
    return "–" if value is None else f"{value:,.0f} ms"


@register.filter
def count(value: int | None) -> str:
    """A whole number with its thousands apart; a dash where it is unknown."""
    return "–" if value is None else f"{value:,}"


@register.filter
def dollars(value: object) -> str:
    """A cost; None is unpriced, never zero."""
    if value is None:
        return "unpriced"
    amount = float(str(value))
    return f"${amount:.6f}" if 0 < amount < 0.01 else f"${amount:,.4f}"


@register.filter
def size(count: int) -> str:
    """Bytes for people."""
    if count < 1024:
        return f"{count} B"
    return f"{count / 1024:,.1f} KB" if count < 1024 * 1024 else f"{count / 1024 / 1024:,.1f} MB"


@register.filter
def unlocalized(value: float) -> str:
    """A number for an attribute of an SVG or a field: no grouping, no needless digits."""
    return f"{value:.2f}".rstrip("0").rstrip(".")


@register.filter
def minus(value: float, other: float) -> float:
    return value - other


@register.filter
def spaced(text: str) -> str:
    """A label of a chart: spaces kept, what is hidden replaced."""
    return _HIDDEN.sub("\ufffd", text).replace("\n", "\u23ce").replace("\t", " ")

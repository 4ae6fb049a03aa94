"""The small parts of our pages as template tags: icons, verdicts, finding codes, times."""

from __future__ import annotations

import functools
from datetime import UTC, datetime

from django import template
from django.templatetags.static import static
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from tools_registry.validation.findings import CODES

register = template.Library()

LAYER_ICONS = {
    "assembly": "puzzle",
    "syntax": "braces",
    "offer": "list-check",
    "schema": "ruler-2",
    "rule": "gavel",
    "content": "shield-exclamation",
    "conduct": "repeat",
    "execution": "bolt",
    "expectation": "target",
}
VERDICT_ICONS = {
    "accepted": "circle-check",
    "flagged": "flag",
    "rejected": "circle-x",
    "pending": "circle-dashed",
}
# "#" stands for the day without a leading zero, which strftime cannot write everywhere.
_TIME_FORMS = {
    "minute": "# %b %Y, %H:%M UTC",
    "second": "# %b %Y, %H:%M:%S UTC",
    "day": "# %b %Y",
    "time": "%H:%M UTC",
}
MESSAGE_ICONS = {"success": "circle-check", "warning": "alert-triangle", "error": "circle-x"}


@register.simple_tag
def icon(name: str, extra: str = "") -> SafeString:
    """One icon of the sprite; ``name`` as in static/vendor/tabler-icons/icons.txt."""
    return _draw(name, extra)


@functools.lru_cache(maxsize=1024)
def _draw(name: str, extra: str) -> SafeString:
    """A page has hundreds of a few icons, and the sprite's address is looked up for each."""
    return format_html(
        '<svg class="ti ti-{}{}" aria-hidden="true"><use href="{}#{}"></use></svg>',
        name,
        f" {extra}" if extra else "",
        static("icons.svg"),
        name,
    )


@register.simple_tag
def layer_icon(layer: str) -> SafeString:
    return icon(LAYER_ICONS[layer])


@register.simple_tag
def message_icon(level: str) -> SafeString:
    """The icon of a Django message of this level tag."""
    return icon(MESSAGE_ICONS.get(level, "info-circle"))


@register.simple_tag
def verdict(value: str | None, count: int | None = None) -> SafeString:
    """A verdict as icon and word, with how many calls it stands for; nothing yet is pending."""
    value = value or "pending"
    number = "" if count is None else format_html(" <b>{}</b>", count)
    return format_html(
        '<span class="vd {}">{}{}{}</span>',
        value,
        icon(VERDICT_ICONS[value]),
        value.capitalize(),
        number,
    )


@register.simple_tag
def finding_code(code: str) -> SafeString:
    """A finding code with its layer's icon, linked to what the docs say of it."""
    layer = CODES[code].layer
    return format_html(
        '<a class="fc l-{}" href="{}#{}" title="{} layer: {}">{}{}</a>',
        layer,
        reverse("console:docs-page", args=["findings"]),
        code,
        layer.capitalize(),
        CODES[code].summary,
        layer_icon(layer),
        code,
    )


@register.simple_tag
def when(moment: datetime | None, form: str = "minute") -> SafeString | str:
    """A time in UTC: ``minute``, ``second``, ``day``, or ``short`` (the day, or today's time).

    On hover it says the reader's own time; None is "never".
    """
    if moment is None:
        return "never"
    moment = moment.astimezone(UTC)
    if form == "short":
        form = "time" if moment.date() == datetime.now(UTC).date() else "day"
    return format_html(
        '<time class="nowrap" datetime="{}" data-when>{}</time>',
        moment.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        f"{moment:{_TIME_FORMS[form]}}".replace("#", str(moment.day)),
    )

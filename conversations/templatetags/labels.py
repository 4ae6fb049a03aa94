"""The panel of a turn's labels, wherever a turn is shown."""

from __future__ import annotations

from typing import Any

from django import template

from conversations.models import Turn
from conversations.views.labels import describe

register = template.Library()


@register.inclusion_tag("conversations/_label.html", takes_context=True)
def label_panel(context: template.Context, turn: Turn) -> dict[str, Any]:
    """What was said of the turn, and the form to say it."""
    held: dict[Any, Any] = context.flatten()
    return {**held, **describe(context["request"], turn)}

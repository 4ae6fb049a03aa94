"""A document as it is shown: figures resolved, Markdown to safe HTML."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.utils.safestring import SafeString

from console.lib import markdown
from conversations.incidents.postmortem.figures import Figure, read_figures
from conversations.incidents.postmortem.references import Resolved, Unknown, resolve
from conversations.incidents.records import Incident


@dataclass(frozen=True, slots=True)
class Shown:
    """``markdown`` has its figures in place; ``figures`` are all that may be used."""

    markdown: str
    html: SafeString
    unknown: Sequence[Unknown]
    figures: Sequence[Figure]


def show(incident: Incident, text: str, now: datetime | None = None) -> Shown:
    figures = read_figures(incident, now)
    resolved = fill(text, figures)
    # Safe, for it is cleaned as it is rendered.
    html = SafeString(markdown.render(resolved.text).html)
    return Shown(resolved.text, html, resolved.unknown, figures)


def fill(text: str, figures: Sequence[Figure]) -> Resolved:
    return resolve(text, {figure.name: figure.value for figure in figures})

"""Django's templates, whose pages can always be sent: half of a surrogate pair, which models and
programs do send and UTF-8 cannot hold, is shown as U+FFFD."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.template.backends.django import DjangoTemplates
from django.template.backends.django import Template as DjangoTemplate
from django.utils.safestring import SafeString

from console.lib.fields import to_plain


class Template(DjangoTemplate):
    def render(
        self, context: dict[str, Any] | None = None, request: HttpRequest | None = None
    ) -> str:
        html = super().render(context, request)
        try:
            html.encode()
        except UnicodeEncodeError:
            # As safe as it was: no character of markup comes or goes.
            return SafeString(to_plain(html))
        return html


class Templates(DjangoTemplates):
    """The backend; a template's own parts are rendered within it."""

    def get_template(self, template_name: str) -> Template:
        return Template(super().get_template(template_name).template, self)

    def from_string(self, template_code: str) -> Template:
        return Template(super().from_string(template_code).template, self)

"""The form of a silence."""

from __future__ import annotations

from datetime import timedelta

from django import forms

from analytics.alerts.wording import tell_length
from console.accounts.forms import Form

SILENCES = (900, 3600, 4 * 3600, 24 * 3600, 7 * 24 * 3600)


class SilenceForm(Form):
    """A silence that begins now. Without a rule it is of all rules of the project."""

    seconds = forms.TypedChoiceField(
        label="For", choices=[(s, tell_length(s)) for s in SILENCES], coerce=int, initial=3600
    )
    note = forms.CharField(label="Why", max_length=200, required=False)

    @property
    def length(self) -> timedelta:
        return timedelta(seconds=self.cleaned_data["seconds"])

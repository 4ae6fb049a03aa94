"""The form of a channel."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from django import forms
from django.conf import settings
from django.core.validators import validate_email

from analytics.alerts.notifiers.base import may_read
from analytics.alerts.records import CHANNEL_KINDS, AlertChannel
from console.accounts.forms import Form
from console.accounts.models import Project
from console.lib.fields import to_stored

_MOST_ADDRESSES = 20


class ChannelForm(Form):
    """A new or changed channel of a project."""

    name = forms.CharField(label="Name", max_length=60)
    kind = forms.ChoiceField(label="Kind", choices=CHANNEL_KINDS)
    url = forms.CharField(
        label="Address of the webhook",
        max_length=500,
        required=False,
        help_text="For a signed webhook. Those of Slack are secrets: name their variable below.",
    )
    variable = forms.CharField(
        label="Environment variable that holds the secret",
        max_length=100,
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
    addresses = forms.CharField(
        label="E-mail addresses, one a line",
        required=False,
        widget=forms.Textarea(attrs={"rows": 3, "spellcheck": "false"}),
    )

    tells_incidents = forms.BooleanField(
        label="Also tell what becomes of incidents: status, owner, notes, fixes", required=False
    )

    def __init__(
        self, *args: Any, project: Project, channel: AlertChannel | None = None, **kwargs: Any
    ) -> None:
        self.project, self.channel = project, channel
        if channel is not None:
            names = ("name", "kind", "url", "variable", "tells_incidents")
            own = {name: getattr(channel, name) for name in names}
            kwargs.setdefault("initial", own | {"addresses": "\n".join(channel.addresses)})
        super().__init__(*args, **kwargs)
        self.fields["tells_incidents"].widget.attrs["class"] = "form-check-input"
        self.fields["variable"].help_text = (
            "Its name, such as ALERT_OPS_WEBHOOK_SECRET (what a webhook is signed with),"
            " OPS_WEBHOOK_URL (Slack's address) or OPS_ROUTING_KEY (PagerDuty's)."
            " The secret itself is never stored."
        )

    def clean_name(self) -> str:
        name: str = to_stored(self.cleaned_data["name"])
        others = AlertChannel.objects.filter(project=self.project, name=name, archived_at=None)
        if self.channel is not None:
            others = others.exclude(pk=self.channel.pk)
        if others.exists():
            raise forms.ValidationError("A channel of this project has this name; take another.")
        return name

    def clean_addresses(self) -> list[str]:
        lines = self.cleaned_data["addresses"].replace(",", "\n").splitlines()
        found = list(dict.fromkeys(line.strip() for line in lines if line.strip()))
        for address in found:
            try:
                validate_email(address)
            except forms.ValidationError:
                raise forms.ValidationError(f"{address[:60]} is no e-mail address.") from None
        if len(found) > _MOST_ADDRESSES:
            raise forms.ValidationError(f"A channel has {_MOST_ADDRESSES} addresses at most.")
        return found

    def clean(self) -> dict[str, Any]:
        """What each kind needs; what it does not is dropped."""
        data, kind = self.cleaned_data, self.cleaned_data.get("kind")
        if kind == "email":
            data["variable"] = ""
            if not data.get("addresses") and "addresses" not in self.errors:
                self.add_error("addresses", "Enter at least one address.")
        else:
            data["addresses"] = []
            self._check_variable(data.get("variable", ""))
        if kind == "pagerduty":
            # It would take each for an alert.
            data["tells_incidents"] = False
        if kind == "webhook":
            self._check_url(data.get("url", ""))
        else:
            data["url"] = ""
        return data

    def _check_variable(self, variable: str) -> None:
        if not variable or not may_read(variable):
            allowed = ", ".join(settings.ALERT_VARIABLES)
            self.add_error(
                "variable",
                f"Name a variable that matches {allowed}, not the secret itself. Others may be"
                " allowed with the setting ALERT_VARIABLES.",
            )

    def _check_url(self, url: str) -> None:
        try:
            parts = urlsplit(url)
            host, _ = parts.hostname, parts.port
        except ValueError:
            host = None
        if not host or parts.scheme not in ("http", "https"):
            self.add_error("url", "Enter an address that begins with https:// or http://.")
        elif parts.username or parts.password:
            self.add_error("url", "Leave credentials out: the signature says who sends.")

    def save(self) -> AlertChannel:
        row = self.channel or AlertChannel(project=self.project)
        for name, value in self.cleaned_data.items():
            setattr(row, name, value)
        row.save()
        return row

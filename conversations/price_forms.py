"""The form of a connection's own price. Every refusal says what to enter instead."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from django import forms
from django.db import transaction
from django.utils import timezone

from console.accounts.forms import Form
from conversations.models import Connection
from conversations.price_overrides import RATES, Override, put, read_overrides

MOST = 200
"""Prices of one connection."""


def _rate(label: str, help_text: str = "") -> forms.DecimalField:
    return forms.DecimalField(
        label=label,
        min_value=0,
        max_value=1_000_000,
        max_digits=16,
        decimal_places=9,
        required=False,
        help_text=help_text,
    )


class PriceForm(Form):
    """A price of a model, or of all that begin alike, from a day on."""

    model = forms.CharField(
        label="Model", max_length=200, help_text="Its name; gpt-4o* is every name that begins so."
    )
    since = forms.DateField(
        label="From, UTC", widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )
    input = _rate("Input, $ a million tokens")
    output = _rate("Output, $ a million tokens")
    cache_read = _rate("Cached input, $ a million tokens", "Empty costs as much as input.")
    cache_write = _rate("Input written to the cache, $ a million tokens", "Empty as well.")
    request = _rate("Each thousand calls of the model, $")
    note = forms.CharField(
        label="Why", max_length=120, required=False, help_text="Such as the contract it is from."
    )

    def __init__(self, *args: Any, connection: Connection, **kwargs: Any) -> None:
        self.connection = connection
        kwargs.setdefault("initial", {"since": timezone.now().date()})
        super().__init__(*args, **kwargs)

    def clean_model(self) -> str:
        model: str = self.cleaned_data["model"].strip()
        if "*" in model[:-1]:
            raise forms.ValidationError("Write * at the end alone.")
        return model

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or self.cleaned_data
        if not self.errors and all(data.get(name) is None for name in RATES):
            raise forms.ValidationError("Enter at least one rate; 0 is one, too.")
        if len(read_overrides(self.connection.settings)) >= MOST:
            raise forms.ValidationError(
                f"A connection has at most {MOST} prices; remove one first."
            )
        return data

    def save(self) -> Override:
        """The price, kept in the connection's settings."""
        data = self.cleaned_data
        rates: dict[str, Decimal] = {
            name: data[name].normalize() for name in RATES if data[name] is not None
        }
        new = Override(data["model"], data["since"], rates, data["note"])
        change_prices(self.connection, lambda held: put(held, new))
        return new


def change_prices(
    connection: Connection, change: Callable[[list[Override]], list[Override]]
) -> bool:
    """Make of the connection's own prices, as they are now, what ``change`` says; whether they
    changed. Others who change its settings wait meanwhile."""
    with transaction.atomic():
        held = Connection.objects.select_for_update().get(pk=connection.pk)
        before = read_overrides(held.settings)
        after = change(before)
        settings = {key: value for key, value in held.settings.items() if key != "prices"}
        if after:
            settings["prices"] = [one.to_json() for one in after]
        connection.settings = settings
        connection.save(update_fields=["settings"])
    return after != before

"""The form of a connection. Every refusal says what to enter instead."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from django import forms
from django.conf import settings
from django.db import transaction

from console.accounts.forms import Form
from console.accounts.models import Project
from console.lib import json
from console.lib.fields import to_stored
from conversations.connections import may_read
from conversations.models import PROTOCOLS, Connection
from conversations.providers.scripted import BadScript, read_script, scripts_within
from conversations.replay import lanes

APIS = [
    ("chat", "Chat completions with tools"),
    ("functions", "Chat completions with legacy functions"),
    ("responses", "Responses"),
]
_OWN = ("name", "models", "concurrency")


class ConnectionForm(Form):
    """A new or changed connection of a project. The local model's has its own few fields."""

    name = forms.CharField(label="Name", max_length=60)
    protocol = forms.ChoiceField(
        label="Protocol", choices=[choice for choice in PROTOCOLS if choice[0] != "local"]
    )
    base_url = forms.CharField(
        label="Base URL",
        max_length=500,
        required=False,
        help_text="Empty for the provider's own. Compatible servers usually end in /v1.",
    )
    key_variable = forms.CharField(
        label="Environment variable that holds the key",
        max_length=100,
        required=False,
        help_text="Its name, such as OPENAI_API_KEY. The key itself is never stored.",
    )
    api = forms.ChoiceField(label="API, for OpenAI or compatible", choices=APIS, required=False)
    models = forms.CharField(
        label="Models, one a line",
        required=False,
        widget=forms.Textarea(attrs={"rows": 4, "spellcheck": "false"}),
        help_text="What the playground offers. The test lists those that the provider has.",
    )
    concurrency = forms.IntegerField(
        label="Calls at once, in replays",
        min_value=1,
        max_value=lanes.MOST,
        required=False,
        help_text="All workers together. Empty for the protocol's usual.",
    )
    scripts = forms.CharField(
        label="Scripts, for Scripted",
        required=False,
        widget=forms.Textarea(attrs={"rows": 8, "spellcheck": "false"}),
        help_text='JSON: {"<model name>": {"text": "…", "calls": […]}}. Empty plays those'
        " that come with Misfire.",
    )

    def __init__(
        self, *args: Any, project: Project, connection: Connection | None = None, **kwargs: Any
    ) -> None:
        self.project, self.connection = project, connection
        if connection is not None:
            kwargs.setdefault("initial", _initial(connection))
        super().__init__(*args, **kwargs)
        if connection is not None and connection.protocol == "local":
            for name in [name for name in self.fields if name not in _OWN]:
                del self.fields[name]

    def clean_name(self) -> str:
        name: str = self.cleaned_data["name"]
        others = Connection.objects.filter(project=self.project, name=name)
        if self.connection is not None:
            others = others.exclude(pk=self.connection.pk)
        if others.exists():
            raise forms.ValidationError("A connection of this project has this name; take another.")
        return name

    def clean_base_url(self) -> str:
        url: str = self.cleaned_data["base_url"].rstrip("/")
        if not url:
            return ""
        try:
            parts = urlsplit(url)
            host, _ = parts.hostname, parts.port
        except ValueError:
            host = None
        if not host or parts.scheme not in ("http", "https"):
            raise forms.ValidationError("Enter an address that begins with https:// or http://.")
        if parts.username or parts.password or parts.query:
            raise forms.ValidationError(
                "Leave credentials and queries out; name the key's environment variable below."
            )
        return url

    def clean_key_variable(self) -> str:
        variable: str = self.cleaned_data["key_variable"]
        if variable and not may_read(variable):
            patterns = ", ".join(settings.KEY_VARIABLES)
            raise forms.ValidationError(
                f"Name a variable that matches {patterns}, not the key itself. Others may be"
                " allowed with the setting KEY_VARIABLES."
            )
        return variable

    def clean_models(self) -> list[str]:
        lines = [line.strip() for line in self.cleaned_data["models"].splitlines()]
        names = list(dict.fromkeys(line for line in lines if line))
        if any(len(name) > 200 for name in names):
            raise forms.ValidationError("A model's name has at most 200 characters.")
        return names

    def clean_scripts(self) -> dict[str, Any]:
        text = self.cleaned_data["scripts"].strip()
        try:
            scripts = json.load(text or "{}")
        except (ValueError, RecursionError) as error:
            raise forms.ValidationError(f"This is not JSON: {error}.") from None
        if not isinstance(scripts, dict):
            raise forms.ValidationError('Write an object: {"<model name>": SCRIPT}.')
        if to_stored(text) != text or "\\u0000" in json.dump(scripts):
            raise forms.ValidationError(
                'Write NULs and half characters as a recorded chunk: [ms, "…", "base64"].'
            )
        for name, script in scripts.items():
            try:
                for one in scripts_within(script):
                    read_script(one)
            except (BadScript, ValueError, TypeError, RecursionError) as error:
                raise forms.ValidationError(f"The script {name}: {error}.") from None
        return scripts

    @transaction.atomic
    def save(self) -> Connection:
        """The connection, made or changed; its prices are what they are by now."""
        data = self.cleaned_data
        connection = self.connection or Connection(project=self.project)
        if connection.pk:
            rows = Connection.objects.select_for_update().filter(pk=connection.pk)
            connection.settings = rows.values_list("settings", flat=True).get()
        connection.name, connection.model_names = data["name"], data["models"]
        if connection.protocol != "local":
            connection.protocol = data["protocol"]
            connection.base_url = data["base_url"]
            connection.key_variable = data["key_variable"]
            connection.settings = _settings(connection.settings, data)
        connection.settings.pop("concurrency", None)
        if data["concurrency"]:
            connection.settings["concurrency"] = data["concurrency"]
        connection.save()
        return connection


def _initial(connection: Connection) -> dict[str, Any]:
    scripts = connection.settings.get("scripts")
    return {
        "name": connection.name,
        "protocol": connection.protocol,
        "base_url": connection.base_url,
        "key_variable": connection.key_variable,
        "api": connection.settings.get("api", "chat"),
        "models": "\n".join(connection.model_names),
        "concurrency": connection.settings.get("concurrency"),
        "scripts": json.pretty(scripts) if scripts else "",
    }


def _settings(before: dict[str, Any], data: dict[str, Any]) -> dict[str, Any]:
    """Settings of the chosen protocol; what the form does not know stays."""
    kept = {key: value for key, value in before.items() if key not in ("api", "scripts")}
    if data["protocol"] == "openai":
        return {**kept, "api": data["api"] or "chat"}
    if data["protocol"] == "scripted" and data["scripts"]:
        return {**kept, "scripts": data["scripts"]}
    return kept

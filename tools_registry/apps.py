"""The app of tools and their versions."""

from __future__ import annotations

from django.apps import AppConfig


class ToolsRegistryConfig(AppConfig):
    name = "tools_registry"
    verbose_name = "Tools"

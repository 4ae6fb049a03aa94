"""Addresses of the tools' pages and of their doors for programs.

A tool's name may hold any character, so it is read greedily and what follows it comes first.
"""

from __future__ import annotations

from django.urls import include, path, register_converter

from tools_registry import api
from tools_registry.views import tools


class ToolName:
    """Any text that a row can hold, slashes and line ends included."""

    regex = r"[\s\S]+"

    def to_python(self, value: str) -> str:
        if "\0" in value:
            raise ValueError(value)
        return value

    def to_url(self, value: str) -> str:
        return value


register_converter(ToolName, "tool")

app_name = "tools_registry"

_tool_urls = [
    path("", tools.list_tools, name="tool-list"),
    path("-/new/", tools.create_tool, name="tool-create"),
    path("-/check/", tools.check_definition, name="tool-check"),
    path("<tool:name>/v/<int:number>/", tools.show_version, name="version-detail"),
    path("<tool:name>/diff/", tools.compare_versions, name="version-diff"),
    path("<tool:name>/edit/", tools.edit_tool, name="tool-edit"),
    path("<tool:name>/archive/", tools.archive_tool, name="tool-archive"),
    path("<tool:name>/unarchive/", tools.unarchive_tool, name="tool-unarchive"),
    path("<tool:name>/", tools.show_tool, name="tool-detail"),
]
_api_urls = [
    path("tools", api.list_tools, name="api-tools"),
    path("tools/<tool:name>", api.tool, name="api-tool"),
    path("validate", api.check_call, name="api-validate"),
]
urlpatterns = [
    path("p/<slug:slug>/tools/", include(_tool_urls)),
    path("api/v1/", include(_api_urls)),
]

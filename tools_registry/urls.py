"""Addresses of the tools' pages and of their doors for programs.

A tool's name may hold any character, so it is read greedily and what follows it comes first.
"""

from __future__ import annotations

from django.urls import include, path, register_converter

from tools_registry import api, views


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
    path("", views.list_tools, name="tool-list"),
    path("-/new/", views.create_tool, name="tool-create"),
    path("-/check/", views.check_definition, name="tool-check"),
    path("<tool:name>/v/<int:number>/", views.show_version, name="version-detail"),
    path("<tool:name>/diff/", views.compare_versions, name="version-diff"),
    path("<tool:name>/edit/", views.edit_tool, name="tool-edit"),
    path("<tool:name>/archive/", views.archive_tool, name="tool-archive"),
    path("<tool:name>/unarchive/", views.unarchive_tool, name="tool-unarchive"),
    path("<tool:name>/", views.show_tool, name="tool-detail"),
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

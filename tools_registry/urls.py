"""Addresses of the tools' pages and of their doors for programs.

A tool's name may hold any character, so it is read greedily and what follows it comes first.
"""

from __future__ import annotations

from django.urls import include, path, register_converter

from tools_registry import api, api_imports, gate
from tools_registry.views import (
    drafts,
    exports,
    hosts,
    imports,
    lint,
    payload,
    policies,
    tools,
    versions,
)


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
    path("-/new/", drafts.create_tool, name="tool-create"),
    path("-/check/", drafts.check_definition, name="tool-check"),
    path("-/lint/", lint.show_toolset, name="toolset-lint"),
    path("-/import/", imports.create_import, name="import-create"),
    path("-/import/<uuid:pk>/", imports.show_import, name="import-detail"),
    path("-/import/<uuid:pk>/progress/", imports.show_progress, name="import-progress"),
    path("-/import/<uuid:pk>/items/<int:item>/", imports.show_item, name="import-item"),
    path("-/import/<uuid:pk>/save/", imports.save_import, name="import-save"),
    path("-/import/<uuid:pk>/cancel/", imports.cancel_import, name="import-cancel"),
    path("-/export/", exports.show_export, name="tool-export"),
    path("-/drafts/", drafts.start_draft, name="draft-start"),
    path("-/drafts/<int:draft>/", drafts.edit_draft, name="draft-edit"),
    path("-/drafts/<int:draft>/save/", drafts.save_draft, name="draft-save"),
    path("-/drafts/<int:draft>/publish/", drafts.publish_draft, name="draft-publish"),
    path("-/drafts/<int:draft>/discard/", drafts.discard_draft, name="draft-discard"),
    path("-/drafts/<int:draft>/reopen/", drafts.reopen_draft, name="draft-reopen"),
    path("-/policies/check/", policies.check_policy, name="policy-check"),
    path("<tool:name>/policy/new/", policies.create_policy, name="policy-create"),
    path("<tool:name>/policy/diff/", policies.compare_policies, name="policy-diff"),
    path("<tool:name>/policy/<int:number>/", policies.show_policy, name="policy-detail"),
    path("<tool:name>/policy/<int:number>/edit/", policies.edit_policy, name="policy-edit"),
    path(
        "<tool:name>/policy/<int:number>/publish/", policies.publish_policy, name="policy-publish"
    ),
    path("<tool:name>/policy/<int:number>/retire/", policies.retire_policy, name="policy-retire"),
    path(
        "<tool:name>/policy/<int:number>/discard/", policies.discard_policy, name="policy-discard"
    ),
    path("<tool:name>/policy/", policies.show_policies, name="policy-list"),
    path("<tool:name>/v/<int:number>/", tools.show_version, name="version-detail"),
    path("<tool:name>/v/<int:number>/retire/", versions.retire_version, name="version-retire"),
    path("<tool:name>/v/<int:number>/publish/", versions.publish_version, name="version-publish"),
    path("<tool:name>/versions/", versions.list_versions, name="tool-versions"),
    path("<tool:name>/try/", payload.show_payload, name="tool-try"),
    path("<tool:name>/try/check/", payload.check_payload, name="payload-check"),
    path("<tool:name>/diff/", versions.compare_versions, name="version-diff"),
    path("<tool:name>/edit/", drafts.edit_tool, name="tool-edit"),
    path("<tool:name>/purge/", tools.purge_tool, name="tool-purge"),
    path("<tool:name>/archive/", tools.archive_tool, name="tool-archive"),
    path("<tool:name>/unarchive/", tools.unarchive_tool, name="tool-unarchive"),
    path("<tool:name>/", tools.show_tool, name="tool-detail"),
]
_lint_urls = [
    path("", lint.show_settings, name="lint-settings"),
    path("save/", lint.save_settings, name="lint-save"),
    path("words/", lint.save_words, name="lint-words"),
    path("words/remove/", lint.remove_word, name="lint-word-remove"),
    path("words.txt", lint.download_words, name="lint-words-file"),
]
_host_urls = [
    path("", hosts.show_hosts, name="host-list"),
    path("add/", hosts.add_host, name="host-add"),
    path("remove/", hosts.remove_host, name="host-remove"),
]
_api_urls = [
    path("tools", api.list_tools, name="api-tools"),
    path("tools/import", api_imports.import_tools, name="api-import"),
    path("tools/<tool:name>", api.tool, name="api-tool"),
    path("validate", gate.check_call, name="api-validate"),
]
urlpatterns = [
    path("p/<slug:slug>/tools/", include(_tool_urls)),
    path("p/<slug:slug>/lint/", include(_lint_urls)),
    path("p/<slug:slug>/hosts/", include(_host_urls)),
    path("api/v1/", include(_api_urls)),
]

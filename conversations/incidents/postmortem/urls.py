"""The addresses of an incident's post-mortem, below those of the incident."""

from __future__ import annotations

from django.urls import path

from conversations.views import postmortem

urlpatterns = [
    path("", postmortem.show_document, name="post-mortem"),
    path("begin/", postmortem.begin_document, name="post-mortem-begin"),
    path("edit/", postmortem.edit_document, name="post-mortem-edit"),
    path("preview/", postmortem.preview_document, name="post-mortem-preview"),
    path("compare/", postmortem.compare_documents, name="post-mortem-compare"),
    path("versions/<int:version>/", postmortem.show_version, name="post-mortem-version"),
    path("versions/<int:version>/restore/", postmortem.restore_version, name="post-mortem-restore"),
    path("markdown/", postmortem.export_markdown, name="post-mortem-markdown"),
    path("print/", postmortem.print_document, name="post-mortem-print"),
]

"""The addresses of redaction, retention and the data of one user."""

from __future__ import annotations

from django.urls import include, path

from conversations.views import erasure, redaction, retention

redaction_urls = [
    path("", redaction.show_rules, name="redaction"),
    path("add/", redaction.add_rule, name="redaction-add"),
    path("try/", redaction.try_rules, name="redaction-try"),
    path("built-in/", redaction.switch_builtin, name="redaction-builtin"),
    path("<int:rule>/switch/", redaction.switch_rule, name="redaction-switch"),
    path("<int:rule>/remove/", redaction.remove_rule, name="redaction-remove"),
]
erasure_urls = [
    path("", erasure.show_erasure, name="erasure"),
    path("export/", erasure.export_user, name="erasure-export"),
    path("start/", erasure.erase_user, name="erasure-start"),
    path("<int:erasure>/", erasure.show_progress, name="erasure-progress"),
    path("<int:erasure>/cancel/", erasure.cancel_erasure, name="erasure-cancel"),
]
urlpatterns = [
    path("redaction/", include(redaction_urls)),
    path("retention/", retention.show_retention, name="retention"),
    path("retention/change/", retention.change_retention, name="retention-change"),
    path("users/", include(erasure_urls)),
]

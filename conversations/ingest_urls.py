"""Addresses of what came in and what became of it, below ``/p/<slug>/ingest/``."""

from __future__ import annotations

from django.urls import path

from conversations.views import ingest, quarantine

urlpatterns = [
    path("", ingest.show, name="ingest"),
    path("upload/", ingest.upload, name="ingest-upload"),
    path("quarantine/", quarantine.list_open, name="quarantine"),
    path("quarantine/all/", quarantine.settle_all, name="quarantine-all"),
    path("quarantine/<int:record>/", quarantine.show, name="quarantined"),
    path("quarantine/<int:record>/send/", quarantine.send, name="quarantined-send"),
    path("quarantine/<int:record>/discard/", quarantine.discard, name="quarantined-discard"),
]

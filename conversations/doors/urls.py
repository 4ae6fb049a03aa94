"""The addresses that applications send to."""

from __future__ import annotations

from django.urls import path

from conversations.doors import otlp, turns

urlpatterns = [
    path("api/v1/turns", turns.turns, name="door-turns"),
    path("v1/traces", otlp.post_traces, name="door-traces"),
    path("v1/logs", otlp.post_logs, name="door-logs"),
]

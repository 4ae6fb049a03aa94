"""The addresses that applications send to."""

from __future__ import annotations

from django.urls import path

from conversations.doors import otlp, turns
from conversations.doors.execution import door as execution

urlpatterns = [
    path("api/v1/turns", turns.turns, name="door-turns"),
    path("api/v1/execute", execution.execute_calls, name="door-execute"),
    path("v1/traces", otlp.post_traces, name="door-traces"),
    path("v1/logs", otlp.post_logs, name="door-logs"),
]

"""The addresses of conversations, the playground and its connections."""

from __future__ import annotations

from django.urls import include, path

from conversations.views import conversations, labels, playground, turns

app_name = "conversations"

playground_urls = [
    path("", playground.show, name="playground"),
    path("setup/", playground.save_setup, name="setup-save"),
    path("tools/", playground.read_pasted, name="playground-tools"),
    path("tools/<int:version>/", playground.show_version, name="playground-version"),
    path("recorded/", playground.find_recorded, name="playground-recorded"),
    path("runs/", playground.list_runs, name="run-list"),
    path("runs/<uuid:run>/", playground.show_run, name="run"),
]

conversation_urls = [
    path("", conversations.list_all, name="conversation-list"),
    path("<uuid:conversation>/", conversations.show, name="conversation"),
    path("<uuid:conversation>/turns/<int:number>/", turns.show, name="turn"),
    path(
        "<uuid:conversation>/turns/<int:number>/messages/",
        turns.show_messages,
        name="turn-messages",
    ),
    path(
        "<uuid:conversation>/turns/<int:number>/snippet/",
        turns.show_snippet,
        name="turn-snippet",
    ),
    path("<uuid:conversation>/turns/<int:number>/label/", labels.set_label, name="turn-label"),
]

project_urls = [
    path("playground/", include(playground_urls)),
    path("conversations/", include(conversation_urls)),
    path("turns/<uuid:turn>/", turns.find, name="turn-find"),
    path("connections/", include("conversations.connection_urls")),
    path("ingest/", include("conversations.ingest_urls")),
]

urlpatterns = [
    path("p/<slug:slug>/", include(project_urls)),
    path("", include("conversations.doors.urls")),
]

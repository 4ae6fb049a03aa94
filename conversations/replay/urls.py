"""The addresses of replays, within a project and for programs."""

from __future__ import annotations

from django.urls import path

from conversations.replay import api
from conversations.views import replay_forms, replay_snapshots, replays

project_urls = [
    path("", replays.list_replays, name="replay-list"),
    path("new/", replay_forms.start_replay, name="replay-new"),
    path("<int:number>/", replays.show_replay, name="replay"),
    path("<int:number>/steer/", replays.steer_replay, name="replay-steer"),
    path("<int:number>/export/", replays.export_outcomes, name="replay-export"),
    path("<int:number>/snapshots/", replay_snapshots.freeze_replay, name="replay-freeze"),
    path(
        "<int:number>/snapshots/<int:snapshot>/",
        replay_snapshots.show_snapshot,
        name="replay-snapshot",
    ),
    path(
        "<int:number>/outcomes/<int:outcome>/settle/",
        replays.settle_outcome,
        name="replay-settle",
    ),
    path(
        "<int:number>/outcomes/<int:outcome>/answer/",
        replays.answer_outcome,
        name="replay-answer",
    ),
]

api_urls = [
    path("replays", api.replays, name="api-replays"),
    path("replays/<int:number>", api.read_replay, name="api-replay"),
    path("replays/<int:number>/outcomes", api.list_outcomes, name="api-replay-outcomes"),
    path("replays/<int:number>/<str:step>", api.steer_replay, name="api-replay-steer"),
]

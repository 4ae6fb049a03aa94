"""The addresses of conversations, the playground and its connections."""

from __future__ import annotations

from django.urls import include, path

from conversations import api
from conversations.backtest import api as backtest_api
from conversations.incidents import urls as incident_urls
from conversations.replay import urls as replay_urls
from conversations.suites import urls as suite_urls
from conversations.views import (
    backtests,
    connect,
    conversations,
    guard,
    labels,
    playground,
    policy_tryout,
    routers,
    search,
    tool_traffic,
    turns,
)

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
    path("", search.list_conversations, name="conversation-list"),
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

list_urls = [
    path("facets/", search.show_facets, name="list-facets"),
    path("newer/", search.count_newer, name="list-newer"),
    path("suggestions.json", search.suggest, name="list-suggestions"),
    path("export/", search.export_list, name="list-export"),
    path("views/", search.save_view, name="list-save"),
]

router_urls = [
    path("", routers.list_routers, name="router-list"),
    path("new/", routers.create_router, name="router-create"),
    path("try/", routers.try_router, name="router-try"),
    path("<int:router>/", routers.show_router, name="router"),
    path("<int:router>/edit/", routers.edit_router, name="router-edit"),
    path("<int:router>/judged/", routers.judge_router, name="router-judged"),
    path("<int:router>/inputs/", routers.list_inputs, name="router-inputs"),
    path("<int:router>/input/", routers.try_input, name="router-input"),
    path("<int:router>/classify/", routers.classify_inputs, name="router-classify"),
    path("<int:router>/archive/", routers.archive_router, name="router-archive"),
]

backtest_urls = [
    path("", backtests.list_backtests, name="backtest-list"),
    path("new/", backtests.start_backtest, name="backtest-new"),
    path("<uuid:backtest>/", backtests.show_backtest, name="backtest"),
    path("<uuid:backtest>/cancel/", backtests.cancel_backtest, name="backtest-cancel"),
    path("<uuid:backtest>/export/", backtests.export_changes, name="backtest-export"),
]

project_urls = [
    path("backtests/", include(backtest_urls)),
    path("replays/", include(replay_urls.project_urls)),
    path("routers/", include(router_urls)),
    path("incidents/", include(incident_urls.project_urls)),
    path("suites/", include(suite_urls.urlpatterns)),
    path("playground/", include(playground_urls)),
    path("conversations/", include(conversation_urls)),
    path("turns/", search.list_turns, name="turn-list"),
    path("turns/<uuid:turn>/", turns.find, name="turn-find"),
    path("turns/<uuid:turn>/peek/", search.peek_turn, name="turn-peek"),
    path("calls/", search.list_calls, name="call-list"),
    path("calls/<uuid:call>/", search.peek_call, name="call-peek"),
    path("lists/", include(list_urls)),
    path("policies/try/", policy_tryout.try_policy, name="policy-try"),
    path("traffic/tools/", tool_traffic.show_rates, name="tool-rates"),
    path("traffic/tools/<int:tool>/", tool_traffic.show_traffic, name="tool-traffic"),
    path("traffic/versions/<int:version>/", tool_traffic.show_use, name="parameter-use"),
    path("views/<int:view>/remove/", search.remove_view, name="view-remove"),
    path("connections/", include("conversations.connection_urls")),
    path("custody/", include("conversations.custody_urls")),
    path("connect/", connect.show, name="connect"),
    path("settings/keys/<int:key>/proxy/", guard.edit_guard, name="proxy-guard"),
    path("ingest/", include("conversations.ingest_urls")),
]

api_urls = [
    path("backtests", backtest_api.start_backtest, name="api-backtests"),
    path("backtests/<uuid:backtest>", backtest_api.read_backtest, name="api-backtest"),
    path(
        "backtests/<uuid:backtest>/changes", backtest_api.list_changes, name="api-backtest-changes"
    ),
    path(
        "backtests/<uuid:backtest>/cancel", backtest_api.cancel_backtest, name="api-backtest-cancel"
    ),
    *incident_urls.api_urls,
    *replay_urls.api_urls,
    *suite_urls.api_urls,
    path("turns/<str:turn>", api.read_turn, name="api-turn"),
    path("calls", api.list_calls, name="api-calls"),
    path("calls/<uuid:call>", api.read_call, name="api-call"),
    path("conversations", api.list_conversations, name="api-conversations"),
    path("conversations/<str:conversation>", api.read_conversation, name="api-conversation"),
]

urlpatterns = [
    path("p/<slug:slug>/", include(project_urls)),
    path("api/v1/", include(api_urls)),
    path("", include("conversations.doors.urls")),
]

"""Addresses of alerts, below ``/p/<slug>/alerts/`` and ``/api/v1/alerts``."""

from __future__ import annotations

from django.urls import path

from analytics.alerts import api
from analytics.views import alert_channels as channels
from analytics.views import alerts as views

project_urls = [
    path("", views.list_rules, name="alert-list"),
    path("history/", views.list_events, name="alert-history"),
    path("new/", views.add_rule, name="alert-new"),
    path("defaults/", views.add_default, name="alert-default"),
    path("preview/", views.preview_rule, name="alert-preview"),
    path("silences/", views.silence_project, name="alert-silences"),
    path("silences/<int:silence>/end/", views.end_silence, name="alert-silence-end"),
    path("channels/", channels.list_channels, name="alert-channels"),
    path("channels/add/", channels.add_channel, name="alert-channel-add"),
    path("channels/<int:channel>/", channels.edit_channel, name="alert-channel"),
    path("channels/<int:channel>/test/", channels.test_channel, name="alert-channel-test"),
    path("channels/<int:channel>/archive/", channels.archive_channel, name="alert-channel-archive"),
    path("deliveries/", channels.list_deliveries, name="alert-deliveries"),
    path("deliveries/<uuid:delivery>/", channels.show_delivery, name="alert-delivery"),
    path("deliveries/<uuid:delivery>/retry/", channels.retry_delivery, name="alert-delivery-retry"),
    path("<int:rule>/", views.show_rule, name="alert"),
    path("<int:rule>/edit/", views.edit_rule, name="alert-edit"),
    path("<int:rule>/enable/", views.enable_rule, name="alert-enable"),
    path("<int:rule>/remove/", views.remove_rule, name="alert-remove"),
    path("<int:rule>/silence/", views.silence_rule, name="alert-silence"),
]
api_urls = [
    path("alerts", api.list_alerts, name="api-alerts"),
    path("alerts/<int:rule>", api.read_alert, name="api-alert"),
    path("alerts/<int:rule>/events", api.list_events, name="api-alert-events"),
]

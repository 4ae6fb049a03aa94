"""Addresses of analytics, costs and alerts: all belong to a project."""

from __future__ import annotations

from django.urls import include, path

from analytics.alerts.urls import api_urls as alert_api_urls
from analytics.alerts.urls import project_urls as alert_urls
from analytics.views import misfires, rejections, tools

app_name = "analytics"

_analytics_urls = [
    path("", misfires.go_first, name="first"),
    path("misfires/", misfires.show_misfires, name="misfires"),
    path("rejections/", rejections.show_rejections, name="rejections"),
    path("tools/", tools.show_tools, name="tools"),
]
urlpatterns = [
    path("p/<slug:slug>/analytics/", include(_analytics_urls)),
    path("p/<slug:slug>/alerts/", include(alert_urls)),
    path("api/v1/", include(alert_api_urls)),
]

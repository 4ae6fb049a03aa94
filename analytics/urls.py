"""Addresses of analytics, costs and alerts: all belong to a project."""

from __future__ import annotations

from django.urls import include, path

from analytics.alerts.urls import api_urls as alert_api_urls
from analytics.alerts.urls import project_urls as alert_urls
from analytics.views import (
    budgets,
    conduct,
    cost,
    latency,
    misfires,
    rejections,
    repricing,
    suites,
    tools,
    usage_exports,
)

app_name = "analytics"

_cost_urls = [
    path("budgets/add/", budgets.add_budget, name="budget-add"),
    path("budgets/<int:budget>/", budgets.edit_budget, name="budget"),
    path("budgets/<int:budget>/delete/", budgets.delete_budget, name="budget-delete"),
    path("repricing/", repricing.list_repricings, name="repricings"),
    path("repricing/start/", repricing.start_repricing, name="repricing-start"),
    path("repricing/<uuid:repricing>/", repricing.show_repricing, name="repricing"),
    path("repricing/<uuid:repricing>/apply/", repricing.apply_repricing, name="repricing-apply"),
    path("repricing/<uuid:repricing>/cancel/", repricing.cancel_repricing, name="repricing-cancel"),
    path("exports/", usage_exports.list_usage_exports, name="usage-exports"),
    path("exports/take/", usage_exports.take_usage_export, name="usage-export-take"),
    path("exports/<int:export>/", usage_exports.show_usage_export, name="usage-export"),
    path(
        "exports/<int:export>/delete/",
        usage_exports.delete_usage_export,
        name="usage-export-delete",
    ),
]
_analytics_urls = [
    path("", misfires.go_first, name="first"),
    path("misfires/", misfires.show_misfires, name="misfires"),
    path("rejections/", rejections.show_rejections, name="rejections"),
    path("tools/", tools.show_tools, name="tools"),
    path("cost/", cost.show_cost, name="cost"),
    path("latency/", latency.show_latency, name="latency"),
    path("latency/limit/", latency.set_limit, name="limit"),
    path("conduct/", conduct.show_conduct, name="conduct"),
    path("models/", suites.show_models, name="models"),
    path("cost/", include(_cost_urls)),
]
urlpatterns = [
    path("p/<slug:slug>/analytics/", include(_analytics_urls)),
    path("p/<slug:slug>/alerts/", include(alert_urls)),
    path("api/v1/", include(alert_api_urls)),
]

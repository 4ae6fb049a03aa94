"""Addresses of the console's own pages: home, overview, palette, docs, health."""

from __future__ import annotations

from django.urls import include, path

from console import health, metrics, overview_views, pages

app_name = "console"

_project_urls = [
    path("", overview_views.show_overview, name="overview"),
    path("now/", overview_views.show_now, name="overview-now"),
    path("palette.json", pages.list_project_palette, name="project-palette"),
]
_docs_urls = [
    path("", pages.show_docs_index, name="docs-index"),
    path("images/<str:name>", pages.show_docs_image, name="docs-image"),
    path("<slug:page>/", pages.show_docs_page, name="docs-page"),
]
urlpatterns = [
    path("", pages.go_home, name="home"),
    path("favicon.ico", pages.show_favicon, name="favicon"),
    path("palette.json", pages.list_palette, name="palette"),
    path("p/<slug:slug>/", include(_project_urls)),
    path("docs/", include(_docs_urls)),
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("metrics", metrics.show_metrics, name="metrics"),
]

"""Every address of the console, by app."""

from __future__ import annotations

from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    path("", include("console.page_urls")),
    path("", include("console.accounts.urls")),
    path("", include("tools_registry.urls")),
    path("", include("conversations.urls")),
    path("", include("analytics.urls")),
    path("admin/", admin.site.urls),
]

handler400 = "console.pages.bad_request"
handler403 = "console.pages.forbidden"
handler404 = "console.pages.not_found"
handler500 = "console.pages.server_error"

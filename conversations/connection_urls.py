"""Addresses of connections, below ``/p/<slug>/connections/``."""

from __future__ import annotations

from django.urls import path

from conversations import connection_views as views

urlpatterns = [
    path("", views.list_connections, name="connection-list"),
    path("add/", views.add_connection, name="connection-add"),
    path("<int:connection>/", views.edit_connection, name="connection-edit"),
    path("<int:connection>/test/", views.test, name="connection-test"),
    path("<int:connection>/archive/", views.archive_connection, name="connection-archive"),
]

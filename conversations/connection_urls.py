"""Addresses of connections, below ``/p/<slug>/connections/``."""

from __future__ import annotations

from django.urls import path

from conversations import connection_views as views
from conversations.views import connection_prices as prices

urlpatterns = [
    path("", views.list_connections, name="connection-list"),
    path("add/", views.add_connection, name="connection-add"),
    path("<int:connection>/", views.edit_connection, name="connection-edit"),
    path("<int:connection>/test/", views.test, name="connection-test"),
    path("<int:connection>/prices/", prices.edit_prices, name="connection-prices"),
    path("<int:connection>/prices/remove/", prices.remove_price, name="connection-price-remove"),
    path("<int:connection>/archive/", views.archive_connection, name="connection-archive"),
]

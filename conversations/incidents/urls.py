"""The addresses of incidents."""

from __future__ import annotations

from django.urls import include, path

from conversations.incidents import api
from conversations.views import afterwards, incidents

project_urls = [
    path("", incidents.list_incidents, name="incident-list"),
    path("new/", incidents.choose_incident, name="incident-new"),
    path("open/", incidents.create_incident, name="incident-open"),
    path("<int:number>/", incidents.show_incident, name="incident"),
    path("<int:number>/status/", incidents.set_status, name="incident-status"),
    path("<int:number>/edit/", incidents.edit_incident, name="incident-edit"),
    path("<int:number>/note/", incidents.add_note, name="incident-note"),
    path("<int:number>/watch/", incidents.watch, name="incident-watch"),
    path("<int:number>/afterwards/", afterwards.show_afterwards, name="incident-afterwards"),
    path("<int:number>/publish/", afterwards.publish_fix, name="incident-publish"),
    path("<int:number>/close/", afterwards.close_incident, name="incident-close"),
    path("<int:number>/post-mortem/", include("conversations.incidents.postmortem.urls")),
]

api_urls = [
    path("incidents", api.incidents, name="api-incidents"),
    path("incidents/<int:number>", api.incident, name="api-incident"),
    path("incidents/<int:number>/turns", api.incident_turns, name="api-incident-turns"),
    path("incidents/<int:number>/notes", api.add_note, name="api-incident-notes"),
]

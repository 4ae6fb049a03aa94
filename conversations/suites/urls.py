"""The addresses of suites and their cases, within a project and for programs."""

from __future__ import annotations

from django.urls import path

from conversations.suites import api
from conversations.views import suite_cases, suite_keeping, suites

urlpatterns = [
    path("", suites.list_suites, name="suite-list"),
    path("new/", suites.create_suite, name="suite-create"),
    path("keep/", suite_keeping.keep_cases, name="suite-keep"),
    path("<int:suite>/", suites.show_suite, name="suite"),
    path("<int:suite>/edit/", suites.edit_suite, name="suite-edit"),
    path("<int:suite>/delete/", suites.delete_suite, name="suite-delete"),
    path("<int:suite>/import/", suites.import_cases, name="suite-import"),
    path("<int:suite>/export/", suites.export_suite, name="suite-export"),
    path("<int:suite>/cases/new/", suite_cases.create_case, name="suite-case-create"),
    path("<int:suite>/cases/delete/", suite_cases.delete_cases, name="suite-cases-delete"),
    path("<int:suite>/cases/move/", suite_cases.move_case, name="suite-case-move"),
    path("<int:suite>/cases/judge/", suite_cases.judge_typed, name="suite-case-judge"),
    path("<int:suite>/cases/<int:number>/", suite_cases.edit_case, name="suite-case"),
]

api_urls = [
    path("suites", api.answer_suites, name="api-suites"),
    path("suites/<int:suite>", api.answer_suite, name="api-suite"),
    path("suites/<int:suite>/cases", api.answer_cases, name="api-suite-cases"),
]

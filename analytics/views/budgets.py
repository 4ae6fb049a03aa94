"""Budgets: add, change and delete one."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from analytics.budgets.forms import BudgetForm
from analytics.budgets.records import Budget
from console.accounts.access import ProjectRequest, member


@member("engineer")
@require_http_methods(["GET", "HEAD", "POST"])
def add_budget(request: ProjectRequest) -> HttpResponse:
    given = {"query": request.GET.get("query", "")[:500]}
    return _save(request, BudgetForm(request.POST or None, project=request.project, initial=given))


@member("engineer")
@require_http_methods(["GET", "HEAD", "POST"])
def edit_budget(request: ProjectRequest, budget: int) -> HttpResponse:
    found = _find(request, budget)
    return _save(request, BudgetForm(request.POST or None, project=request.project, budget=found))


@member("engineer")
@require_POST
def delete_budget(request: ProjectRequest, budget: int) -> HttpResponse:
    found = _find(request, budget)
    found.delete()
    messages.success(request, f"The budget {found.name} is deleted.")
    return redirect("analytics:cost", request.project.slug)


def _find(request: ProjectRequest, pk: int) -> Budget:
    return get_object_or_404(Budget, pk=pk, project=request.project)


def _save(request: ProjectRequest, form: BudgetForm) -> HttpResponse:
    if request.method == "POST" and form.is_valid():
        saved = form.save(request.user)
        messages.success(request, f"The budget {saved.name} is saved.")
        return redirect("analytics:cost", request.project.slug)
    rules = list(form.budget.alert_rules.order_by("name")) if form.budget else []
    context = {"form": form, "budget": form.budget, "rules": rules}
    status = 422 if form.is_bound else 200
    return render(request, "analytics/budget_edit.html", context, status=status)

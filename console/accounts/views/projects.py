"""Projects: make, rename, delete, leave."""

from __future__ import annotations

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from console.accounts import members, projects
from console.accounts.access import ProjectRequest, UserRequest, member, signed_in
from console.accounts.forms import DeleteProjectForm, ProjectForm


@signed_in
@require_http_methods(["GET", "HEAD", "POST"])
def add_project(request: UserRequest) -> HttpResponse:
    if not projects.may_make_projects(request.user):
        raise PermissionDenied("only superusers and admins of a project make projects")
    form = ProjectForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        made = projects.make_project(form.cleaned_data["name"], request.user)
        messages.success(request, f"The project {made.project} is there, and you are its admin.")
        return redirect("console:overview", made.project.slug)
    status = 422 if form.is_bound else 200
    return render(request, "accounts/project_add.html", {"form": form}, status=status)


@member("viewer")
@require_safe
def show_settings(request: ProjectRequest) -> HttpResponse:
    return _show(request)


@member("admin")
@require_POST
def rename_project(request: ProjectRequest) -> HttpResponse:
    form = ProjectForm(request.POST)
    if not form.is_valid():
        return _show(request, form=form)
    request.project.name = form.cleaned_data["name"]
    request.project.save(update_fields=["name"])
    messages.success(request, f"The project is now called {request.project}.")
    return redirect("accounts:project-settings", request.project.slug)


@member("admin")
@require_POST
def delete_project(request: ProjectRequest) -> HttpResponse:
    form = DeleteProjectForm(request.POST, project=request.project)
    if not form.is_valid():
        return _show(request, delete_form=form)
    projects.delete_project(request.project)
    messages.success(request, f"The project {request.project} and all of its data were deleted.")
    return redirect("console:home")


@member("viewer")
@require_POST
def leave(request: ProjectRequest) -> HttpResponse:
    try:
        members.remove(request.member)
    except members.LastAdmin:
        messages.error(request, "You are the last admin. Make somebody else admin, then leave.")
        return redirect("accounts:project-settings", request.project.slug)
    messages.success(request, f"You left {request.project}.")
    return redirect("console:home")


def _show(
    request: ProjectRequest,
    *,
    form: ProjectForm | None = None,
    delete_form: DeleteProjectForm | None = None,
) -> HttpResponse:
    context = {
        "tab": "project",
        "form": form or ProjectForm(initial={"name": request.project.name}),
        "delete_form": delete_form or DeleteProjectForm(project=request.project),
        "is_admin": request.member.may("admin"),
    }
    status = 422 if form or delete_form else 200
    return render(request, "accounts/project_settings.html", context, status=status)

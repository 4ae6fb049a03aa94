"""The project that a command is for."""

from __future__ import annotations

from console.accounts.models import Project


def find_project(slug: str | None) -> Project:
    """The one that is named, or the only one there is. Raises ValueError."""
    projects = Project.objects.filter(slug=slug) if slug else Project.objects.all()
    found = list(projects[:2])
    if len(found) == 1:
        return found[0]
    if slug:
        raise ValueError(f"There is no project {slug}")
    raise ValueError("Name the project with --project" if found else "There is no project yet")

"""Projects come and go: who may make one, under which address, and how all of it is deleted."""

from __future__ import annotations

from django.apps import apps
from django.db import IntegrityError, connection, transaction
from django.utils.text import slugify

from console.accounts.models import Member, Project, User

_SLUG_LENGTH = 40


def may_make_projects(user: User) -> bool:
    """Superusers may, and who is admin of a project already."""
    return user.is_superuser or Member.objects.filter(user=user, role="admin").exists()


def make_project(name: str, admin: User) -> Member:
    """A new project under a free address made of its name; returns its admin's membership."""
    stem = slugify(name)[:_SLUG_LENGTH].strip("-") or "project"
    taken = set(Project.objects.filter(slug__startswith=stem).values_list("slug", flat=True))
    number = 1
    while True:
        slug = stem if number == 1 else f"{stem}-{number}"
        number += 1
        if slug in taken:
            continue
        try:
            with transaction.atomic():
                project = Project.objects.create(name=name, slug=slug)
        except IntegrityError:  # somebody took it a moment ago
            taken.add(slug)
            continue
        return Member.objects.create(project=project, user=admin, role="admin")


@transaction.atomic
def delete_project(project: Project) -> None:
    """Delete the project and every row that carries it, in one transaction.

    The tables are emptied by plain statements, whatever their size: foreign keys are checked
    at the end of the transaction, and tool versions may go because the purge is announced.
    """
    Project.objects.select_for_update().get(pk=project.pk)
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('misfire.purge', 'on', true)")
        for table in _tables_of_projects():
            cursor.execute(f'DELETE FROM "{table}" WHERE project_id = %s', [project.pk])
        cursor.execute("SELECT set_config('misfire.purge', 'off', true)")
    project.delete()


def _tables_of_projects() -> list[str]:
    return [
        model._meta.db_table
        for model in apps.get_models()
        if any(
            field.name == "project" and field.related_model is Project
            for field in model._meta.concrete_fields
        )
    ]

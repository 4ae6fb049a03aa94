"""Projects come and go: who may make one, under which address, and how all of it is deleted."""

from __future__ import annotations

from django.apps import apps
from django.db import IntegrityError, connection, transaction
from django.db.models import CASCADE, ForeignKey, Model
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
        for table, condition in _rows_of_project():
            cursor.execute(f'DELETE FROM "{table}" WHERE {condition}', [project.pk])
        cursor.execute("SELECT set_config('misfire.purge', 'off', true)")
    project.delete()


def _rows_of_project() -> list[tuple[str, str]]:
    """Each table with the condition of a project's rows in it, those that refer to others first:
    what carries no project itself is found through what it belongs to."""
    found: dict[type[Model], tuple[int, str]] = {}
    for model in apps.get_models(include_auto_created=True):
        _find_rows(model, found, frozenset())
    held = sorted(
        ((depth, model._meta.db_table, sql) for model, (depth, sql) in found.items() if sql),
        reverse=True,
    )
    return [(table, sql) for _, table, sql in held]


def _find_rows(
    model: type[Model], found: dict[type[Model], tuple[int, str]], within: frozenset[type[Model]]
) -> tuple[int, str]:
    """How many steps from the project, and the condition; "" for what belongs to no project."""
    if model in found or model in within:
        return found.get(model, (0, ""))
    answer = (0, "")
    for field in model._meta.concrete_fields:
        if field.name == "project" and field.related_model is Project:
            answer = (0, "project_id = %s")
            break
        above = field.related_model
        if not isinstance(field, ForeignKey) or not field.remote_field or field.null:
            continue
        if field.remote_field.on_delete is not CASCADE or not isinstance(above, type):
            continue
        depth, sql = _find_rows(above, found, within | {model})
        if sql and not answer[1]:
            key, table = above._meta.pk.column, above._meta.db_table
            inner = f'SELECT "{key}" FROM "{table}" WHERE {sql}'
            answer = (depth + 1, f'"{field.column}" IN ({inner})')
    found[model] = answer
    return answer

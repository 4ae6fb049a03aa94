"""A version when the content is new, a toolset once, and neither ever changes."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from console.lib import json
from tests.factories import WEATHER, make_project, make_tool_version, make_user
from tools_registry import registry
from tools_registry.dialects import UnreadableTool, to_openai_chat
from tools_registry.models import Immutable, Tool, Toolset, ToolVersion
from tools_registry.specs import ToolSpec

SPEC = ToolSpec.from_json(WEATHER)
WARMER = ToolSpec.from_json({**WEATHER, "description": "Now with the temperature."})


@pytest.mark.django_db
def test_it_keeps_a_definition_with_who_and_why() -> None:
    project, user = make_project(), make_user()
    version, is_new = registry.register(project, SPEC, user=user, note="first")
    assert is_new
    assert (version.number, version.hash, version.origin) == (1, SPEC.hash, "registered")
    assert (version.created_by, version.note) == (user, "first")
    assert version.spec == SPEC


@pytest.mark.django_db
def test_the_same_content_is_the_same_version() -> None:
    project = make_project()
    first, _ = registry.register(project, SPEC)
    reordered = {**WEATHER, "parameters": dict(reversed(WEATHER["parameters"].items()))}
    again, is_new = registry.register(project, ToolSpec.from_json(reordered))
    assert (again.pk, is_new) == (first.pk, False)


@pytest.mark.django_db
def test_other_content_is_the_next_version_and_the_old_one_can_come_back() -> None:
    project = make_project()
    first, _ = registry.register(project, SPEC)
    second, _ = registry.register(project, WARMER)
    assert (first.number, second.number) == (1, 2)
    assert registry.register(project, SPEC) == (first, False)


@pytest.mark.django_db
def test_projects_share_nothing() -> None:
    first, _ = registry.register(make_project(), SPEC)
    second, is_new = registry.register(make_project(), SPEC)
    assert is_new
    assert first.tool_id != second.tool_id


@pytest.mark.django_db
@pytest.mark.parametrize(
    "odd",
    [2**60, 10**40, 1e300, "\ud800", "\x00", "\U0001f600", float("inf")],
    ids=repr,
)
def test_odd_values_are_stored_and_have_one_hash(odd: object) -> None:
    spec = ToolSpec("odd", "", {"type": "object", "x-odd": odd})
    version, _ = registry.register(make_project(), spec)
    stored = ToolVersion.objects.get(pk=version.pk)
    assert stored.spec.hash == stored.hash
    assert registry.register(version.project, spec) == (version, False)


@pytest.mark.django_db
def test_a_name_that_no_row_can_hold_is_refused() -> None:
    with pytest.raises(UnreadableTool, match="NUL"):
        registry.register(make_project(), ToolSpec("a\x00b"))


@pytest.mark.django_db
def test_registering_brings_an_archived_tool_back_and_observing_does_not() -> None:
    project = make_project()
    version, _ = registry.register(project, SPEC)
    version.tool.archive()
    registry.record_toolset(project, [to_openai_chat(SPEC)])
    assert Tool.objects.get().archived_at
    registry.register(project, SPEC)
    assert Tool.objects.get().archived_at is None


@pytest.mark.django_db
@pytest.mark.parametrize(
    "change",
    [
        {"definition": "{}"},
        {"hash": "0" * 64},
        {"number": 9},
        {"origin": "observed"},
        {"created_at": timezone.now() - timedelta(days=1)},
    ],
    ids=lambda change: next(iter(change)),
)
def test_the_database_refuses_to_change_a_version(change: dict[str, object]) -> None:
    version = make_tool_version()
    with pytest.raises(IntegrityError, match="save a new version"), transaction.atomic():
        ToolVersion.objects.filter(pk=version.pk).update(**change)
    with pytest.raises(Immutable), transaction.atomic():
        version.save()


@pytest.mark.django_db
def test_the_database_refuses_to_delete_a_version_unless_its_project_is_purged() -> None:
    version = make_tool_version()
    with pytest.raises(IntegrityError, match="archive"), transaction.atomic():
        version.tool.delete()
    with pytest.raises(Immutable):
        version.delete()
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT set_config('misfire.purge', 'on', true)")
        version.project.delete()
    assert not ToolVersion.objects.exists()


@pytest.mark.django_db
def test_the_note_and_the_author_who_left_are_the_exceptions() -> None:
    user = make_user()
    version = make_tool_version(created_by=user)
    version.note = "for the demo"
    version.save(update_fields=["note"])
    user.delete()
    version.refresh_from_db()
    assert (version.note, version.created_by) == ("for the demo", None)


@pytest.mark.django_db
def test_a_toolset_is_stored_once_and_observes_what_is_new() -> None:
    project = make_project()
    known, _ = registry.register(project, SPEC)
    tools = [{"type": "web_search"}, to_openai_chat(WARMER), to_openai_chat(SPEC), {"name": 5}]
    first = registry.record_toolset(project, tools)
    assert first.pk == registry.record_toolset(project, tools).pk
    observed = ToolVersion.objects.get(hash=WARMER.hash)
    assert first.versions == [0, observed.pk, known.pk, 0]
    assert (observed.origin, observed.number) == ("observed", 2)
    assert first.tools == tools
    assert json.dump(first.tools) == first.wire


@pytest.mark.django_db
def test_the_order_of_tools_makes_another_toolset() -> None:
    project = make_project()
    tools = [to_openai_chat(SPEC), to_openai_chat(ToolSpec("b"))]
    first = registry.record_toolset(project, tools)
    second = registry.record_toolset(project, tools[::-1])
    assert first.pk != second.pk
    assert first.versions == second.versions[::-1]


@pytest.mark.django_db
def test_the_time_of_sight_widens() -> None:
    project, now = make_project(), timezone.now()
    tools = [to_openai_chat(SPEC)]
    for at in (now, now - timedelta(days=2), now - timedelta(days=1), now + timedelta(seconds=5)):
        registry.record_toolset(project, tools, at=at)
    version = ToolVersion.objects.get()
    assert version.first_seen_at == now - timedelta(days=2)
    assert version.last_seen_at == now


def run_together(*actions: Callable[[], object]) -> list[BaseException]:
    """Run each action in a thread with a connection of its own; the errors that came out."""
    barrier, errors = threading.Barrier(len(actions)), []

    def act(action: Callable[[], object]) -> None:
        try:
            barrier.wait(10)
            action()
        except BaseException as error:
            errors.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=act, args=(action,)) for action in actions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    return errors


@pytest.mark.django_db(transaction=True)
def test_of_many_savers_at_once_equal_ones_make_one_version_and_others_one_each() -> None:
    project = make_project()
    specs = [ToolSpec("race", f"variant {number % 4}") for number in range(12)]
    errors = run_together(*(lambda s=spec: registry.register(project, s) for spec in specs))
    assert errors == []
    numbers = ToolVersion.objects.order_by("number").values_list("number", flat=True)
    assert list(numbers) == [1, 2, 3, 4]


@pytest.mark.django_db(transaction=True)
def test_toolsets_recorded_at_once_do_not_wait_in_a_circle() -> None:
    project = make_project()
    tools = [to_openai_chat(ToolSpec(f"tool_{number}")) for number in range(6)]

    def record(order: list[dict[str, object]]) -> Toolset:
        with transaction.atomic():
            return registry.record_toolset(project, order)

    errors = run_together(*(lambda o=tools[n:] + tools[:n]: record(o) for n in range(6)))
    assert errors == []
    assert Toolset.objects.count() == 6
    assert ToolVersion.objects.count() == 6

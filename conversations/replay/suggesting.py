"""What the form of a replay is filled with at first: whom to ask, and the likeliest cure."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

from console.accounts.models import Project
from console.lib import json
from console.lib.fields import to_plain
from conversations.connections import find_open
from conversations.replay.forms import AnswerForm, Form, ToolForm, VariantForm
from conversations.replay.ordering import NONE, read_key
from conversations.replay.sources import Source, name_of
from conversations.replay.variants import Variant
from tools_registry.dialects import read_offer
from tools_registry.models import OPEN, Policy, ToolDraft, ToolVersion


def suggest(project: Project, source: Source, asked: Callable[[str], str | None]) -> Form:
    """The form for a source before anybody typed: what its address asks for (``tool``, ``version``,
    ``draft``), the former replay's questions, or the likeliest cure of an incident."""
    connection, model = _suggest_model(project, source)
    form = Form(connection=connection, model=model)
    if source.former:
        return _of_former(source, form)
    if source.incident:
        form = replace(form, title=f"Does it repair {source.incident.name}?")
    if source.suite and not asked("draft") and not asked("version"):
        return replace(form, variants=_of_connections(project, form))
    variant = _suggest_variant(project, source, asked)
    return replace(form, variants=(variant,) if variant else ())


def _suggest_model(project: Project, source: Source) -> tuple[str, str]:
    """The connection and model to ask, where the cases did not come through one of ours."""
    recorded = [case.recorded for case in source.cases if case.recorded]
    connections = find_open(project)
    keys = {connection.pk for connection in connections}
    if not connections or (recorded and all(one.connection in keys for one in recorded)):
        return "", ""
    models = {one.model for one in recorded if one.model}
    for connection in connections:
        if known := models & set(connection.model_names):
            model = "" if len(models) == 1 else sorted(known)[0]
            return str(connection.pk), model
    first = next((one for one in connections if one.model_names), connections[0])
    return str(first.pk), next(iter(first.model_names), "")


def _of_former(source: Source, form: Form) -> Form:
    former = source.former
    assert former is not None
    answers = [
        AnswerForm(tool, told.get("mode", "recorded"), told.get("content", ""))
        for tool, told in former.answers.items()
        if isinstance(told, dict)
    ]
    rows = [row for row in former.variants.all() if row.position]
    variants = [_with_policies(VariantForm.of(row.value), row.value, source) for row in rows]
    return replace(
        form,
        title=former.title,
        mode=former.mode,
        trials=str(former.trials),
        connection=str(former.connection_id or ""),
        model=former.model,
        dollars=str(former.ceiling_dollars.normalize()) if former.ceiling_dollars else "",
        tokens=str(former.ceiling_tokens or ""),
        rounds=str(former.max_rounds),
        miss=former.answers.get("miss", "stop"),
        answers=tuple(answers),
        variants=tuple(variants),
    )


def _with_policies(form: VariantForm, variant: Variant, source: Source) -> VariantForm:
    """The variant's policies as choices by number; one that is not stored cannot be chosen."""
    assert source.former is not None
    project, tools = source.former.project_id, {one.name: one for one in form.tools}
    for name, document in variant.policies.items():
        rows = Policy.objects.filter(project=project, tool__name=name).order_by("-number")
        same = (str(row.number) for row in rows if row.spec.to_json() == document)
        number = NONE if document is None else next(same, "")
        tools[name] = replace(tools.get(name, ToolForm(name)), policy=number)
    unnamed = [one for one in form.tools if not one.name]
    return replace(form, tools=(*(one for name, one in tools.items() if name), *unnamed))


def _of_connections(project: Project, form: Form) -> tuple[VariantForm, ...]:
    """One variant for each other connection, with its first model."""
    others = [one for one in find_open(project) if str(one.pk) != form.connection]
    return tuple(
        VariantForm(name=one.name, connection=str(one.pk), model=next(iter(one.model_names), ""))
        for one in others[:4]
    )


def _suggest_variant(
    project: Project, source: Source, asked: Callable[[str], str | None]
) -> VariantForm | None:
    draft = ToolDraft.objects.filter(project=project, pk=read_key(asked("draft") or "")).first()
    if draft:
        name = draft.tool.name if draft.tool else draft.name
        return _change(name, f"d:{draft.pk}")
    version = ToolVersion.objects.filter(project=project, pk=read_key(asked("version") or ""))
    if row := version.select_related("tool").first():
        return _change(row.tool.name, f"v:{row.pk}")
    name = asked("tool") or source.misfired_tool()
    # No tool of the project has a name that no row holds.
    return _suggest_cure(project, source, name) if name and name == to_plain(name) else None


def _suggest_cure(project: Project, source: Source, name: str) -> VariantForm:
    """The newest open draft of the tool, else the version before the one that was offered, else
    its definition to be edited."""
    drafts = ToolDraft.objects.filter(project=project, tool__name=name).filter(OPEN)
    if draft := drafts.order_by("-updated_at").first():
        return _change(name, f"d:{draft.pk}")
    hashes = set(_hashes_of(source, name))
    rows = ToolVersion.objects.filter(project=project, tool__name=name)
    offered = [row.number for row in rows.filter(hash__in=hashes).only("number")]
    before = rows.exclude(hash__in=hashes).filter(number__lt=min(offered, default=0))
    if version := before.order_by("-number").first():
        return _change(name, f"v:{version.pk}")
    return _change(name, "text", definition_of(source, name))


def _change(name: str, to: str, text: str = "") -> VariantForm:
    return VariantForm(tools=(ToolForm(name, to, text),))


def _hashes_of(source: Source, name: str) -> Iterable[str]:
    tools = (tool for case in source.cases for tool in case.tools if name_of(tool) == name)
    for text in {json.dump(tool) for tool in tools}:
        spec = read_offer([json.load(text)]).get(name)
        if spec:
            yield spec.hash


def definition_of(source: Source, name: str) -> str:
    """The tool's definition as the newest case offers it, to be edited; "" where none does."""
    for case in reversed(source.cases):
        spec = read_offer(list(case.tools)).get(name)
        if spec:
            return json.pretty(spec.to_json())
    return ""

"""From the form to an order: versions, drafts, policies and connections looked up and checked."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal, InvalidOperation
from typing import Any

from console.accounts.models import Project
from console.lib import json
from conversations.models import Connection
from conversations.replay.forms import Faults, Form, ToolForm, VariantForm
from conversations.replay.orders import LEAST_DOLLARS, MOST_TRIALS, Order
from conversations.replay.sources import Source
from conversations.replay.variants import Tool, Variant
from tools_registry.drafts import read_draft
from tools_registry.models import Policy, RouterVersion, ToolDraft, ToolVersion

NONE = "none"
"""The choice of no policy, beside a number and the published one, which is ""."""


def make_order(project: Project, source: Source, form: Form) -> tuple[Order, Faults]:
    """The order that the form means, and what is wrong with it. An order with faults serves for an
    estimate, and never for a start."""
    faults = Faults()
    reader = _Reader(project, faults, set(source.count_tools()))
    variants = [reader.read_variant(at, one) for at, one in enumerate(form.variants)]
    order = Order(
        cases=source.cases,
        variants=variants,
        mode=form.mode,
        trials=reader.read_number("trials", form.trials, 1, MOST_TRIALS) or 1,
        connection=reader.read_connection("connection", form.connection),
        model=form.model.strip()[:200],
        answers=reader.read_answers(form),
        max_rounds=reader.read_number("rounds", form.rounds, 1, 200) or 20,
        ceiling_dollars=reader.read_dollars(form.dollars),
        ceiling_tokens=reader.read_number("tokens", form.tokens.replace(",", ""), 1, 10**12),
        title=form.title.strip()[:200],
        source=source.name,
        query=source.query,
    )
    return order, faults


@dataclass
class _Reader:
    """Reads texts of one form; what is wrong goes to ``faults`` under the field's name."""

    project: Project
    faults: Faults
    offered: set[str]

    def read_number(self, name: str, text: str, low: int, high: int) -> int | None:
        text = text.strip()
        if not text:
            return None
        is_number = text.isascii() and text.isdecimal() and len(text) < 16
        if not (is_number and low <= int(text) <= high):
            self.faults.add(name, f"Give a whole number from {low:,} to {high:,}.")
            return None
        return int(text)

    def read_dollars(self, text: str) -> Decimal | None:
        text = text.strip().removeprefix("$").replace(",", "")
        if not text:
            return None
        try:
            amount = Decimal(text)
        except InvalidOperation:
            amount = Decimal(0)
        if not (amount.is_finite() and LEAST_DOLLARS <= amount < 10**8):
            self.faults.add("dollars", "Give dollars as a number, such as 2.50.")
            return None
        return amount

    def read_connection(self, name: str, text: str) -> Connection | None:
        if not text:
            return None
        open_ones = Connection.objects.filter(project=self.project, archived_at=None)
        found = open_ones.filter(pk=read_key(text)).first()
        if found is None:
            self.faults.add(name, "This connection is gone. Choose another.")
        return found

    def read_answers(self, form: Form) -> dict[str, Any]:
        if form.mode != "conversation":
            return {}
        told: dict[str, Any] = {"miss": "ask" if form.miss == "ask" else "stop"}
        for one in filter(lambda one: one.mode, form.answers):
            fixed = {"content": one.content} if one.mode == "fixed" else {}
            told[one.tool] = {"mode": one.mode, **fixed}
        return told

    def read_variant(self, at: int, form: VariantForm) -> Variant:
        prefix = f"v{at}-"
        connection = self.read_connection(f"{prefix}connection", form.connection)
        variant = Variant(
            name="",
            router=self._read_router(f"{prefix}router", form.router),
            system_prompt=form.system if form.own_system else None,
            model=form.model.strip()[:200],
            connection=connection.pk if connection else None,
            parameters=self._read_parameters(f"{prefix}parameters", form.parameters),
            toolset=[] if form.only else None,
        )
        for place, tool in enumerate(form.tools):
            variant = self._change_tool(variant, f"{prefix}t{place}-", tool)
        return replace(variant, name=self._name(form, variant.model, at))

    def _name(self, form: VariantForm, model: str, at: int) -> str:
        """What a variant is called that nobody named: by the first thing that it changes."""
        if named := form.name.strip():
            return named[:120]
        tool = next((one for one in form.tools if one.to), None)
        if tool is None:
            return model[:120] or f"Variant {at + 1}"
        kind, _, key = tool.to.partition(":")
        if kind == "d":
            return f"draft {key}"[:120]
        if kind == "v":
            row = ToolVersion.objects.filter(project=self.project, pk=read_key(key)).first()
            return f"{tool.name} v{row.number}"[:120] if row else tool.name[:120]
        return f"{tool.name}, edited" if kind == "text" else f"without {tool.name}"[:120]

    def _change_tool(self, variant: Variant, prefix: str, form: ToolForm) -> Variant:
        name = form.name.strip()
        if name and form.policy:
            policy = self._read_policy(f"{prefix}policy", name, form.policy)
            variant = replace(variant, policies={**variant.policies, name: policy})
        if form.to == "remove":
            return replace(variant, removed=[*variant.removed, name]) if name else variant
        tool = self._read_tool(prefix, form)
        if tool is None:
            return variant
        if variant.toolset is not None:
            return replace(variant, toolset=[*variant.toolset, tool])
        if name in self.offered:
            return replace(variant, replaced={**variant.replaced, name: tool})
        return replace(variant, added=[*variant.added, tool])

    def _read_tool(self, prefix: str, form: ToolForm) -> Tool | None:
        kind, _, key = form.to.partition(":")
        if kind == "v":
            return self._read_version(prefix, key)
        if kind == "d":
            return self._read_draft(prefix, key)
        if kind == "text":
            return self._read_text(f"{prefix}text", form.text)
        return None

    def _read_version(self, prefix: str, key: str) -> int | None:
        row = ToolVersion.objects.filter(project=self.project, pk=read_key(key)).first()
        if row is None:
            self.faults.add(f"{prefix}to", "There is no such version. Choose another.")
        return row.pk if row else None

    def _read_draft(self, prefix: str, key: str) -> Tool | None:
        row = ToolDraft.objects.filter(project=self.project, pk=read_key(key)).first()
        if row is None:
            self.faults.add(f"{prefix}to", "There is no such draft. Choose another.")
            return None
        return self._read_text(f"{prefix}to", row.text)

    def _read_text(self, name: str, text: str) -> Tool | None:
        if not text.strip():
            self.faults.add(name, "Write the definition as JSON, or choose a version.")
            return None
        draft = read_draft(text)
        if draft.spec is None or draft.errors:
            first = draft.errors[0]
            self.faults.add(name, f"{first.message} (line {first.line}, column {first.column}).")
            return None
        return draft.spec.to_json()

    def _read_policy(self, name: str, tool: str, number: str) -> dict[str, Any] | None:
        if number == NONE:
            return None
        rows = Policy.objects.filter(project=self.project, tool__name=tool)
        row = rows.filter(number=read_key(number[:9])).first()
        if row is None:
            self.faults.add(name, f"{tool[:60]} has no policy {number[:9]}. Choose another.")
            return None
        return row.spec.to_json()

    def _read_router(self, name: str, text: str) -> int | None:
        if not text:
            return None
        row = RouterVersion.objects.filter(project=self.project, pk=read_key(text)).first()
        if row is None:
            self.faults.add(name, "This router is gone. Choose another.")
        return row.pk if row else None

    def _read_parameters(self, name: str, text: str) -> dict[str, Any]:
        if not text.strip():
            return {}
        try:
            value = json.load(text)
        except (ValueError, RecursionError) as error:
            self.faults.add(name, f"This is not JSON: {error}")
            return {}
        if not isinstance(value, dict):
            self.faults.add(name, 'Write parameters as a JSON object, such as {"temperature": 0}.')
            return {}
        return value


def read_key(text: str) -> int:
    """A row's key as it stands in a form; 0 where it is none."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 18 else 0

"""One order run: its calls read, routed, judged, planned and executed, and told as JSON.

Reading asks the database and comes first; ``run`` then runs on an event loop of its own.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from console.accounts.models import Project
from console.lib import json
from console.lib.threads import in_thread
from conversations import answers
from conversations.doors.execution.bodies import Call, Context, Order
from conversations.routers.offering import NotRouted, Routed, offer
from tools_registry import gate
from tools_registry.bodies import Refused
from tools_registry.execution import confirmation, hosts, valkey
from tools_registry.execution.caller import Caller, Proposal
from tools_registry.execution.effects import is_destructive
from tools_registry.execution.outcomes import Outcome
from tools_registry.execution.plan import CARRYING, BadPlan, Plan, Step, make_plan
from tools_registry.execution.runner import Executed, execute
from tools_registry.models import Router, Tool
from tools_registry.policies import CallContext, CompiledPolicy
from tools_registry.policies.published import policy_for
from tools_registry.specs import ToolSpec
from tools_registry.validation import validate
from tools_registry.validation.findings import LayerResult, Verdict
from tools_registry.validation.syntax import NOTHING, read_arguments

Body = dict[str, Any]


@dataclass(frozen=True)
class Read:
    """A call with what the registry knows of its tool."""

    call: Call
    text: str
    value: Any
    known: gate.Known | None
    policy: CompiledPolicy | None

    @property
    def step(self) -> Step:
        return Step(
            self.call.id,
            self.call.tool,
            self.value,
            self.known.spec if self.known else None,
            self.policy.spec if self.policy else None,
            self.known.number if self.known else None,
            self.call.label,
        )

    def to_json(self) -> Body:
        told: Body = {"version": self.known.number} if self.known else {}
        told |= {"policy": self.policy.number} if self.policy else {}
        states = ("archived", "retired") if self.known else ()
        return told | {name: True for name in states if getattr(self.known, name)}


@dataclass(frozen=True)
class Work:
    """An order ready to run. ``names`` are the project's tools."""

    project: Project
    order: Order
    calls: Mapping[str, Read]
    plan: Plan
    names: Sequence[str]
    routed: Routed | None
    hosts: Sequence[str]


@dataclass
class Done:
    """What became of an order. ``verdicts`` and ``held`` by the calls' ids."""

    verdicts: dict[str, Verdict] = field(default_factory=dict)
    held: dict[str, Proposal] = field(default_factory=dict)
    executed: Executed | None = None


def read_order(project: Project, order: Order) -> Work:
    """Ask the database what the order is about. Raises ``Refused``."""
    calls = {call.id: _read_call(project, call) for call in order.calls}
    rows = Tool.objects.filter(project=project, archived_at=None)
    names = list(rows.values_list("name", flat=True))
    routed = _route(project, order, names) if order.router and order.steps.route else None
    plan = make_plan([one.step for one in calls.values()])
    try:
        plan = plan.change(
            add=[(late, early) for late, early in order.plan.add],
            remove=[(late, early) for late, early in order.plan.remove],
        )
    except BadPlan as error:
        raise Refused(422, "bad_plan", f"{error}.") from None
    return Work(project, order, calls, plan, names, routed, hosts.hosts_of(project.pk))


def _read_call(project: Project, call: Call) -> Read:
    known = gate.find_version(project, call.tool, call.version)
    policy = policy_for(project, known.tool) if known else None
    text = gate.write_arguments(call.arguments)
    value, _ = read_arguments(text)
    return Read(call, text, {} if value is NOTHING else value, known, policy)


def _route(project: Project, order: Order, names: Sequence[str]) -> Routed:
    router = Router.objects.filter(project=project, name=order.router, archived_at=None).first()
    versions = router.versions.order_by("-number") if router else None
    if versions is not None and order.router_version is not None:
        versions = versions.filter(number=order.router_version)
    version = versions.first() if versions is not None else None
    if version is None:
        detail = f"The project has no open router {order.router} of this version."
        raise Refused(404, "router_not_found", detail)
    said = [{"role": "user", "content": order.context.last_user}]
    try:
        return offer(project, version.pk, said, names)
    except NotRouted as error:
        raise Refused(502, "not_routed", str(error)) from None


def run(work: Work) -> Done:
    """Run the order's calls; nothing is executed where that is switched off."""
    done = Done()
    if work.order.steps.execute:
        done.executed = asyncio.run(_execute(work, done))
    elif work.order.steps.is_validated:
        for key, one in work.calls.items():
            if not any(wait.kind in CARRYING for wait in work.plan.waits_for(key)):
                done.verdicts[key] = _judge(work, one, one.text)
    return done


async def _execute(work: Work, done: Done) -> Executed:
    async def confirm(proposal: Proposal) -> str:
        done.held[proposal.key] = proposal
        return work.calls[proposal.key].call.confirmation

    def judge(step: Step, arguments: Mapping[str, Any]) -> Verdict:
        one = work.calls[step.key]
        text = one.text if arguments == one.value else json.dump(arguments)
        done.verdicts[step.key] = verdict = _judge(work, one, text)
        return verdict

    steps, context = work.order.steps, work.order.context
    caller = Caller(
        work.project.pk,
        context.user,
        context.conversation,
        bounded=steps.bound,
        cached=steps.cache,
        hosts=work.hosts,
        recorded=_find_recorded(work.project),
        confirm=confirm,
        judge=judge,
    )
    stop = asyncio.Event()
    asyncio.get_running_loop().call_later(work.order.deadline_ms / 1000, stop.set)
    try:
        return await execute(work.plan, caller, stop=stop)
    finally:
        await valkey.close()


def _find_recorded(project: Project) -> Any:
    @in_thread
    def find(name: str, arguments: Mapping[str, Any]) -> str | None:
        found = answers.recorded(project, name, json.dump(arguments), exactly=True)
        return None if found.error else found.content

    return find


def _judge(work: Work, one: Read, text: str) -> Verdict:
    """The verdict on a call; where validating is switched off, on its being readable alone."""
    name, spec = one.call.tool, one.known.spec if one.known else None
    if not work.order.steps.is_validated:
        return Verdict((read_arguments(text)[1],))
    offered: dict[str, ToolSpec | None] = {}
    if work.routed is not None:
        offered = dict.fromkeys(work.routed.tools)
    if spec is not None and (work.routed is None or name in work.routed.tools):
        offered[name] = spec
    context = _context_of(work.order.context)
    verdict = validate(
        name, text, offered=offered, known=work.names, policy=one.policy, context=context
    )
    return _without_confirmation(verdict) if is_destructive(spec, one.step.policy) else verdict


def _without_confirmation(verdict: Verdict) -> Verdict:
    """A destructive call's confirmation is asked for here, whatever its arguments say of one."""

    def keep(layer: LayerResult) -> LayerResult:
        left = tuple(one for one in layer.findings if one.code != "confirmation_missing")
        return replace(layer, findings=left)

    return Verdict(tuple(map(keep, verdict.layers)))


def _context_of(context: Context) -> CallContext:
    return CallContext(**context.model_dump(exclude={"conversation"}))


def tell(work: Work, done: Done) -> Body:
    """The answer, described in docs/execution.md."""
    outcomes = done.executed.outcomes if done.executed else {}
    told: Body = {
        "plan": work.plan.to_json(),
        "calls": [_tell_call(one, outcomes.get(key), done) for key, one in work.calls.items()],
    }
    if work.routed is not None:
        told["routed"] = {"tools": list(work.routed.tools), "why": work.routed.why}
    if done.executed is not None:
        told["schedule"] = done.executed.schedule.to_json()
    return told


def _tell_call(one: Read, outcome: Outcome | None, done: Done) -> Body:
    key = one.call.id
    told: Body = {"call": key, "name": one.call.tool, **one.to_json()}
    verdict = done.verdicts.get(key)
    if verdict is not None:
        told["verdict"] = verdict.value
        told["findings"] = [finding.to_json() for finding in verdict.findings]
    if outcome is None:
        return told
    judged = told.get("findings", [])
    told |= outcome.to_json()
    told["findings"] = [*judged, *(f for f in told.get("findings", []) if f not in judged)]
    held = done.held.get(key)
    if outcome.status == "held" and held is not None:
        token = confirmation.confirm(held.subject)
        told |= {"preview": held.preview.to_json(), "confirmation": token}
    return told

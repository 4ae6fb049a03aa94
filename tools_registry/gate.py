"""The gate: would this call be let through? Asked by applications before they execute a call, and
by the page on which a person tries a payload.

``POST /api/v1/validate`` is documented in docs/gate.md. It stores nothing. Definitions never
change, so a process reads each once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated, Any

from django.db import connection
from django.http import HttpResponseBase, JsonResponse
from django.views.decorators.http import require_POST
from pydantic import BaseModel, ConfigDict, Field, StrictInt

from console.accounts.access import ApiRequest, api_key
from console.accounts.models import Project
from console.lib import json
from console.lib.fields import to_stored
from tools_registry.bodies import Refused, read_body, refusing
from tools_registry.models import Tool, ToolVersion
from tools_registry.policies import CallContext, CompiledPolicy, Sanitised, sanitise
from tools_registry.policies.context import LONGEST_TEXT, MOST_CALLS
from tools_registry.policies.published import policy_for
from tools_registry.specs import ToolSpec
from tools_registry.validation import Verdict, validate
from tools_registry.validation.syntax import NOTHING, read_arguments

_Name = Annotated[str, Field(max_length=256)]


class Context(BaseModel):
    """What rules may ask beside the arguments; ``calls`` are names, oldest first."""

    model_config = ConfigDict(extra="forbid")

    calls: list[_Name] = Field(default=[], max_length=MOST_CALLS)
    count: StrictInt | None = Field(default=None, ge=0)
    last_user: str = Field(default="", max_length=LONGEST_TEXT)
    user: str = Field(default="", max_length=300)
    environment: str = Field(default="", max_length=60)


class Question(BaseModel):
    """The body of ``POST /api/v1/validate``; ``arguments`` as the model wrote them, or parsed."""

    model_config = ConfigDict(extra="forbid")

    tool: str = Field(min_length=1, max_length=256)
    version: StrictInt | None = Field(default=None, ge=1)
    arguments: str | dict[str, Any]
    context: Context = Context()


@dataclass(frozen=True, slots=True)
class Known:
    """A version as the gate needs it."""

    number: int
    hash: str
    tool: int
    spec: ToolSpec
    archived: bool
    retired: bool


@dataclass(frozen=True, slots=True)
class Judgement:
    """``sanitised`` is what the policy's transformations would make of readable arguments."""

    verdict: Verdict
    policy: CompiledPolicy | None = None
    sanitised: Sanitised | None = None

    def to_json(self) -> dict[str, Any]:
        told = {"policy": self.policy.number if self.policy else None, **self.verdict.to_json()}
        if self.sanitised is None:
            return told
        changes = [change.to_json() for change in self.sanitised.changes]
        return told | {"sanitised": {"arguments": self.sanitised.value, "changes": changes}}


@api_key("read")
@require_POST
@refusing
def check_call(request: ApiRequest) -> HttpResponseBase:
    """The verdict on one call, by its tool's version in force or by the one that is named."""
    question = read_body(request, Question)
    known = find_version(request.project, question.tool, question.version)
    context = CallContext(**question.context.model_dump())
    text = write_arguments(question.arguments)
    if known is None:
        told = judge_unknown(request.project, question.tool, text).to_json()
        return JsonResponse({"tool": question.tool} | told)
    policy = policy_for(request.project, known.tool)
    judged = judge_payload(known.spec, text, policy, context, name=question.tool)
    used = {"version": known.number, "hash": known.hash}
    state = {"archived": known.archived, "retired": known.retired}
    return JsonResponse({"tool": question.tool} | used | state | judged.to_json())


def write_arguments(arguments: str | Mapping[str, Any]) -> str:
    try:
        return arguments if isinstance(arguments, str) else json.dump(arguments)
    except TypeError:
        detail = "A number is too large: send the arguments as the text that the model wrote."
        raise Refused(422, "invalid_request", detail) from None


def judge_payload(
    spec: ToolSpec,
    arguments: str,
    policy: CompiledPolicy | None,
    context: CallContext,
    *,
    name: str = "",
) -> Judgement:
    """Judge arguments as if the tool, and it alone, had been offered."""
    name = name or spec.name
    verdict = validate(name, arguments, offered={name: spec}, policy=policy, context=context)
    if policy is None or not policy.sanitisers:
        return Judgement(verdict, policy)
    value, _ = read_arguments(arguments)
    return Judgement(verdict, policy, None if value is NOTHING else sanitise(policy, value))


def judge_unknown(project: Project, name: str, arguments: str) -> Judgement:
    """Judge a call of a tool that the project does not have: which one was meant?"""
    names = Tool.objects.filter(project=project, archived_at=None).values_list("name", flat=True)
    return Judgement(validate(name, arguments, offered={}, known=list(names)))


def find_version(project: Project, name: str, number: int | None = None) -> Known | None:
    """The version of that number, else the newest that is published and not retired, else the
    newest that is not retired, else the newest; None for a tool that does not exist.

    A version that a known tool does not have raises ``Refused``.
    """
    if to_stored(name) != name:
        return None
    with connection.cursor() as cursor:
        cursor.execute(_FIND, [project.pk, name, number])
        found = cursor.fetchone()
    if found is None:
        return None
    pk, chosen, digest, tool, archived, retired = found
    if number is not None and chosen != number:
        raise Refused(404, "version_not_found", f"{name} has no version {number}.")
    return Known(chosen, digest, tool, _read(pk, digest), archived, retired)


# Building this query anew would take longer than running it.
_FIND = """
SELECT v.id, v.number, v.hash, v.tool_id, t.archived_at IS NOT NULL, v.retired_at IS NOT NULL
FROM tools_registry_tool t JOIN tools_registry_toolversion v ON v.tool_id = t.id
WHERE t.project_id = %s AND t.name = %s
ORDER BY v.number IS NOT DISTINCT FROM %s DESC, v.retired_at IS NULL DESC,
    v.published_at IS NOT NULL DESC, v.number DESC
LIMIT 1
"""


@lru_cache(maxsize=1024)
def _read(pk: int, digest: str) -> ToolSpec:
    """The definition of a version, which never changes; it is that of its hash in any database."""
    return ToolVersion.objects.get(pk=pk).spec

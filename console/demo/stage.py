"""What the application's people have set up, and what they made of the traffic afterwards."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.db.models import F, Min, OuterRef, Subquery
from django.db.models.functions import Coalesce

from analytics.alerts.defaults import BY_KEY
from analytics.alerts.forms.rules import make_default
from console.accounts.models import Project, User
from console.demo.stories import BROKEN_MINUTES, CANCELLED_PLANS, at
from console.demo.toolbox import (
    DOMAINS,
    EVERYTHING,
    MISSPELT_CLOTHES,
    VAGUE_WEATHER,
    Definition,
    name_of,
)
from conversations.connections import ensure_local
from conversations.incidents.joining import join
from conversations.incidents.opening import open_incident
from conversations.labels import Draft, set_label
from conversations.models import Connection, ToolCall, Turn
from conversations.providers.scripted import LIBRARY
from conversations.suites.gathering import add_turns
from conversations.suites.keeping import create_suite
from tools_registry.dialects import read_tool
from tools_registry.models import Policy, PolicyEvent, Router, ToolVersion, VersionEvent
from tools_registry.policies.published import forget_policies
from tools_registry.policies.spec import PolicySpec
from tools_registry.registry import register
from tools_registry.routing.spec import RouterSpec

POLICIES: dict[str, tuple[str, dict[str, Any]]] = {
    "get_weather": (
        "Two seconds, cached for ten minutes, five calls a conversation",
        {
            "content": {"sql_injection": "rejected"},
            "sanitisers": [
                {"pointer": "/city", "steps": [{"do": "trim"}, {"do": "collapse_spaces"}]}
            ],
            "plausibility": [
                {
                    "pointer": "/city",
                    "refused": ["the moon", "mars", "heaven"],
                    "message": "There is no weather there",
                }
            ],
            "execution": {"timeout_ms": 2000, "cache_ttl": 600, "budget": 5, "rate": 100},
        },
    ),
    "cancel_subscription": (
        "Never without the code that was mailed",
        {
            "destructive": True,
            "confirmation": {"argument": "/confirmation_code"},
            "rules": [
                {
                    "name": "code of four digits",
                    "expression": 'args.confirmation_code.matches("^[0-9]{4}$")',
                    "when": "has(args.confirmation_code)",
                    "message": "The code that was mailed has four digits",
                }
            ],
        },
    ),
    "process_payment": (
        "Cards from abroad take seven to eight seconds",
        {"execution": {"timeout_ms": 10000, "rate": 100}},
    ),
}
ROUTER = "Front desk"
SUITE = "Weekend plans"
SCRIPTS: dict[str, Any] = {
    "looks-first": {
        "calls": [{"name": "get_weather", "arguments": {"city": "Oslo"}}],
        "first_ms": 300,
        "delay_ms": 20,
    },
    "takes-words-literally": {
        "calls": [{"name": "cancel_subscription", "arguments": {"account": "A-1042"}}],
        "first_ms": 120,
        "delay_ms": 10,
    },
}
"""Two answers that are always the same, to hold a model against."""


def prepare(project: Project, user: User) -> None:
    """Definitions in the order in which they came, policies, the routers and an alert."""
    for definition in (VAGUE_WEATHER, *EVERYTHING, MISSPELT_CLOTHES):
        _register(project, definition, None)
    for name, (note, document) in POLICIES.items():
        policy = Policy(
            project=project,
            tool=project.tools.get(name=name),
            number=1,
            note=note,
            created_by=user,
        )
        policy.write(PolicySpec.from_json(document))
        policy.save()
        policy.publish(user)
    forget_policies(project)
    router = Router.objects.create(project=project, name=ROUTER)
    for note, cancel in (
        ("Words of the three domains", False),
        ("An explicit word always adds the tool that cancels", True),
    ):
        router.write(RouterSpec.from_json(describe_router(cancel=cancel)), user, note)
    make_default(project, BY_KEY["rejections"], user)
    ensure_local(project)
    Connection.objects.create(
        project=project,
        name="Written streams",
        protocol="scripted",
        model_names=[*SCRIPTS, *LIBRARY],
        settings={"scripts": SCRIPTS},
    )


def _register(project: Project, definition: Definition, user: User | None) -> None:
    spec = read_tool(definition)
    assert spec is not None
    register(project, spec, user=user, origin="registered" if user else "observed")


def describe_router(*, cancel: bool) -> dict[str, Any]:
    """The first router, or with ``cancel`` the second, in the form of ``docs/routing.md``."""
    groups = [
        {"name": name, "description": f"Questions about {name}", "tools": list(map(name_of, tools))}
        for name, tools in DOMAINS.items()
    ]
    words = _words(cancel=cancel)
    return {"groups": groups, "keywords": words, "otherwise": "weather", "ungrouped": "hold"}


def _words(*, cancel: bool) -> list[dict[str, Any]]:
    """At first a fifth of the intents is confused, with ``cancel`` one in twenty."""
    weather = ["rain*", "warm*", "weather", "days", "wear", "like in"]
    billing = ["invoice", "pay", "charge", "tax", "account"]
    if not cancel:
        return [
            {"words": [*weather, "how", "what is"], "groups": ["weather"]},
            {"words": billing, "groups": ["billing"]},
            {"words": ["plan"], "groups": ["account"]},
        ]
    return [
        {"words": weather, "groups": ["weather"]},
        {"words": ["address", "email"], "groups": ["account"]},
        {"words": [*billing, "rate", "dollars"], "groups": ["billing"]},
        {"words": ["plan"], "groups": ["account"]},
        {"words": ["cancel*"], "tools": ["cancel_subscription"]},
    ]


def conclude(project: Project, user: User, until: datetime) -> None:
    """What people did: publish what is good, label what was wrong, open incidents."""
    for definition in EVERYTHING:
        _register(project, definition, user)
    _date_publications(project)
    _label_plans(project, user)
    begun = at(until, 2, "02:43")
    for incident in (
        open_incident(
            project,
            title="suggest_clothes is rejected",
            severity="critical",
            query="tool:suggest_clothes verdict:rejected",
            since=begun,
            until=begun + timedelta(minutes=BROKEN_MINUTES),
            by=user,
        ),
        open_incident(
            project,
            title="Subscriptions cancelled for weekend plans",
            severity="high",
            kind="turns",
            query="label:wrong_tool tool:cancel_subscription",
            since=at(until, 9, "18:00"),
            until=at(until, 9, "22:00"),
            by=user,
        ),
    ):
        join(incident)


def _date_publications(project: Project) -> None:
    """What is published was so when its traffic began, not when the demo was made."""
    seen = ToolVersion.objects.filter(project=project).exclude(published_at=None)
    seen.exclude(first_seen_at=None).update(published_at=F("first_seen_at"))
    first = ToolVersion.objects.filter(pk=OuterRef("version")).values("published_at")
    VersionEvent.objects.filter(project=project).update(at=Subquery(first))
    began = ToolVersion.objects.filter(tool=OuterRef("tool")).order_by("first_seen_at")
    Policy.objects.filter(project=project).update(
        published_at=Coalesce(Subquery(began.values("first_seen_at")[:1]), "published_at")
    )
    judging = Policy.objects.filter(pk=OuterRef("policy")).values("published_at")
    PolicyEvent.objects.filter(project=project).update(at=Subquery(judging))


def _label_plans(project: Project, user: User) -> None:
    """The calls that no rule can see: a person says that they were wrong."""
    first = ToolCall.objects.filter(
        project=project, name="cancel_subscription", conversation__key__startswith="plans-"
    )
    turns = [row["turn_id"] for row in first.values("turn_id").annotate(Min("at"))]
    assert len(turns) == CANCELLED_PLANS
    draft = Draft("wrong_tool", 0, tool="get_weather", note="Plans were cancelled, nothing else")
    for turn in Turn.objects.filter(pk__in=turns):
        set_label(turn, draft, user)
    suite = create_suite(project, SUITE, description="Nobody here wants to leave us.", user=user)
    add_turns(suite, turns, user=user)

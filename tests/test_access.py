"""Every address, as a stranger, as another project's admin, and in each role.

An address without a rule fails, and so does one with a part that ``kwargs_of`` cannot fill:
add the rule with a decorator of ``console.accounts.access``, the part to ``PARTS`` below.
The sockets are in ``test_access_of_sockets.py``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

import pytest
from django.conf import settings
from django.db import connection, transaction
from django.http import HttpResponseBase
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import DjangoDbBlocker

from analytics.alerts.deliveries import create
from analytics.alerts.records import AlertDelivery, AlertSilence
from analytics.budgets.records import Budget
from analytics.repricing.engine import Choice
from analytics.repricing.engine import start as start_repricing
from analytics.repricing.records import Repricing
from analytics.usage_exports.records import UsageExport
from console.accounts.addresses import Address, walk_addresses
from console.accounts.models import ROLES, SCOPES, ApiKey, Invitation, Member, Project
from conversations.backtest.engine import start
from conversations.backtest.records import Backtest
from conversations.backtest.subjects import choose
from conversations.custody import Erasure, RedactionRule
from conversations.incidents.opening import open_incident
from conversations.incidents.postmortem.documents import begin
from conversations.models import (
    Connection,
    Conversation,
    Quarantined,
    Run,
    SavedView,
    ToolCall,
    Turn,
)
from conversations.replay.board import read_board
from conversations.replay.cases import Case, Recorded
from conversations.replay.orders import Order
from conversations.replay.records import ReplayOutcome
from conversations.replay.snapshots import freeze
from conversations.replay.starting import start as start_replay
from conversations.suites.cases import read_case
from conversations.suites.keeping import add_cases, create_suite
from conversations.suites.records import Suite
from tests import factories
from tests.alerts.making import make_channel, make_rule
from tests.factories import People, client_of, make_people
from tools_registry.models import Policy, Router, ToolDraft, ToolImport, ToolVersion
from tools_registry.publishing import start_draft
from tools_registry.routing import RouterSpec

RULES = {"public", "signed-in", *ROLES, *(f"key:{scope}" for scope in SCOPES)}
SECRET = "unmistakably_of_this_project"
METHODS = ("GET", "POST")
NO_SUCH_METHOD = 405
# A refusal is the same for programs, without a page to render.
AS_JSON = {"Accept": "application/json"}

ADDRESSES = list(walk_addresses())
OURS = [address for address in ADDRESSES if not address.is_djangos_admin]
ADMINS = [address for address in ADDRESSES if address.is_djangos_admin]


@dataclass(frozen=True)
class World:
    """One project with something of every kind."""

    people: People
    version: ToolVersion
    draft: ToolDraft
    connection: Connection
    conversation: Conversation
    turn: Turn
    call: ToolCall
    view: SavedView
    run: Run
    quarantined: Quarantined
    key: ApiKey
    invitation: Invitation
    token: str
    rule: RedactionRule
    erasure: Erasure
    imported: ToolImport
    backtest: Backtest
    router: Router
    suite: Suite
    outcome: ReplayOutcome
    delivery: AlertDelivery
    silence: AlertSilence
    budget: Budget
    repricing: Repricing
    usage_export: UsageExport
    sessions: dict[int, str] = field(default_factory=dict)

    def client_of(self, who: Member) -> Client:
        """A fresh browser with this person's session, which every request leaves as it was."""
        if who.pk not in self.sessions:
            cookies = client_of(who).cookies
            self.sessions[who.pk] = cookies[settings.SESSION_COOKIE_NAME].value
        client = stranger()
        client.cookies[settings.SESSION_COOKIE_NAME] = self.sessions[who.pk]
        return client


@pytest.fixture(scope="module")
def world(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[World]:
    """One world for all tests here: whatever a request changes is undone after it."""
    with django_db_blocker.unblock(), undone():
        yield make_world()


def make_world() -> World:
    people = make_people()
    project, now = people.project, timezone.now()
    version = factories.make_tool_version(project, {**factories.WEATHER, "name": SECRET})
    Policy.objects.create(project=project, tool=version.tool, number=1, document="{}", note=SECRET)
    # The address of imports is that of a tool with this name, too.
    factories.make_tool_version(project, {**factories.WEATHER, "name": "import"})
    conversation = factories.make_conversation(project, title=SECRET)
    turn = factories.make_turn(conversation)
    connection = factories.make_connection(project, name=SECRET)
    invitation, token = factories.make_invitation(project)
    # Its number is the turn's, which stands for both in addresses.
    incident = open_incident(project, title=SECRET, query="verdict:rejected", since=turn.at)
    begin(incident, None)
    return World(
        people=people,
        version=version,
        draft=start_draft(project, f'{{"name": "{SECRET}"}}', user=None, tool=version.tool),
        connection=connection,
        conversation=conversation,
        turn=turn,
        call=factories.make_call(turn, name=SECRET),
        view=SavedView.objects.create(project=project, name=SECRET, kind="calls"),
        quarantined=factories.make_quarantined(project, detail=SECRET),
        run=factories.make_run(project, title=SECRET, connection=connection, user=None),
        key=factories.make_key(project, name=SECRET)[0],
        invitation=invitation,
        token=token,
        rule=RedactionRule.objects.create(
            project=project, name=SECRET, kind="pattern", value=SECRET, replacement="[hidden]"
        ),
        erasure=Erasure.objects.create(project=project, user_hash=SECRET),
        imported=factories.make_import(project, name=SECRET),
        backtest=start(project, choose(project, SECRET), "", 1),
        router=make_router(project),
        suite=make_suite(project),
        outcome=make_outcome(project),
        delivery=create(
            make_channel(project, name=SECRET),
            {"text": SECRET, "type": "test", "rule": None, "incident": None},
        ),
        silence=make_silence(project),
        budget=Budget.objects.create(project=project, name=SECRET, amount=1),
        repricing=start_repricing(project, Choice(now, now + timedelta(days=1)), None),
        usage_export=UsageExport.objects.create(
            project=project, name=SECRET, form="plain", first=date(2026, 3, 1),
            last=date(2026, 3, 1), lines='[["2026-03-01", "m", "1", null, null, null]]',
        ),
    )  # fmt: skip


def make_silence(project: Project) -> AlertSilence:
    """With the rule that is silent."""
    now = timezone.now()
    rule = make_rule(project, name=SECRET)
    return AlertSilence.objects.create(project=project, rule=rule, starts_at=now, ends_at=now)


def make_suite(project: Project) -> Suite:
    """With a case whose number is the turn's, too."""
    suite = create_suite(project, SECRET)
    add_cases(suite, [read_case({"messages": [{"role": "user", "content": "?"}]})], origin="hand")
    return suite


def make_router(project: Project) -> Router:
    router = Router.objects.create(project=project, name=SECRET)
    router.write(RouterSpec(), None)
    return router


def make_outcome(project: Project) -> ReplayOutcome:
    """Of a replay with a snapshot."""
    case = Case("a", SECRET, [{"role": "user", "content": "?"}], recorded=Recorded())
    order = Order(cases=[case], mode="no_model", title=SECRET)
    replay = start_replay(project, order, enqueue=False)
    freeze(replay, read_board(replay), None)
    return ReplayOutcome.objects.get(replay=replay)


# What fills the parts of addresses: by the address' own name first, then by its app's and the
# part's, else by the part's alone.
PARTS: dict[str, Callable[[World], Any]] = {
    "slug": lambda world: world.people.project.slug,
    "token": lambda world: world.token,
    "conversations turn": lambda world: world.turn.pk,
    "conversations number": lambda world: world.turn.number,
    "conversations version": lambda world: world.version.pk,
    "conversations call": lambda world: world.call.pk,
    "conversations view": lambda world: world.view.pk,
    "conversations connection": lambda world: world.connection.pk,
    "conversations run": lambda world: world.run.pk,
    "conversations record": lambda world: world.quarantined.pk,
    "conversations rule": lambda world: world.rule.pk,
    "conversations erasure": lambda world: world.erasure.pk,
    "conversations backtest": lambda world: world.backtest.pk,
    "analytics rule": lambda world: world.silence.rule_id,
    "analytics silence": lambda world: world.silence.pk,
    "analytics budget": lambda world: world.budget.pk,
    "analytics repricing": lambda world: world.repricing.pk,
    "analytics export": lambda world: world.usage_export.pk,
    "analytics channel": lambda world: world.delivery.channel_id,
    "analytics delivery": lambda world: world.delivery.pk,
    "conversations:proxy-guard key": lambda world: world.key.pk,
    "conversations router": lambda world: world.router.pk,
    "conversations suite": lambda world: world.suite.pk,
    "conversations outcome": lambda world: world.outcome.pk,
    "conversations snapshot": lambda world: 1,
    "conversations step": lambda world: "pause",
    "conversations:post-mortem-version version": lambda world: 1,
    "conversations:post-mortem-restore version": lambda world: 1,
    "conversations conversation": lambda world: world.conversation.pk,
    "tools_registry pk": lambda world: world.imported.pk,
    "tools_registry item": lambda world: 0,
    "tools_registry name": lambda world: world.version.tool.name,
    "tools_registry number": lambda world: world.version.number,
    "tools_registry draft": lambda world: world.draft.pk,
    "conversations tool": lambda world: world.version.tool_id,
    "accounts:member-role pk": lambda world: world.people.rita.pk,
    "accounts:member-remove pk": lambda world: world.people.rita.pk,
    "accounts:invitation-revoke pk": lambda world: world.invitation.pk,
    "accounts:key-revoke pk": lambda world: world.key.pk,
    "console:docs-page page": lambda world: "accounts",
    "console:docs-image name": lambda world: "none.png",
}
# Addresses whose answer is 404 without any doing of the access rules.
ABSENT = {"console:docs-image"}


def kwargs_of(address: Address, world: World) -> dict[str, Any]:
    values = {}
    for part in address.converters:
        app = address.name.split(":")[0]
        known = (PARTS.get(key) for key in (f"{address.name} {part}", f"{app} {part}", part))
        fill = next(filter(None, known), None)
        if fill is None:
            pytest.fail(f"{address.name} has a part <{part}>: say in PARTS what fills it")
        values[part] = fill(world)
    return values


def path_of(address: Address, world: World, **changed: Any) -> str:
    return reverse(address.name, kwargs=kwargs_of(address, world) | changed)


_HANDLER = Client().handler


def stranger() -> Client:
    """A fresh browser; all share what Django makes of the middleware."""
    client = Client()
    client.handler = _HANDLER
    return client


@contextmanager
def undone() -> Iterator[None]:
    """What a request changed is taken back, so that the next one finds the same world."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def ask(client: Client, method: str, path: str, **headers: str) -> HttpResponseBase:
    with undone():
        response = client.generic(method, path, headers=headers)
    return response


def is_sent_to_sign_in(response: HttpResponseBase) -> bool:
    return response.status_code == 302 and response["Location"].startswith("/sign-in/")


def is_let_in(response: HttpResponseBase) -> bool:
    return response.status_code < 500 and response.status_code not in (401, 403, 404)


def named(addresses: list[Address]) -> Any:
    return pytest.mark.parametrize("address", addresses, ids=lambda address: address.name)


def with_rule(*rules: str) -> list[Address]:
    return [address for address in OURS if address.access in rules]


MEMBERS = with_rule(*ROLES)
KEYED = [address for address in OURS if (address.access or "").startswith("key:")]


def test_every_address_has_a_rule() -> None:
    without = [f"{each.name} (/{each.route})" for each in OURS if each.access not in RULES]
    assert not without, (
        f"{', '.join(without)}: no access rule. Decorate the view with "
        "public, signed_in, member(role) or api_key(scope) of console.accounts.access"
    )


def test_an_address_of_a_project_asks_for_membership() -> None:
    for address in OURS:
        in_project = address.route.startswith("p/<slug:slug>/")
        assert in_project == ("slug" in address.converters), address.route
        assert in_project == (address.access in ROLES), f"/{address.route} is {address.access}"


@named(with_rule("public"))
def test_a_stranger_may_call_what_is_public(address: Address, world: World) -> None:
    for method in METHODS:
        response = ask(stranger(), method, path_of(address, world))
        assert not is_sent_to_sign_in(response) or address.name == "accounts:sign-out"
        assert is_let_in(response) or address.name in ("console:readyz", "console:metrics")


@named(with_rule("signed-in", *ROLES))
def test_a_stranger_is_sent_to_sign_in(address: Address, world: World) -> None:
    path = path_of(address, world)
    for method in METHODS:
        response = ask(stranger(), method, path)
        assert is_sent_to_sign_in(response) or response.status_code == NO_SUCH_METHOD
        for headers in ({"HX-Request": "true"}, AS_JSON):
            assert ask(stranger(), method, path, **headers).status_code in (401, NO_SUCH_METHOD)


@named(with_rule("signed-in"))
def test_who_signed_in_is_let_in(address: Address, world: World) -> None:
    for method in METHODS:
        response = ask(world.client_of(world.people.alice), method, path_of(address, world))
        assert is_let_in(response) or address.name in ABSENT


@named(MEMBERS)
def test_another_projects_admin_finds_nothing(address: Address, world: World) -> None:
    for method in METHODS:
        client = world.client_of(world.people.charlie)
        response = ask(client, method, path_of(address, world), **AS_JSON)
        assert response.status_code in (404, NO_SUCH_METHOD)


@named([address for address in MEMBERS if len(address.converters) > 1])
def test_nothing_is_reached_through_another_project(address: Address, world: World) -> None:
    client = world.client_of(world.people.charlie)
    path = path_of(address, world, slug=world.people.charlie.project.slug)
    assert ask(client, "GET", path, **AS_JSON).status_code in (404, NO_SUCH_METHOD)
    posted = ask(client, "POST", path, **AS_JSON)
    assert posted.status_code in (400, 404, NO_SUCH_METHOD, 415, 422)


@named(MEMBERS)
def test_a_role_reaches_what_it_should(address: Address, world: World) -> None:
    """The lowest that may gets the page; whether a higher one is let through to the view, too,
    is told by a method that the view refuses."""
    assert address.access is not None
    path = path_of(address, world)
    methods = METHODS
    for role in ROLES:
        member = world.people.by_role[role]
        if not member.may(address.access):
            for method in METHODS:
                response = ask(world.client_of(member), method, path, **AS_JSON)
                assert response.status_code in (403, NO_SUCH_METHOD), role
            continue
        for method in methods:
            response = ask(world.client_of(member), method, path)
            assert is_let_in(response), f"{role} got {response.status_code}"
            assert not is_sent_to_sign_in(response)
        methods = ("OPTIONS",)


@named(KEYED)
@pytest.mark.parametrize("method", ("GET", "POST", "PUT"))
def test_an_address_for_programs_asks_for_its_scope(
    address: Address, method: str, world: World
) -> None:
    path, project = path_of(address, world), world.people.project
    rule = address.access_of(method)
    assert rule is not None
    scope = rule.removeprefix("key:")
    others = [other for other in SCOPES if other != scope]
    revoked, revoked_text = factories.make_key(project, SCOPES)
    ApiKey.objects.filter(pk=revoked.pk).update(revoked_at=revoked.created_at)

    def status(text: str) -> int:
        return ask(stranger(), method, path, Authorization=f"Bearer {text}").status_code

    assert ask(stranger(), method, path).status_code in (401, NO_SUCH_METHOD)
    signed_in = world.client_of(world.people.alice)
    assert ask(signed_in, method, path).status_code in (401, NO_SUCH_METHOD)
    assert status("mf_made_up") in (401, NO_SUCH_METHOD)
    assert status(revoked_text) in (401, NO_SUCH_METHOD)
    assert status(factories.make_key(project, others)[1]) in (403, NO_SUCH_METHOD)
    assert status(factories.make_key(project, [scope])[1]) not in (401, 403, 404, 500)


@named(KEYED)
def test_another_projects_key_sees_nothing(address: Address, world: World) -> None:
    _, text = factories.make_key(world.people.charlie.project, SCOPES)
    client = Client(headers={"Authorization": f"Bearer {text}"})
    with undone():
        response = client.get(path_of(address, world))
        if response.status_code == 200:
            assert SECRET not in response.getvalue().decode()
        else:
            assert response.status_code in (404, NO_SUCH_METHOD)


@named(ADMINS)
def test_the_administration_sends_strangers_away(address: Address, world: World) -> None:
    path = "/" + re.sub(r"<(int:)?[^>]*>", "1", address.route)
    path = "/admin/nowhere/" if "(?P" in path else path
    response = Client().get(path)
    assert response.status_code == 302
    assert response["Location"].startswith(("/sign-in/", "/admin/"))


@pytest.mark.django_db
def test_the_walk_changes_no_database_but_the_tests_own() -> None:
    # The mark also has the test database made when this file runs alone.
    assert connection.settings_dict["NAME"].startswith("test_")

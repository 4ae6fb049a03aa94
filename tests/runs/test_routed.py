"""A run whose tools a router chooses."""

from __future__ import annotations

import json
from typing import Any

from asgiref.sync import sync_to_async

from conversations.models import Turn
from tests.factories import WEATHER, People
from tests.runs.playing import Socket, make_scripted, of, request
from tools_registry.models import Router
from tools_registry.routing import RouterSpec

PAY = {"type": "function", "function": {**WEATHER, "name": "pay_invoice"}}
SPEC = {
    "groups": [
        {"name": "weather", "tools": ["get_weather"]},
        {"name": "billing", "tools": ["pay_invoice"]},
    ],
    "keywords": [{"words": ["invoice*"], "groups": ["billing"]}],
    "otherwise": "weather",
}


@sync_to_async
def make_router(people: People, spec: dict[str, Any]) -> int:
    router = Router.objects.create(project=people.project, name="domains")
    return router.write(RouterSpec.from_json(spec), None).pk


async def play(people: People, connection: Any, **more: Any) -> list[dict[str, Any]]:
    asked = request(connection, **more)
    asked["tools"] = [*asked["tools"], {"definition": PAY}]
    async with Socket(people.rita) as socket:
        return await socket.play(**asked)


async def test_only_what_the_router_chose_is_offered_and_the_turn_says_why(
    people: People,
) -> None:
    connection = await make_scripted(people.project, {"text": "Paid."})
    router = await make_router(people, SPEC)
    messages = [{"role": "user", "content": "Pay my invoices"}]
    events = await play(people, connection, messages=messages, router=router)
    assert [tool["name"] for tool in events[0]["tools"]] == ["pay_invoice"]
    why = "domains v1: billing by the word invoice*; 1 of 2 tools are offered"
    assert events[0]["routed"] == why
    turn = await Turn.objects.select_related("toolset").aget()
    assert turn.toolset and [tool["function"]["name"] for tool in turn.toolset.tools] == [
        "pay_invoice"
    ]
    assert {"code": "routed", "detail": f"{why}."} in json.loads(turn.notes)


async def test_a_classifier_is_asked_before_the_model(people: People) -> None:
    judge = await make_scripted(people.project, {"text": '{"billing": 1}'})
    connection = await make_scripted(people.project, {"text": "Paid."})
    spec = {**SPEC, "keywords": [], "classifier": {"connection": judge.name, "model": "m"}}
    events = await play(people, connection, router=await make_router(people, spec))
    assert [tool["name"] for tool in events[0]["tools"]] == ["pay_invoice"]
    assert "billing by the classifier, 1.00" in events[0]["routed"]


async def test_a_router_that_is_not_there_blocks_the_run(people: People) -> None:
    connection = await make_scripted(people.project, {"text": "x"})
    events = await play(people, connection, router=999)
    blocked = of(events, "error")[0]
    assert blocked["reasons"] == ["The router is none of this project's; choose another, or none."]


async def test_what_a_request_says_of_its_routing_is_not_believed(people: People) -> None:
    connection = await make_scripted(people.project, {"text": "x"})
    events = await play(people, connection, routed="made up")
    assert events[0]["routed"] == ""

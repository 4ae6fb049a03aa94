"""The playground in a real browser through the real web server, with a scripted model."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.sessions.models import Session
from playwright.sync_api import BrowserContext, Page, expect

from console.accounts.models import Member
from conversations.models import Conversation, Run, ToolCall
from tests import factories
from tests.pages.desk import make_scripts, open_desk

pytestmark = pytest.mark.browser

SAID = "".join(f"{number} " for number in range(1, 61))
BAD = '{"city": "Oslo", "temperature": "celsius"}'
CALL = {"name": "get_weather", "arguments": BAD, "id": "call_9aK2"}
SCRIPTS: dict[str, Any] = {
    "careful": [
        {
            "text": "I will look.",
            "calls": [{**CALL, "arguments": '{"city": "Oslo"}'}],
            "fragment": 4,
        },
        {"text": "It is cold."},
    ],
    "careless": [{"calls": [CALL], "delay_ms": 10, "fragment": 4}, {"text": "Sorry."}],
    "slow": {"text": SAID, "delay_ms": 50, "fragment": 3},
    "limited": {"error": {"status": 429, "message": "slow down"}},
    "cut": {"text": "Half an ans", "calls": [CALL], "cut_after": 6},
    "endless": {"text": "word " * 4000, "delay_ms": 30, "fragment": 5},
}


@pytest.fixture
def bob(daphne_server: str) -> Member:
    member = factories.make_member(factories.make_project("Weather desk", "weather"), "engineer")
    factories.make_tool_version(member.project)
    make_scripts(member.project, **SCRIPTS)
    return member


@pytest.fixture
def desk(daphne_server: str, bob: Member, context: BrowserContext) -> Iterator[Page]:
    with open_desk(context, daphne_server, bob) as page:
        page.goto(f"{daphne_server}/p/weather/playground/")
        yield page


def choose(desk: Page, model: str, text: str = "What is the weather in Oslo?") -> None:
    desk.get_by_label("Content of message 1").fill(text)
    desk.locator("[data-set=model]").fill(model)


def add_tool(desk: Page) -> None:
    desk.locator("#pg-tool-add").click()
    desk.get_by_label("get_weather").check()
    desk.get_by_role("button", name="Add tool").click()


def column(desk: Page, letter: str = "A") -> Any:
    return desk.locator(f"[data-column={letter}]")


def start(desk: Page) -> None:
    desk.locator("#pg-run").click()
    desk.wait_for_url(re.compile("/playground/runs/"))


def test_a_call_assembles_is_judged_answered_by_hand_and_the_model_goes_on(desk: Page) -> None:
    choose(desk, "careless")
    add_tool(desk)
    start(desk)
    card = column(desk).locator(".call")
    expect(card.get_by_text("Rejected")).to_be_visible()
    expect(card.locator(".ln.hit")).to_contain_text('"temperature": "celsius"')
    expect(card.locator(".ann")).to_contain_text("unexpected_parameter")
    expect(card.locator(".layers li")).to_have_count(6)
    column(desk).get_by_label("Answer for").fill('{"error": "no such field"}')
    column(desk).get_by_role("button", name="Answer with an error").click()
    expect(column(desk).get_by_text("Sorry.")).to_be_visible()
    expect(column(desk).get_by_text("Finished", exact=True)).to_be_visible()
    call = ToolCall.objects.get()
    assert (call.arguments, call.result, call.status) == (
        BAD,
        '{"error": "no such field"}',
        "error",
    )


def test_a_reload_in_mid_stream_loses_nothing_and_doubles_nothing(desk: Page) -> None:
    choose(desk, "slow")
    start(desk)
    for so_far in ("5 6", "20 21"):
        expect(column(desk).locator(".reply")).to_contain_text(so_far)
        desk.reload()
    expect(column(desk).get_by_text("Finished", exact=True)).to_be_visible(timeout=20_000)
    assert column(desk).locator(".reply").inner_text().split() == SAID.split()
    assert Run.objects.count() == 1


def test_a_second_tab_sees_the_same_run_and_answers_it(desk: Page, context: BrowserContext) -> None:
    choose(desk, "careful")
    add_tool(desk)
    start(desk)
    expect(column(desk).get_by_label("Answer for")).to_be_visible()
    other = context.new_page()
    other.goto(desk.url)
    column(other).get_by_role("button", name="Empty").click()
    column(other).get_by_role("button", name="Answer and continue").click()
    for page in (desk, other):
        expect(column(page).get_by_text("It is cold.")).to_be_visible()


def test_columns_and_trials_run_together_and_are_compared(desk: Page) -> None:
    choose(desk, "careless")
    add_tool(desk)
    desk.get_by_role("spinbutton", name="Trials").fill("2")
    desk.get_by_role("button", name="Add column").click()
    column(desk, "B").get_by_label("Change column B").click()
    column(desk, "B").get_by_label("Model").fill("careful")
    desk.keyboard.press("Control+Enter")
    expect(column(desk, "B").locator(".trial")).to_have_count(2)
    expect(column(desk, "B").get_by_text("Against A")).to_be_visible()
    expect(column(desk, "B").locator(".vs")).to_contain_text("Accepted here, rejected in A")
    column(desk, "A").locator(".trial").nth(1).click()
    expect(column(desk, "A").locator(".call")).to_have_count(1)
    assert Run.objects.values("group").distinct().count() == 1
    assert Run.objects.count() == 4
    desk.get_by_role("button", name="Stop", exact=True).click()
    expect(column(desk, "A").get_by_text("Stopped. What arrived is kept.")).to_be_visible()


def test_a_blocked_run_lists_every_reason_and_starts_nothing(desk: Page) -> None:
    desk.locator("[data-set=model]").fill("")
    desk.locator("[data-set=temperature]").fill("hot")
    desk.locator("#pg-run").click(force=True)  # it is marked as disabled, and still explains
    reasons = desk.locator("#pg-reasons li")
    expect(reasons).to_contain_text(
        ["Column A names no model", "Message 1 is empty", "Temperature must be a number"]
    )
    assert not Run.objects.exists()


def test_a_run_is_stopped_and_keeps_what_arrived(desk: Page) -> None:
    choose(desk, "endless")
    start(desk)
    expect(column(desk).locator(".reply")).to_contain_text("word word word")
    desk.get_by_role("button", name="Stop", exact=True).click()
    expect(column(desk).get_by_text("Stopped. What arrived is kept.")).to_be_visible()
    assert "word" in column(desk).locator(".reply").inner_text()


@pytest.mark.parametrize(
    ("model", "words"),
    [("limited", "The provider asks to wait"), ("cut", "The stream was cut before its end")],
)
def test_a_failure_says_what_to_do_and_keeps_what_arrived(
    desk: Page, model: str, words: str
) -> None:
    choose(desk, model)
    add_tool(desk)
    start(desk)
    expect(column(desk).locator(".failure")).to_contain_text(words)
    expect(column(desk).get_by_role("button", name="Run again", exact=True)).to_be_visible()
    if model == "cut":
        expect(column(desk).locator(".reply")).to_contain_text("Half")


def test_the_setup_survives_leaving_the_page(desk: Page) -> None:
    choose(desk, "careful", "Kept for later")
    add_tool(desk)
    desk.locator("[data-set=temperature]").fill("0.3")
    expect(desk.get_by_text("Setup kept")).to_be_visible()
    desk.goto(desk.url.replace("/playground/", "/conversations/"))
    desk.go_back()
    expect(desk.get_by_label("Content of message 1")).to_have_value("Kept for later")
    expect(desk.locator("[data-set=temperature]")).to_have_value("0.3")
    expect(desk.locator("#pg-tools .tn")).to_have_text("get_weather")


def test_messages_are_reordered_by_keys_deleted_and_brought_back(desk: Page) -> None:
    choose(desk, "careful", "first")
    desk.get_by_role("button", name="Message", exact=True).click()
    desk.get_by_label("Content of message 2").fill("second")
    desk.get_by_label("Content of message 2").press("Alt+ArrowUp")
    expect(desk.get_by_label("Content of message 1")).to_have_value("second")
    desk.get_by_label("Delete message 1").click()
    expect(desk.locator("#pg-messages > li")).to_have_count(1)
    desk.get_by_role("button", name="Undo").click()
    expect(desk.get_by_label("Content of message 1")).to_have_value("second")


def test_a_conversation_with_its_tools_is_pasted(desk: Page) -> None:
    calls = [{"id": "c", "type": "function", "function": {"name": "book", "arguments": "{}"}}]
    record = {
        "id": "x",
        "tools": [{"type": "function", "function": {"name": "book", "parameters": {}}}],
        "messages": [
            {"role": "user", "content": "Book it"},
            {"role": "assistant", "content": None, "tool_calls": calls},
            {"role": "tool", "tool_call_id": "c", "content": "done"},
        ],
    }
    desk.get_by_role("button", name="Paste a conversation").click()
    desk.locator("#pg-json .cm-content").fill(json.dumps(record))
    desk.get_by_role("button", name="Replace messages").click()
    expect(desk.locator("#pg-messages > li")).to_have_count(3)
    expect(desk.locator("#pg-tools .tn")).to_have_text("book")
    expect(desk.locator("#pg-tools .ver")).to_have_text("pasted")


def test_an_edited_copy_is_offered_in_place_of_the_version(desk: Page) -> None:
    choose(desk, "careless")
    add_tool(desk)
    desk.locator("#pg-tools summary").click()
    desk.get_by_role("button", name="Edit a copy").click()
    definition = {"name": "get_weather", "parameters": {"type": "object"}}
    desk.locator("#pg-json .cm-content").fill(json.dumps(definition))
    desk.get_by_role("button", name="Use this").click()
    expect(desk.locator("#pg-tools summary .ver")).to_have_text("v1, edited copy")
    start(desk)
    expect(column(desk).get_by_text("Accepted").first).to_be_visible()


def test_the_stored_stream_is_scrubbed_by_keys(desk: Page) -> None:
    choose(desk, "careless")
    add_tool(desk)
    start(desk)
    column(desk).get_by_label("Answer for").fill("{}")
    column(desk).get_by_role("button", name="Answer and continue").click()
    expect(column(desk).get_by_text("Sorry.")).to_be_visible()
    conversation = Conversation.objects.get()
    desk.goto(re.sub("/playground/.*", f"/conversations/{conversation.pk}/turns/1/", desk.url))
    place, buffer = desk.locator("#scrub-at"), desk.locator("#scrub-buffer")
    expect(desk.locator("#scrub-state")).to_have_text("invalid")
    first = int(re.findall(r"\d+", place.inner_text())[0])
    slider = desk.get_by_label("Scrub through the stream")
    slider.press("ArrowLeft")
    expect(place).to_contain_text(f"Fragment {first - 1} of")
    expect(desk.locator("#scrub-state")).to_have_text("still valid")
    slider.press("End")
    expect(buffer).to_have_text(f"get_weather  {BAD}")
    slider.press("Home")
    expect(buffer).to_have_text("get_weather")
    desk.get_by_role("button", name="Raw").click()
    expect(desk.locator(".call .raw")).to_have_text(BAD)


def test_a_turn_is_run_again_and_forked(desk: Page) -> None:
    choose(desk, "slow", "Again")
    start(desk)
    expect(column(desk).get_by_text("Finished", exact=True)).to_be_visible(timeout=20_000)
    turn = re.sub(
        "/playground/.*", f"/conversations/{Conversation.objects.get().pk}/turns/1/", desk.url
    )
    desk.goto(turn)
    desk.get_by_role("link", name="Run again").click()
    desk.wait_for_url(re.compile("/playground/runs/"))
    assert Run.objects.count() == 2
    desk.goto(turn)
    desk.get_by_label("Fork from message 1").click()
    expect(desk.get_by_label("Content of message 1")).to_have_value("Again")
    assert Run.objects.count() == 2


def test_an_expired_sign_in_says_so_and_resumes_after_signing_in(
    desk: Page, context: BrowserContext, bob: Member, daphne_server: str
) -> None:
    choose(desk, "endless")
    start(desk)
    expect(column(desk).locator(".reply")).to_contain_text("word")
    context.clear_cookies(name="misfire_session")
    desk.get_by_role("button", name="Stop", exact=True).wait_for()
    Session.objects.all().delete()
    column(desk).get_by_label("Stop A").click()
    expect(desk.locator("#pg-banner")).to_contain_text("Your sign-in has expired")
    session = factories.client_of(bob).cookies["misfire_session"].value
    context.add_cookies([{"name": "misfire_session", "value": session, "url": daphne_server}])
    desk.get_by_role("button", name="Resume").click()
    expect(desk.locator("#pg-banner")).to_be_hidden()
    column(desk).get_by_label("Stop A").click()
    expect(column(desk).get_by_text("Stopped. What arrived is kept.")).to_be_visible()


def test_at_390_pixels_one_part_is_shown_at_a_time(desk: Page) -> None:
    desk.set_viewport_size({"width": 390, "height": 844})
    choose(desk, "careless")
    add_tool(desk)
    desk.locator("#pg-run").click()
    expect(column(desk).locator(".call")).to_be_visible()
    expect(desk.get_by_label("Content of message 1")).to_be_hidden()
    assert desk.evaluate("document.documentElement.scrollWidth") == 390
    desk.locator("#pg-tabs").get_by_role("button", name="Setup").click()
    expect(desk.get_by_label("Content of message 1")).to_be_visible()

"""Take the screenshots of docs/images: each page, light and dark, of a console of its own.

    .venv/bin/python -m scripts.screenshots

Starts a console in a temporary folder, fills a project with one tool in two versions and a
scripted stream, runs both versions in the playground, and visits each page. Then it plays the
demo, walks through its scenarios (``scenario_shots``), and visits what they leave.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, sync_playwright

from scripts.png import shrink
from scripts.scenario_shots import IMAGES, PROJECT, SIZE, WALKS, Desk

ROOT = Path(__file__).resolve().parent.parent
PORT = 8765
WIDE, PHONE = (1440, 900), (390, 844)
DEMO_PAGES = {
    "overview": "",
    "turns": "turns/",
    "calls": "calls/?q=verdict:rejected",
    "incidents": "incidents/?show=all",
    "incident": "incidents/1/",
    "post-mortem": "incidents/1/post-mortem/",
    "replays": "replays/",
    "replay": "replays/6/",
    "policy": "tools/cancel_subscription/policy/1/",
    "alerts": "alerts/",
    "alert": "alerts/1/",
    "misfires": "analytics/misfires/?range=30d",
    "rejections": "analytics/rejections/?range=30d",
    "cost": "analytics/cost/?range=30d",
    "latency": "analytics/latency/?range=30d",
    "conduct": "analytics/conduct/?range=30d",
    "models": "analytics/models/?range=30d",
    "tool-use": "analytics/tools/?range=30d",
}
"""Pages of the demo's project that say more the more there is to see."""
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
CALL = {
    "calls": [
        {"name": "get_weather", "arguments": '{"city": "Oslo", "temperature": "celsius"}'},
    ],
    "delay_ms": 45,
    "first_ms": 420,
    "fragment": 5,
}
SAY = {"text": "It is −4.5 °C in Oslo right now, with light snow.", "delay_ms": 30, "fragment": 6}
SYSTEM = "You are Acme’s assistant. Use tools for facts; never guess the weather."
USER = "What’s the weather in Oslo right now? In celsius please."
ANSWER = '{"temp": -4.5, "unit": "celsius", "sky": "light snow"}'


def weather(parameter: str) -> dict[str, Any]:
    """The definition of get_weather whose second parameter has this name."""
    unit = {"type": "string", "enum": ["celsius", "fahrenheit"], "description": "Unit to answer in"}
    city = {"type": "string", "description": "City name, such as Oslo"}
    return {
        "name": "get_weather",
        "description": "Get current weather for a city. Use ONLY for present conditions.",
        "parameters": {
            "type": "object",
            "properties": {"city": city, parameter: unit},
            "required": ["city", parameter],
            "additionalProperties": False,
        },
    }


OTHERS = {
    "get_forecast": "Forecast for the coming days in a city, at most seven",
    "search_city": "Find the cities that a text may mean",
    "cancel_subscription": "Cancel the customer's subscription, after a confirmation code",
}


@dataclass(frozen=True)
class World:
    """What was filled in: a session cookie and the ids that addresses need."""

    session: str
    conversation: str = ""
    ids: dict[str, int] = field(default_factory=dict)


@contextmanager
def running_console(folder: Path) -> Iterator[str]:
    """A console in ``folder``; gives its address."""
    environment = {**os.environ, "VAR_DIR": str(folder)}
    command = [sys.executable, "manage.py", "up", "--port", str(PORT), "--no-browser"]
    process = subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    try:
        for line in process.stdout:
            print(line, end="")
            if "Ctrl-C" in line:
                break
        yield f"http://127.0.0.1:{PORT}"
    finally:
        process.terminate()
        process.wait(20)


def fill() -> World:
    """Make the project, its tools and connection; runs inside the console's settings."""
    import django

    django.setup()
    from django.test import Client

    from console.accounts.models import User
    from console.accounts.projects import make_project
    from conversations.models import Connection
    from tools_registry.registry import register
    from tools_registry.specs import ToolSpec

    user = User.objects.create_user("mara@acme.example", name="Mara Lindqvist")
    project = make_project("assistant-prod", user).project
    good, _ = register(project, ToolSpec.from_json(weather("temperature")), user=user)
    note = "Rename the unit"
    bad, _ = register(project, ToolSpec.from_json(weather("temprature")), user=user, note=note)
    city = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
    for name, description in OTHERS.items():
        register(project, ToolSpec(name, description, city), user=user)
    connection = Connection.objects.create(
        project=project,
        name="Recorded streams",
        protocol="scripted",
        model_names=["gpt-4-0125-preview"],
        settings={"scripts": {"gpt-4-0125-preview": [CALL, SAY]}},
    )
    client = Client()
    client.force_login(user)
    ids = {"good": good.pk, "bad": bad.pk, "connection": connection.pk}
    return World(client.cookies["misfire_session"].value, ids=ids)


def setup_of(world: World) -> dict[str, Any]:
    """The playground's setup: the broken version in column A, the sound one in B."""
    good, bad = world.ids["good"], world.ids["bad"]
    return {
        "title": "weather-v2-vs-v1",
        "messages": [{"role": "system", "content": SYSTEM}, {"role": "user", "content": USER}],
        "tools": [{"name": "get_weather", "version": bad, "number": 2}],
        "connection": world.ids["connection"],
        "model": "gpt-4-0125-preview",
        "columns": [
            {"letter": "A"},
            {"letter": "B", "versions": {"get_weather": {"id": good, "number": 1}}},
        ],
    }


def open_page(
    browser: Browser, base: str, world: World, scheme: str, size: tuple[int, int]
) -> Page:
    context = browser.new_context(
        viewport={"width": size[0], "height": size[1]},
        color_scheme="dark" if scheme == "dark" else "light",
    )
    context.add_cookies([{"name": "misfire_session", "value": world.session, "url": base}])
    return context.new_page()


def save(page: Page, name: str, scheme: str) -> None:
    suffix = "" if page.viewport_size and page.viewport_size["width"] > 500 else "-390"
    picture = page.screenshot(animations="disabled")
    (IMAGES / f"{name}-{scheme}{suffix}.png").write_bytes(shrink(picture))


def play(page: Page, base: str, world: World) -> str:
    """Run both columns, answer B by hand; the path of B's conversation."""
    page.goto(f"{base}/p/assistant-prod/playground/")
    token = page.context.cookies()
    csrf = next(cookie["value"] for cookie in token if cookie["name"] == "csrftoken")
    page.request.post(
        f"{base}/p/assistant-prod/playground/setup/",
        data=setup_of(world),
        headers={"X-CSRFToken": csrf, "Referer": base},
    )
    page.goto(f"{base}/p/assistant-prod/playground/")
    page.keyboard.press("Control+Enter")
    page.wait_for_timeout(1050)
    save(page, "playground-streaming", "light")
    page.get_by_text("Waits for you").nth(1).wait_for()
    page.locator(".col textarea").last.fill(ANSWER)
    for scheme in ("dark", "light"):
        page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
        page.wait_for_timeout(300)
        save(page, "playground", scheme)
    page.locator(".col").last.get_by_text("Answer and continue").click()
    page.get_by_text("light snow.").last.wait_for()
    page.locator(".col").first.get_by_role("button", name=re.compile("Stop")).click()
    page.wait_for_timeout(1500)
    return page.url


def visit(browser: Browser, base: str, world: World, run: str) -> None:
    project = f"{base}/p/assistant-prod"
    pages = {
        "tools": f"{project}/tools/",
        "tool": f"{project}/tools/get_weather/v/2/",
        "tool-edit": f"{project}/tools/get_weather/edit/",
        "conversations": f"{project}/conversations/",
        "connections": f"{project}/connections/",
        "members": f"{project}/settings/members/",
        "keys": f"{project}/settings/keys/",
        "docs": f"{base}/docs/findings/",
        "playground-run": run,
    }
    page = open_page(browser, base, world, "light", WIDE)
    page.goto(pages["conversations"])
    rejected = page.locator("main a[href*='/conversations/']").last.get_attribute("href")
    page.context.close()
    pages |= {"conversation": f"{base}{rejected}", "turn": f"{base}{rejected}turns/1/"}
    take_all(browser, base, world, pages)


def take_all(browser: Browser, base: str, world: World, pages: dict[str, str]) -> None:
    """Each of the pages, by its name, light and dark, wide and on a phone."""
    for scheme in ("light", "dark"):
        for size in (WIDE, PHONE):
            page = open_page(browser, base, world, scheme, size)
            for name, address in pages.items():
                response = page.goto(address)
                assert response is not None and response.ok, (address, response)
                page.wait_for_timeout(900)
                save(page, name, scheme)
            page.context.close()


def visit_demo(browser: Browser, base: str, world: World) -> None:
    """Walk through the scenarios, then take the pages that need traffic or what a walk left."""
    for walk in WALKS:
        page = open_page(browser, base, world, "light", SIZE)
        walk(Desk(page, base))
        page.context.close()
    project = f"{base}/p/{PROJECT}"
    page = open_page(browser, base, world, "light", WIDE)
    pages = {name: f"{project}/{path}" for name, path in DEMO_PAGES.items()}
    pages["backtest"] = start_backtest(page, project)
    pages["plan"] = find_first(page, f"{project}/turns/?q=tag:feature:compare tool:get_weather")
    pages["router"] = find_first(page, f"{project}/routers/", "a[href*='/routers/1']")
    pages["suite"] = find_first(page, f"{project}/suites/", "a[href*='/suites/1']")
    page.goto(f"{project}/incidents/1/post-mortem/")
    page.get_by_role("button", name="Begin to write").click()
    page.wait_for_load_state()
    page.context.close()
    take_all(browser, base, world, pages)


def start_backtest(page: Page, project: str) -> str:
    """Judge the calls of get_weather by its policy again; the address of the outcome."""
    page.goto(f"{project}/backtests/new/?tool=get_weather")
    page.get_by_role("button", name=re.compile("^Start")).click()
    page.get_by_text(re.compile("Finished|finished")).first.wait_for()
    return page.url


def find_first(page: Page, address: str, rows: str = "a[href*='/turns/']") -> str:
    """The address that the first row of a list leads to."""
    page.goto(address)
    found = page.locator(f"main {rows}").first
    return str(found.evaluate("link => link.href"))


def main() -> int:
    folder = Path(tempfile.mkdtemp(prefix="misfire-screenshots-"))
    folder.chmod(0o711)
    IMAGES.mkdir(parents=True, exist_ok=True)
    try:
        with running_console(folder) as base:
            os.environ |= {"VAR_DIR": str(folder), "DJANGO_SETTINGS_MODULE": "console.settings"}
            os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"
            world = fill()
            with sync_playwright() as playwright:
                path = shutil.which("chromium-headless-shell") or shutil.which("chromium")
                browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
                page = open_page(browser, base, world, "light", WIDE)
                run = play(page, base, world)
                time.sleep(1)
                visit(browser, base, world, run)
                subprocess.run([sys.executable, "manage.py", "demo"], cwd=ROOT, check=True)
                visit_demo(browser, base, world)
                browser.close()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())

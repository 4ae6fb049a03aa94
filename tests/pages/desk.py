"""A signed-in person's browser, for the tests of pages: it fails on any error that a page logs."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import BrowserContext, ConsoleMessage, Dialog, Page

from console.accounts.models import Member, Project
from conversations.models import Connection
from conversations.providers.scripted import read_script
from tests.factories import client_of


@contextmanager
def open_desk(context: BrowserContext, server: str, member: Member) -> Iterator[Page]:
    """A page of this member's; the test fails if a script broke, was refused or spoke up."""
    session = client_of(member).cookies["misfire_session"].value
    context.add_cookies([{"name": "misfire_session", "value": session, "url": server}])
    context.grant_permissions(["clipboard-read", "clipboard-write"], origin=server)
    with watch_for_problems(context):
        yield context.new_page()


@contextmanager
def watch_for_problems(context: BrowserContext) -> Iterator[None]:
    """Fail at the end if a page of this browser logged an error or opened a dialog."""
    problems: list[str] = []

    def note(message: ConsoleMessage) -> None:
        # The browser reports every 401 by itself; what the page makes of it is tested.
        if message.type == "error" and "status of 401" not in message.text:
            problems.append(message.text)

    def refuse(dialog: Dialog) -> None:
        problems.append(f"a dialog opened: {dialog.message}")
        dialog.dismiss()

    def watch(page: Page) -> None:
        page.on("console", note)
        page.on("dialog", refuse)
        page.on("pageerror", lambda error: problems.append(str(error)))

    context.on("page", watch)
    yield
    assert not problems, problems


def recorded(script: object) -> dict[str, object]:
    """A written script as a recorded stream: its bytes may hold what a JSON column refuses."""
    played = read_script(script)
    chunks = [[at, base64.b64encode(chunk).decode(), "base64"] for at, chunk in played.chunks]
    return {"protocol": played.protocol, "chunks": chunks, "status": played.status}


def make_scripts(project: Project, **scripts: object) -> Connection:
    """A scripted connection; the name of the model chooses the script."""
    return Connection.objects.create(
        project=project,
        name="Scripted",
        protocol="scripted",
        model_names=list(scripts),
        settings={"scripts": scripts},
    )

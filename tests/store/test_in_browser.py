"""Upload and quarantine in a real browser, whose policy forbids what a client would not notice."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import settings
from playwright.sync_api import Page, expect

from conversations.models import Quarantined, Turn
from tests.factories import client_of, make_people
from tests.store.talks import START, talk, turn, user

pytestmark = pytest.mark.browser


def test_a_file_is_uploaded_and_what_is_wrong_with_it_corrected(
    page: Page, daphne_server: str, tmp_path: Path
) -> None:
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    people = make_people()
    cookie = client_of(people.bob).cookies[settings.SESSION_COOKIE_NAME].value
    session = {"name": settings.SESSION_COOKIE_NAME, "value": cookie, "url": daphne_server}
    page.context.add_cookies([session])  # type: ignore[list-item]
    off = turn("off", [user("Hi")], at=START + timedelta(days=9))
    path = tmp_path / "talk.jsonl"
    path.write_text("\n".join(json.dumps(one) for one in [*talk(3), off]))
    page.goto(f"{daphne_server}/p/{people.project.slug}/ingest/")
    page.get_by_label("File", exact=True).set_input_files(path)
    page.get_by_role("button", name="Upload").click()
    expect(page.get_by_text("4 sent: 3 stored")).to_be_visible()
    expect(page.get_by_text("Line 4: clock_skew")).to_be_visible()
    assert Turn.objects.count() == 3
    page.get_by_role("link", name="Quarantine").first.click()
    page.locator("tbody").last.get_by_role("link").first.click()
    editor = page.locator(".cm-content")
    expect(editor).to_be_visible()
    held = Quarantined.objects.get()
    body = json.loads(bytes(held.body)) | {"at": START.isoformat()}
    # Filling it as one would a field makes Chromium write styles, which the policy forbids.
    page.locator("textarea[data-editor]").evaluate(
        "(area, text) => area.editor.setValue(text)", json.dumps(body)
    )
    page.get_by_role("button", name="Send again").click()
    expect(page.get_by_text("It is stored.")).to_be_visible()
    assert Turn.objects.count() == 4
    assert said == []

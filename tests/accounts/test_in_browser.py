"""The way in, in a real browser: its checks of origin and referrer are not those of a client."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from console.accounts.invitations import first_admin_link
from tests.factories import PASSWORD

pytestmark = pytest.mark.browser


def test_one_joins_signs_out_and_signs_in_again(page: Page, daphne_server: str) -> None:
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    link = first_admin_link(daphne_server)
    assert link is not None
    page.goto(link)
    page.get_by_label("Your name").fill("Ada Lovelace")
    page.get_by_label("E-mail").fill("ada@example.com")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_label("Password again").fill(PASSWORD)
    page.get_by_label("Name of the first project").fill("Checkout")
    page.get_by_role("button", name="Create the account").click()
    expect(page).to_have_url(f"{daphne_server}/p/checkout/")
    page.get_by_label("Account of Ada Lovelace").click()
    page.get_by_role("button", name="Sign out").click()
    expect(page).to_have_url(f"{daphne_server}/sign-in/")
    page.goto(f"{daphne_server}/p/checkout/settings/members/")
    page.get_by_label("E-mail").fill("ada@example.com")
    page.get_by_label("Password").fill(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Members").first).to_be_visible()
    assert said == []

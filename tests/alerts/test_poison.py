"""A message that cannot be made fails by itself: the others are sent."""

from __future__ import annotations

import pytest
from pytest_django import Settings

from analytics.alerts import deliveries
from analytics.alerts.notifiers.mail import write
from analytics.alerts.records import AlertChannel
from tests.alerts.making import make_channel


@pytest.mark.django_db
def test_one_that_cannot_be_made_does_not_keep_the_others(settings: Settings) -> None:
    settings.EMAIL_HOST = "mail.example"
    channel = make_channel(kind="email", addresses=["a@example.com"])
    rows = [deliveries.create(channel, {"type": "none of ours", "rule": None}) for _ in range(2)]
    assert deliveries.send_due() == 2
    for row in rows:
        row.refresh_from_db()
        assert (row.status, row.tries) == ("waiting", 1)
        assert (row.status, row.tries) == ("waiting", 1)
        assert "KeyError" in row.attempts[0]["detail"]


def test_a_name_of_several_lines_makes_one_subject() -> None:
    message = {
        "type": "alert", "project": "p", "text": "t", "url": "u", "incident": None,
        "began_at": None, "rule": {"id": 1, "name": "a\nBcc: x", "condition": "", "filter": ""},
    }  # fmt: skip
    mail = write(AlertChannel(addresses=["a@example.com"]), message)
    assert mail.subject == "[p] Alert: a Bcc: x"

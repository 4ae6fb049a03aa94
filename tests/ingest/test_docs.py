from __future__ import annotations

from pathlib import Path
from typing import get_args

from conversations.ingest.notes import NOTES
from conversations.ingest.record import BadCode

DOCS = Path(__file__).resolve().parents[2] / "docs"


def test_every_note_is_explained() -> None:
    text = (DOCS / "ingest.md").read_text()
    assert [code for code in NOTES if f"`{code}`" not in text] == []


def test_every_reason_to_refuse_a_record_is_explained() -> None:
    text = (DOCS / "record.md").read_text() + (DOCS / "ingest.md").read_text()
    assert [code for code in get_args(BadCode) if f"`{code}`" not in text] == []

"""The docs name every field, every value of a short list, and examples that can be read."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from conversations.search.fields import FIELDS, Field
from conversations.search.query import parse

TEXT = (Path(__file__).parents[2] / "docs" / "search.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("field", FIELDS.values(), ids=lambda field: field.name)
def test_every_field_is_in_the_docs(field: Field) -> None:
    row = re.search(rf"^\| `{field.name}` \|(.*)\|(.*)\|$", TEXT, re.MULTILINE)
    assert row is not None
    assert parse(row[2].strip(" `")).terms[0].field == field.name
    for choice in field.choices if len(field.choices) < 12 and field.name != "layer" else ():
        assert choice in row[1] or field.name == "verdict"

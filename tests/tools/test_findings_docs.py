"""Every finding code is explained: its layer, what it means, an example and a cure."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tools_registry.validation.findings import CODES

TEXT = (Path(__file__).resolve().parents[2] / "docs" / "findings.md").read_text(encoding="utf-8")
SECTIONS = dict(re.findall(r"^## (\S+)\n(.*?)(?=^## |\Z)", TEXT, re.M | re.S))


@pytest.mark.parametrize("name", CODES)
def test_a_code_has_its_section(name: str) -> None:
    code, section = CODES[name], SECTIONS[name]
    assert section.strip().startswith(f"{code.layer.capitalize()}, {code.severity}")
    assert "\nExample: " in section
    assert "\nCure: " in section


def test_no_section_is_of_a_code_that_is_gone() -> None:
    assert list(SECTIONS) == list(CODES)

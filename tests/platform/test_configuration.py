"""The page about configuration is complete."""

from __future__ import annotations

import re

from tests.conftest import ROOT

PAGE = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")


def test_every_variable_is_documented() -> None:
    source = (ROOT / "console" / "settings.py").read_text(encoding="utf-8")
    names = set(re.findall(r"env\.(?:text|flag|integer|words)\(\s*\"([A-Z_]+)\"", source))
    assert len(names) > 10
    assert not {name for name in names if f"`{name}`" not in PAGE}


def test_every_check_is_documented() -> None:
    source = (ROOT / "console" / "checks.py").read_text(encoding="utf-8")
    ids = set(re.findall(r"console\.[EW]\d{3}", source))
    assert ids == set(re.findall(r"`(console\.[EW]\d{3})`", PAGE))

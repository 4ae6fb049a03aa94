"""Every template compiles and keeps to the content security policy."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import pytest
from django.conf import settings
from django.template.loader import get_template

from console.shell import FOOT, PAGES
from console.templatetags.shell import LAYER_ICONS, MESSAGE_ICONS, VERDICT_ICONS
from tools_registry.validation.findings import LAYERS

FOLDER = Path(settings.BASE_DIR) / "templates"
STATIC = Path(settings.BASE_DIR) / "static"
TEMPLATES = sorted(path.relative_to(FOLDER).as_posix() for path in FOLDER.rglob("*.html"))
SOURCES = [*FOLDER.rglob("*.html"), *(STATIC / "js").glob("*.js")]


@pytest.mark.parametrize("name", TEMPLATES)
def test_it_compiles(name: str) -> None:
    assert get_template(name).template.name == name


@pytest.mark.parametrize("name", TEMPLATES)
def test_it_has_nothing_that_the_policy_forbids(name: str) -> None:
    text = (FOLDER / name).read_text()
    assert not re.search(r"\sstyle\s*=", text), "a style attribute"
    assert not re.search(r"<style\b", text), "an inline style sheet"
    assert not re.search(r"\son[a-z]+\s*=\s*[\"']", text), "an inline handler"
    assert not re.search(r"(?:href|src|action)=[\"']\s*javascript:", text), "a script address"
    assert not re.search(r"\bhx-on\b|\bhx-vals=[\"']js:", text), "a script in an htmx attribute"
    for attributes, body in re.findall(r"<script\b([^>]*)>(.*?)</script>", text, re.DOTALL):
        if 'type="application/json"' not in attributes:
            assert "src=" in attributes and not body.strip(), "an inline script"


@pytest.mark.parametrize("name", TEMPLATES)
def test_it_leaves_escaping_on(name: str) -> None:
    text = (FOLDER / name).read_text()
    assert not re.search(r"\|\s*safe(?:seq)?\b|autoescape\s+off", text)


def test_scripts_never_make_markup_of_text() -> None:
    for path in (STATIC / "js").glob("*.js"):
        found = re.search(
            r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function",
            path.read_text(),
        )
        assert not found, f"{path.name}: {found and found.group()}"


def test_every_icon_that_is_named_is_in_the_sprite() -> None:
    sprite = set(re.findall(r'<symbol id="([^"]+)"', (STATIC / "icons.svg").read_text()))
    named: dict[str, Path] = {}
    for path in SOURCES:
        text = path.read_text()
        for pattern in (r'{%\s*icon "([\w-]+)"', r'Misfire\.icon\("([\w-]+)"'):
            named.update(dict.fromkeys(re.findall(pattern, text), path))
    assert named
    assert {name: path for name, path in named.items() if name not in sprite} == {}


def test_the_icons_of_pages_layers_and_verdicts_are_in_the_sprite() -> None:
    sprite = (STATIC / "icons.svg").read_text()
    assert set(LAYER_ICONS) == set(LAYERS)
    names = {page.icon for page in (*PAGES, *FOOT)}
    for icons in (LAYER_ICONS, MESSAGE_ICONS, VERDICT_ICONS):
        names |= set(icons.values())
    assert [name for name in names if f'id="{name}"' not in sprite] == []


def test_vendored_files_are_those_of_the_readme() -> None:
    vendor = STATIC / "vendor"
    readme = (vendor / "README.md").read_text()
    rows = re.findall(r"^\| `([^`]+)` .*`([0-9a-f]{64})` \|$", readme, re.MULTILINE)
    assert len(rows) >= 7
    for name, digest in rows:
        assert hashlib.sha256((vendor / name).read_bytes()).hexdigest() == digest, name

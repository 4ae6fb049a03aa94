"""The docs: listed, rendered, searched, and every link in them leads somewhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.test import Client
from django.urls import reverse

from console import docs
from tests import factories
from tools_registry.validation.findings import CODES

PAGES = ["index", *docs.slugs()]
pytestmark = pytest.mark.django_db


@pytest.fixture
def reader() -> Client:
    return factories.client_of(factories.make_member(role="viewer"))


def test_it_lists_every_page(reader: Client) -> None:
    text = reader.get("/docs/").content.decode()
    for doc in docs.all_docs():
        assert f'href="{doc.url}"' in text


def test_it_sends_a_stranger_to_sign_in(client: Client) -> None:
    for url in ("/docs/", "/docs/keys/", "/docs/images/x.png"):
        response = client.get(url)
        assert response.status_code == 302
        assert response["Location"].startswith(reverse("accounts:sign-in"))


@pytest.mark.parametrize("slug", PAGES)
def test_it_opens_with_a_title_and_its_contents(slug: str, reader: Client) -> None:
    doc = docs.find(slug)
    assert doc is not None
    assert doc.rendered.title, f"docs/{slug}.md has no heading of level 1"
    response = reader.get("/docs/" if slug == "index" else doc.url)
    assert response.status_code == 200
    for heading in doc.outline:
        assert f'id="{heading.id}"' in response.content.decode()


@pytest.mark.parametrize("slug", PAGES)
def test_every_link_resolves(slug: str, reader: Client) -> None:
    doc = docs.find(slug)
    assert doc is not None
    for target in re.findall(r'(?:href|src)="([^"]+)"', doc.rendered.html):
        if target.startswith(("https://", "http://", "mailto:", "/p/northwind-demo/")):
            continue  # Where the demo's links lead is held in tests/demo.
        address, _, anchor = target.partition("#")
        assert address == "" or address.startswith("/"), f"docs/{slug}.md links {target}"
        if address and not address.startswith("/docs/"):
            assert reader.get(address).status_code in {200, 302}, f"docs/{slug}.md links {target}"
            continue
        if address.startswith("/docs/images/"):
            image = reader.get(address)
            assert image.status_code == 200, f"docs/{slug}.md shows {target}"
            # Read to its end, which closes the file.
            assert b"".join(image.streaming_content)  # type: ignore[attr-defined]
            continue
        name = address.removeprefix("/docs/").strip("/") or ("index" if address else slug)
        other = docs.find(name)
        assert other is not None, f"docs/{slug}.md links {target}"
        if anchor:
            ids = {heading.id for heading in other.rendered.headings}
            assert anchor in ids, f"docs/{slug}.md links {target}"


def test_an_unknown_page_is_404(reader: Client) -> None:
    assert reader.get("/docs/no-such-page/").status_code == 404
    assert reader.get("/docs/index/").status_code == 404


@pytest.mark.parametrize("name", ["..%2F..%2Fmanage.py", "index.md", "nothing.png", ".."])
def test_an_image_address_reaches_nothing_else(name: str, reader: Client) -> None:
    assert reader.get(f"/docs/images/{name}").status_code == 404


def test_an_image_of_the_docs_is_served(
    reader: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "shot.png").write_bytes(b"\x89PNG")
    (tmp_path / "notes.txt").write_text("no picture")
    monkeypatch.setattr(docs, "IMAGES", tmp_path)
    response = reader.get("/docs/images/shot.png")
    assert response["Content-Type"] == "image/png"
    assert b"".join(response.streaming_content) == b"\x89PNG"  # type: ignore[attr-defined]
    assert reader.get("/docs/images/notes.txt").status_code == 404


def test_search_finds_sections_that_hold_all_words_and_marks_them(reader: Client) -> None:
    text = reader.get("/docs/", {"q": "API key"}).content.decode()
    assert "Send tools from your code" in text
    assert "<mark>" in text


def test_a_word_in_a_heading_weighs_more_than_one_in_the_text() -> None:
    best = docs.search("keys")[0]
    assert "keys" in (best.doc.title + best.heading.text).lower()


def test_search_says_when_nothing_was_found_and_escapes_the_query(reader: Client) -> None:
    text = reader.get("/docs/", {"q": "<script>zzzz"}).content.decode()
    assert "No section has all of these words" in text
    assert "<script>zzzz" not in text
    assert "&lt;script&gt;zzzz" in text


def test_every_finding_code_has_its_place_in_the_docs() -> None:
    page = docs.find("findings")
    assert page is not None
    assert set(CODES) <= {heading.id for heading in page.rendered.headings}


def test_every_page_of_the_docs_that_a_template_links_is_there() -> None:
    linked = {
        (slug, path.name)
        for path in (docs.FOLDER.parent / "templates").rglob("*.html")
        for slug in re.findall(r"url 'console:docs-page' '([^']+)'", path.read_text())
    }
    assert linked
    assert {(slug, name) for slug, name in linked if slug not in PAGES} == set()

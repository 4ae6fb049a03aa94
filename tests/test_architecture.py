"""The tree keeps its shape: one direction of imports, pure modules pure, files small."""

from __future__ import annotations

import ast
import graphlib
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.apps import apps
from django.db.migrations.autodetector import MigrationAutodetector
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.state import ProjectState

ROOT = Path(__file__).resolve().parent.parent
# From left to right; a module imports from its own package and from those to its left.
LINE = [
    "console.lib",
    "console.accounts",
    "tools_registry",
    "conversations",
    "analytics",
    "console",
]
PACKAGES = [ROOT / name for name in ("console", "tools_registry", "conversations", "analytics")]
# Values in, values out: no Django, no database, no network.
PURE = [
    "console.lib.env",
    "console.lib.json",
    "console.lib.uuid7",
    "tools_registry.specs",
    "tools_registry.validation",
    "tools_registry.diff",
    "tools_registry.lint",
    "tools_registry.execution.effects",
    "tools_registry.execution.openings",
    "tools_registry.execution.plan",
    "tools_registry.execution.references",
    "tools_registry.execution.schedule",
    "tools_registry.execution.tryout",
    "conversations.parts",
    "conversations.assembly",
    "conversations.ingest.otlp",
    "conversations.redaction",
    "conversations.replay.plan",
    "conversations.replay.compare",
    "conversations.replay.statistics",
    "conversations.incidents.suspects",
    "analytics.definitions",
    "analytics.facts",
    "analytics.alerts.rules",
    "analytics.alerts.watched",
    "analytics.alerts.preview",
    "analytics.alerts.wording",
    "analytics.alerts.lifecycle",
]
# Started before settings are read, so it must not need Django either.
LIGHT = ["console.embedded", "console.lib.runstate"]
IMPURE = {"django", "channels", "celery", "redis", "psycopg", "httpx2", "openai", "anthropic"}
OURS = ("console", "tools_registry", "conversations", "analytics")


def modules() -> Iterator[tuple[str, Path]]:
    for package in PACKAGES:
        for path in package.rglob("*.py"):
            if "migrations" not in path.parts:
                yield name_of(path), path


def name_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports(name: str, path: Path, *, top_level: bool = False) -> set[str]:
    """The absolute names that a module imports, without those for type checking only."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    nodes = tree.body if top_level else _running_nodes(tree)
    found = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                package = name.split(".") if path.name == "__init__.py" else name.split(".")[:-1]
                package = package[: len(package) - node.level + 1]
                base = ".".join([*package, base]).rstrip(".")
            found |= {base} | {f"{base}.{alias.name}" for alias in node.names}
    return found


def _running_nodes(tree: ast.AST) -> Iterator[ast.AST]:
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            continue
        yield node
        yield from _running_nodes(node)


def station(name: str) -> int | None:
    """The place on the line: the most particular package that holds the module."""
    fitting = [p for p in LINE if name == p or name.startswith(f"{p}.")]
    return LINE.index(max(fitting, key=len)) if fitting else None


ALL = dict(sorted(modules()))


@pytest.mark.parametrize("name", ALL)
def test_it_imports_nothing_to_its_right(name: str) -> None:
    own = station(name)
    assert own is not None
    wrong = {
        target
        for target in imports(name, ALL[name])
        if (place := station(target)) is not None and place > own and target in _known(target)
    }
    assert not wrong, f"{name} stands left of {sorted(wrong)}"


def _known(target: str) -> set[str]:
    """A name counts when it is one of our modules, or something within one."""
    return {target} if target in ALL or target.rpartition(".")[0] in ALL else set()


def test_there_are_no_cycles() -> None:
    graph = {
        name: {
            target
            for target in imports(name, path, top_level=True)
            if target in ALL and target != name and not name.startswith(f"{target}.")
        }
        for name, path in ALL.items()
    }
    graphlib.TopologicalSorter(graph).prepare()


@pytest.mark.parametrize("name", [n for n in ALL if n.startswith(tuple(PURE + LIGHT))])
def test_pure_modules_import_no_framework(name: str) -> None:
    assert not {target.split(".")[0] for target in imports(name, ALL[name])} & IMPURE


def test_files_are_small() -> None:
    source = [*ROOT.glob("tests/**/*.py"), *ALL.values(), *ROOT.glob("static/js/*.js")]
    sizes = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in source}
    assert not {str(path.relative_to(ROOT)): size for path, size in sizes.items() if size > 500}


def test_modules_are_named_by_what_they_are() -> None:
    refused = {"utils", "util", "helpers", "services", "managers", "handlers", "common", "misc"}
    assert not {name for name in ALL if name.rpartition(".")[2] in refused}


def test_every_module_says_what_it_is() -> None:
    silent = {
        name
        for name, path in ALL.items()
        if (text := path.read_text(encoding="utf-8").strip())
        and ast.get_docstring(ast.parse(text)) is None
    }
    assert not silent


def test_templates_hold_no_inline_script_or_style() -> None:
    inline = re.compile(r"<script(?![^>]*\bsrc=)|\sstyle=|\son[a-z]+=\"|\|safe\b|autoescape off")
    data = re.compile(r'<script[^>]*type="application/json"[^>]*>')
    guilty = {
        str(path.relative_to(ROOT))
        for path in ROOT.glob("templates/**/*.html")
        if inline.search(data.sub("", path.read_text(encoding="utf-8")))
    }
    assert not guilty


def test_no_migration_is_missing() -> None:
    """As ``makemigrations --check`` finds it, but without a database."""
    loader = MigrationLoader(None)
    assert not loader.detect_conflicts()
    found = MigrationAutodetector(loader.project_state(), ProjectState.from_apps(apps))
    assert not found.changes(graph=loader.graph)

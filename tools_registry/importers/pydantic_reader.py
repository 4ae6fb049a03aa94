"""Program: the JSON Schema of each Pydantic model in the Python text on standard input.

It imports nothing of ours and runs in a process of its own. Before the text is run, the process
seals itself: the kernel (seccomp, Linux) refuses every call but those that compute and write, so
nothing can be opened, connected to, started or signalled; memory and processor time are limited.
Writes one JSON object: ``{"models": [{name, line, is_part, schema or error}]}``, or
``{"error", "line"}``.
"""

from __future__ import annotations

import ast
import ctypes
import importlib
import json
import linecache
import os
import platform
import resource
import struct
import sys
import types
from typing import Any

import pydantic
import pydantic.networks

_NAME = "models"
_FILE = f"{_NAME}.py"
_MEMORY = 768 * 1024 * 1024
_SECONDS = 3
# What a file of models imports; afterwards nothing can be opened, and so nothing imported.
_MODULES = [
    "__future__",
    "abc",
    "annotated_types",
    "base64",
    "calendar",
    "collections",
    "collections.abc",
    "copy",
    "dataclasses",
    "datetime",
    "decimal",
    "email.utils",
    "enum",
    "fractions",
    "functools",
    "hashlib",
    "inspect",
    "ipaddress",
    "itertools",
    "json",
    "keyword",
    "logging",
    "math",
    "numbers",
    "operator",
    "os",
    "pathlib",
    "pydantic.alias_generators",
    "pydantic.config",
    "pydantic.dataclasses",
    "pydantic.fields",
    "pydantic.functional_serializers",
    "pydantic.functional_validators",
    "pydantic.json_schema",
    "pydantic.networks",
    "pydantic.types",
    "pydantic_core",
    "pydantic_core.core_schema",
    "random",
    "re",
    "string",
    "textwrap",
    "time",
    "typing",
    "typing_extensions",
    "unicodedata",
    "uuid",
    "warnings",
    "zoneinfo",
]
# read, write, close, fstat, lseek, mmap, mprotect, munmap, brk, mremap, madvise, futex, signals,
# clocks, getpid, gettid, getrandom, sched_yield, exit.
_ALLOWED = {
    "x86_64": (
        0xC000003E,
        (0, 1, 3, 5, 8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 28, 35, 39, 60, 96, 131, 186, 202, 228)
        + (230, 231, 318, 334),
    ),
    "aarch64": (
        0xC00000B7,
        (57, 62, 63, 64, 80, 93, 94, 98, 101, 113, 115, 124, 132, 134, 135, 139, 169, 172, 178)
        + (214, 215, 216, 222, 226, 233, 278, 293),
    ),
}
_LOAD, _EQUAL, _RETURN = 0x20, 0x15, 0x06
_ALLOW, _REFUSE, _KILL = 0x7FFF0000, 0x00050001, 0x80000000
_NO_NEW_PRIVILEGES, _SET_FILTER, _FILTER = 38, 22, 2


class CannotSeal(Exception):
    """The system has no way to confine a process that this program knows."""


def main() -> None:
    source = sys.stdin.buffer.read().decode()
    try:
        prepare()
        limit()
        seal()
        answer = read(source)
    except CannotSeal as error:
        answer = {"error": str(error), "line": 0, "sealed": False}
    sys.stdout.write(json.dumps(answer))
    sys.stdout.flush()


def prepare() -> None:
    """Import all that a file may ask for, and have Pydantic import what it needs late."""
    for name in _MODULES:
        importlib.import_module(name)
    for name in pydantic.__all__:
        getattr(pydantic, name, None)
    # An address is only described here, never checked: the package that checks it is not needed.
    pydantic.networks.import_email_validator = lambda: None
    # Sources are looked up by path, which asks for the folder.
    os.getcwd = lambda: "/"
    late: Any = list["str | None"]
    warm = pydantic.create_model("Warm", a=(int, 1), b=(late, ...))
    warm.model_json_schema()
    try:
        warm.model_validate({"a": "x"})
    except pydantic.ValidationError as error:
        str(error)


def limit() -> None:
    for kind, most in (
        (resource.RLIMIT_AS, _MEMORY),
        (resource.RLIMIT_CPU, _SECONDS),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NPROC, 0),
    ):
        resource.setrlimit(kind, (most, most))


def seal() -> None:
    """Have the kernel refuse (EPERM) what is not in ``_ALLOWED``. Raises ``CannotSeal``."""
    machine = platform.machine()
    if sys.platform != "linux" or machine not in _ALLOWED:
        raise CannotSeal(f"on {sys.platform} {machine}")
    architecture, numbers = _ALLOWED[machine]
    rules = [(_LOAD, 0, 0, 4), (_EQUAL, 1, 0, architecture), (_RETURN, 0, 0, _KILL)]
    rules.append((_LOAD, 0, 0, 0))
    for number in numbers:
        rules += [(_EQUAL, 0, 1, number), (_RETURN, 0, 0, _ALLOW)]
    rules.append((_RETURN, 0, 0, _REFUSE))
    code = b"".join(struct.pack("HBBI", *rule) for rule in rules)
    held = ctypes.create_string_buffer(code)
    program = struct.pack("HxxxxxxP", len(rules), ctypes.addressof(held))
    call = ctypes.CDLL(None, use_errno=True).prctl
    zero = ctypes.c_ulong(0)
    if call(_NO_NEW_PRIVILEGES, ctypes.c_ulong(1), zero, zero, zero):
        raise CannotSeal("the kernel refuses to take privileges away")
    if call(_SET_FILTER, ctypes.c_ulong(_FILTER), program, zero, zero):
        raise CannotSeal("the kernel refuses the filter")


def read(source: str) -> dict[str, Any]:
    """Run the text and describe its models; the error and its line where it does not run."""
    lines = source.splitlines(keepends=True)
    linecache.cache[_FILE] = (len(source), None, lines, _FILE)
    module = types.ModuleType(_NAME)
    module.__file__ = _FILE
    sys.modules[_NAME] = module
    output, sys.stdout = sys.stdout, sys.stderr
    try:
        tree = ast.parse(source, _FILE)
        exec(compile(tree, _FILE, "exec"), module.__dict__)
        models = find_models(module)
        places = {
            part.name: part.lineno for part in ast.walk(tree) if isinstance(part, ast.ClassDef)
        }
        return {"models": describe(models, places)}
    except SyntaxError as error:
        return {"error": f"This is not Python: {error.msg}", "line": error.lineno or 1}
    except BaseException as error:
        return {"error": tell(error), "line": find_line(error)}
    finally:
        sys.stdout = output


def find_models(module: types.ModuleType) -> list[type[pydantic.BaseModel]]:
    """The models that the text itself defines, in its order."""
    found = [
        value
        for value in vars(module).values()
        if isinstance(value, type)
        and issubclass(value, pydantic.BaseModel)
        and value.__module__ == _NAME
        and "[" not in value.__name__
    ]
    return list(dict.fromkeys(found))


def describe(
    models: list[type[pydantic.BaseModel]], places: dict[str, int]
) -> list[dict[str, Any]]:
    described = []
    for model in models:
        title = model.model_config.get("title")
        one: dict[str, Any] = {"name": title or model.__name__, "class": model.__name__}
        one["line"] = places.get(model.__name__, 1)
        try:
            one["schema"] = model.model_json_schema()
        except Exception as error:
            one["error"] = tell(error)
        described.append(one)
    for one, model in zip(described, models, strict=True):
        holders = (
            other.get("schema", {}).get("$defs", {}) for other in described if other is not one
        )
        is_base = any(other is not model and issubclass(other, model) for other in models)
        one["is_part"] = is_base or any(one["class"] in held for held in holders)
    return described


def tell(error: BaseException) -> str:
    if isinstance(error, ModuleNotFoundError | PermissionError):
        named = getattr(error, "name", None)
        what = f"{named} cannot be imported here" if named else "The system is not reached here"
        return f"{what}: models are read with Pydantic and plain modules of Python alone"
    if isinstance(error, MemoryError):
        return "Reading the models takes more memory than is allowed"
    said = str(error).split("For further information")[0].strip()[:500]
    return f"{type(error).__name__}: {said}" if said else type(error).__name__


def find_line(error: BaseException) -> int:
    """The line of the text in which the error arose."""
    line, trace = 1, error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == _FILE:
            line = trace.tb_lineno
        trace = trace.tb_next
    return line


if __name__ == "__main__":
    main()

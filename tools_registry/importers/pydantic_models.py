"""Pydantic models of a Python file: its text is run in a sealed process, never in ours."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from pydantic import BaseModel, Field, ValidationError

from tools_registry.importers.documents import Document
from tools_registry.importers.items import CannotRead, Imported
from tools_registry.importers.json_schema import read_schema
from tools_registry.importers.wire import refuse
from tools_registry.relocation import relocate
from tools_registry.validation.pointers import append

LARGEST = 500_000
"""Characters of a file of models."""
_SECONDS = 20.0
_LARGEST_ANSWER = 20_000_000
_READER = Path(__file__).with_name("pydantic_reader.py")
_STEP = 0.2


class _Described(BaseModel):
    """One model as the sealed process tells of it; the text that runs there may tell anything."""

    name: str
    code_name: str = Field(alias="class")
    line: int = 1
    is_part: bool = False
    json_schema: Any = Field(default=None, alias="schema")
    error: str = ""


class _Answer(BaseModel):
    models: list[_Described] | None = None
    error: str = ""
    line: int = 1
    sealed: bool = True


def looks_like_models(text: str) -> bool:
    """Whether a text is Python that speaks of Pydantic's models."""
    return "class " in text and ("BaseModel" in text or "pydantic" in text)


def read(text: str, *, cancelled: Callable[[], bool] = lambda: False) -> Iterator[Imported]:
    """Each model that the text defines as a tool. Raises ``CannotRead``."""
    answer = run(text, cancelled=cancelled)
    if not answer.sealed:
        raise CannotRead(
            "Python files are read where the kernel can seal the process that runs them, which it"
            f" cannot here ({answer.error}). Give the models' JSON Schema instead"
        )
    if answer.models is None:
        raise CannotRead(answer.error, "", answer.line, 1)
    if not answer.models:
        raise CannotRead("It defines no Pydantic model: give classes that extend BaseModel")
    yield from _read_models(answer.models)


def _read_models(models: list[_Described]) -> Iterator[Imported]:
    at_of = {one.code_name: append("", one.code_name) for one in models}
    schemas = {
        one.code_name: relocate(one.json_schema, "#" + at_of[one.code_name]) for one in models
    }
    document = Document(schemas, lambda: {at_of[one.code_name]: (one.line, 1) for one in models})
    taken: set[str] = set()
    for one in models:
        at, schema = at_of[one.code_name], schemas[one.code_name]
        if one.error:
            yield refuse(document, at, one.code_name, one.error)
        else:
            yield read_schema(document, at, schema, one.name, taken, is_part=one.is_part)


def run(text: str, *, cancelled: Callable[[], bool]) -> _Answer:
    """The sealed process's answer. Raises ``CannotRead`` where it has none in time."""
    if len(text) > LARGEST:
        raise CannotRead(f"Shorten the file to {LARGEST:,} characters")
    with (
        tempfile.TemporaryDirectory(prefix="misfire-models-") as folder,
        tempfile.TemporaryFile(dir=folder) as source,
        tempfile.TemporaryFile(dir=folder) as answer,
    ):
        source.write(text.encode(errors="replace"))
        source.seek(0)
        process = subprocess.Popen(
            [sys.executable, "-I", "-B", str(_READER)],
            stdin=source,
            stdout=answer,
            stderr=subprocess.DEVNULL,
            env={"LANG": "C.UTF-8"},
            cwd=folder,
            start_new_session=True,
        )
        try:
            _wait(process, answer.fileno(), cancelled)
        finally:
            end(process)
        answer.seek(0)
        return _load(answer.read(_LARGEST_ANSWER + 1), process.returncode)


def _wait(process: subprocess.Popen[bytes], answer: int, cancelled: Callable[[], bool]) -> None:
    waited = 0.0
    while True:
        try:
            process.wait(_STEP)
            return
        except subprocess.TimeoutExpired:
            waited += _STEP
        if waited >= _SECONDS:
            raise CannotRead(f"Reading the models took longer than {_SECONDS:.0f} s")
        if os.fstat(answer).st_size > _LARGEST_ANSWER:
            raise CannotRead("The models' schemas are too large to be read")
        if cancelled():
            raise CannotRead("It was stopped")


def end(process: subprocess.Popen[bytes]) -> None:
    """End a process and all that it started; what has ended is reaped."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _load(answer: bytes, status: int) -> _Answer:
    try:
        found = _Answer.model_validate_json(answer)
    except ValidationError:
        found = _Answer()
    if found.models is None and not found.error:
        reason = "took too long or too much memory" if status else "wrote something itself"
        raise CannotRead(f"The file could not be read: it {reason}")
    return found

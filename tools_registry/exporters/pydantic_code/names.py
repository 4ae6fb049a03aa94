"""Names of classes and fields that are valid Python and shadow nothing that the code uses."""

from __future__ import annotations

import keyword
import re

from pydantic import BaseModel

IMPORTS = {
    "date": "datetime",
    "datetime": "datetime",
    "time": "datetime",
    "loads": "json",
    "Annotated": "typing",
    "Any": "typing",
    "Literal": "typing",
    "UUID": "uuid",
    "BaseModel": "pydantic",
    "ConfigDict": "pydantic",
    "Field": "pydantic",
    "SkipJsonSchema": "pydantic.json_schema",
    "WithJsonSchema": "pydantic.json_schema",
}
"""What generated code may use, and where it comes from."""
_BUILTINS = frozenset(["str", "int", "float", "bool", "list", "dict", "None"])
_USED = IMPORTS.keys() | _BUILTINS | {"annotations"}
_OF_MODELS = frozenset(dir(BaseModel))


def class_name(text: str, taken: set[str]) -> str:
    """A class name made of ``text``, not in ``taken``, which then holds it."""
    words = re.findall(r"[A-Za-z0-9]+", text)
    name = "".join(word[0].upper() + word[1:] for word in words) or "Model"
    if name[0].isdigit():
        name = f"Model{name}"
    free, number = name, 2
    while free in taken or free in _USED or keyword.iskeyword(free):
        free, number = f"{name}{number}", number + 1
    taken.add(free)
    return free


def field_name(text: str, taken: set[str], classes: set[str]) -> str:
    """A field's name: ``text`` itself where Python and Pydantic take it."""
    name = re.sub(r"\W+", "_", text, flags=re.ASCII).strip("_") or "field"
    if name[0].isdigit():
        name = f"field_{name}"
    free = name if name == text and _is_free(name, classes) else f"{name}_"
    while free in taken or not _is_free(free, classes):
        free += "_"
    taken.add(free)
    return free


def _is_free(name: str, classes: set[str]) -> bool:
    return not (
        keyword.iskeyword(name)
        or name in _USED
        or name in _OF_MODELS
        or name in classes
        or name.startswith(("model_", "_"))
    )

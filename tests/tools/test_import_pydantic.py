"""Python files of models: read in a process that can do nothing else."""

from __future__ import annotations

import os

import pytest

from tools_registry.importers import CannotRead
from tools_registry.importers.pydantic_models import looks_like_models, read

MODELS = '''
from __future__ import annotations
from datetime import date
from enum import Enum
from typing import Literal
from pydantic import BaseModel, ConfigDict, EmailStr, Field

class Cabin(Enum):
    economy = "economy"
    business = "business"

class Passenger(BaseModel):
    name: str
    email: EmailStr

class BookFlight(BaseModel):
    """Books a flight."""
    model_config = ConfigDict(title="book_flight", extra="forbid", use_attribute_docstrings=True)
    day: date
    "The day of departure"
    cabin: Cabin = Cabin.economy
    who: list[Passenger] = Field(min_length=1)

class Category(BaseModel):
    name: str
    inner: list[Category] = []
'''


def test_each_model_is_a_tool_and_what_another_holds_is_told() -> None:
    passenger, flight, category = read(MODELS)
    assert flight.spec is not None and flight.spec.parameters is not None
    assert (flight.spec.name, flight.spec.description) == ("book_flight", "Books a flight.")
    properties = flight.spec.parameters["properties"]
    assert properties["day"]["description"] == "The day of departure"
    assert properties["cabin"] == {"$ref": "#/$defs/Cabin", "default": "economy"}
    assert flight.spec.parameters["$defs"]["Passenger"]["required"] == ["name", "email"]
    assert flight.spec.parameters["additionalProperties"] is False
    assert (passenger.is_part, flight.is_part) == (True, False)
    assert MODELS.split("\n")[flight.line - 1].startswith("class BookFlight")
    assert category.spec is not None
    assert category.spec.parameters == {
        "$defs": {
            "Category": {
                "properties": {
                    "name": {"title": "Name", "type": "string"},
                    "inner": {
                        "default": [],
                        "items": {"$ref": "#/$defs/Category"},
                        "title": "Inner",
                        "type": "array",
                    },
                },
                "required": ["name"],
                "title": "Category",
                "type": "object",
            }
        },
        "$ref": "#/$defs/Category",
    }


@pytest.mark.parametrize(
    ("text", "said", "line"),
    [
        ("class A(", "not Python", 1),
        ("x = 1\nimport requests", "requests cannot be imported here", 2),
        ("x = 1\n\nraise ValueError('no')", "ValueError: no", 3),
        ("print('nothing')", "no Pydantic model", 0),
        ("x = 'a' * 10**10", "more memory than is allowed", 1),
    ],
)
def test_a_file_that_does_not_run_says_why_and_where(text: str, said: str, line: int) -> None:
    with pytest.raises(CannotRead, match=said) as raised:
        list(read(text))
    assert raised.value.line == line


@pytest.mark.parametrize(
    "attempt",
    [
        "open('/etc/passwd').read()",
        "os.listdir('/proc')",
        "open('written', 'w')",
        "os.fork()",
        "os.kill(os.getppid(), 9)",
        "os.execv('/bin/true', ['true'])",
        "os.open('/proc/self/environ', 0)",
        "__import__('_socket').socket()",
    ],
)
def test_the_file_reaches_nothing_of_the_system(attempt: str) -> None:
    with pytest.raises(CannotRead, match=r"not reached here|cannot be imported here"):
        list(read(f"import os\n{attempt}\n"))


def test_the_file_finds_nothing_of_ours_in_its_environment() -> None:
    assert "SECRET_KEY" in os.environ
    with pytest.raises(CannotRead) as raised:
        list(read("import os\nraise ValueError(str(dict(os.environ)))"))
    assert str(raised.value) == "ValueError: {'LANG': 'C.UTF-8'}"


def test_a_file_that_goes_on_for_ever_is_ended() -> None:
    with pytest.raises(CannotRead, match="took too long"):
        list(read("while True: pass"))


def test_a_file_that_waits_is_ended_when_somebody_stops_it() -> None:
    with pytest.raises(CannotRead, match="It was stopped"):
        list(read("import time\ntime.sleep(60)", cancelled=lambda: True))


@pytest.mark.parametrize(
    "answer",
    [b"{}", b'{"models": 3}', b'{"models": [{"name": 1}]}', b"[" * 10, b"\xff"],
)
def test_an_answer_that_the_file_wrote_itself_is_not_believed(answer: bytes) -> None:
    with pytest.raises(CannotRead, match="wrote something itself"):
        list(read(f"import os\nos.write(1, {answer!r})\nos._exit(0)"))


def test_models_without_a_schema_of_an_object_are_refused_alone() -> None:
    text = (
        "from pydantic import BaseModel, RootModel\n"
        "class Lost(BaseModel):\n    x: 'Nowhere'\n"
        "class Number(RootModel[int]): pass\n"
        "class Fine(BaseModel):\n    x: int\n"
    )
    lost, number, fine = read(text)
    assert "not fully defined" in lost.problem and lost.line == 2
    assert "Arguments are an object" in number.problem
    assert fine.spec is not None


def test_python_is_told_from_json_by_what_it_speaks_of() -> None:
    assert looks_like_models(MODELS)
    assert not looks_like_models('{"class ": "BaseModels"}'.replace("BaseModels", "x"))

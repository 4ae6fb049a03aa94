"""Words of names and texts, and those that are probably misspelled."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from tools_registry.lint.parts import parameters, walk
from tools_registry.lint.problems import Dictionary, Fix, Problem, problem
from tools_registry.specs import ToolSpec
from tools_registry.validation.near import near
from tools_registry.validation.pointers import append

_WORD = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+")
_TEXT_WORD = re.compile(r"(?<![\w./@\\-])[A-Za-z]{4,}(?![\w/@\\]|\.\w|-\w)")
_NOT_TEXT = re.compile(r"`[^`]*`|https?://\S+|\S+@\S+|'[^' ]*'|\"[^\" ]*\"")


def split(name: str) -> list[str]:
    """The words of a name in camelCase, snake_case, kebab-case or with dots, as written."""
    return _WORD.findall(name)


def read_words(text: str) -> list[str]:
    """The words of a list that somebody wrote, in lower case: one or more a line, names split as
    above, what follows a # left out; of three letters or more, as shorter ones are never looked up.
    """
    lines = (line.partition("#")[0] for line in text.splitlines())
    found = (word.casefold() for line in lines for word in split(line) if 3 <= len(word) <= 60)
    return list(dict.fromkeys(found))


def name_words(spec: ToolSpec) -> set[str]:
    """All words of the tool's name and those of its parameters that can be looked up."""
    names = [spec.name, *(part.name or "" for part in parameters(spec))]
    return {word for name in names for word in _checkable(name)}


def text_words(spec: ToolSpec) -> set[str]:
    return {word for _, text in _texts(spec) for word in _words_of(text)}


def _checkable(name: str) -> list[str]:
    """Short words in capitals are abbreviations (``YOY``)."""
    return [word for word in split(name) if len(word) > 3 or (len(word) == 3 and word.islower())]


def check_spelling(
    spec: ToolSpec, previous: ToolSpec | None, dictionary: Dictionary
) -> Iterator[Problem]:
    """Names and texts that are probably misspelled.

    A name that is new beside the earlier version's near one weighs double: it is a misspelling
    also where the dictionary does not know it, unless it is the older one that is wrong.
    """
    older_words = name_words(previous) if previous else set()
    known = dictionary.correct(name_words(spec) | text_words(spec) | older_words)
    yield from _check_tool(spec, previous, known, dictionary)
    before = {part.pointer: part.name for part in parameters(previous)} if previous else {}
    for part in parameters(spec):
        assert part.name is not None
        older = _older_name(part.name, part.pointer, before, spec)
        if older and dictionary.has_all(_new_words(part.name, older)):
            older = None
        yield from _check_parameter(part.name, part.pointer, older, spec, known)
    for pointer, text in _texts(spec):
        yield from _check_text(pointer, text, known)


def _check_tool(
    spec: ToolSpec,
    previous: ToolSpec | None,
    known: Mapping[str, tuple[str, ...]],
    dictionary: Dictionary,
) -> Iterator[Problem]:
    words = _corrected(spec.name, known)
    older = previous.name if previous else None
    is_near = older is not None and older != spec.name and near(spec.name, [older]) == older
    if is_near and (_is_only_style(spec.name, older or "") or _corrected(older or "", known)):
        is_near = False
    if is_near and dictionary.has_all(_new_words(spec.name, older or "")):
        is_near = False
    if not words and not is_near:
        return
    meant = older if is_near else _replace(spec.name, words)
    message = _tell(spec.name, meant or "", words, "the earlier name" if is_near else "")
    fix = Fix("/name", meant, f"Rename to {meant}") if _is_certain(words, is_near) else None
    told = words or _new_words(spec.name, older or "")
    yield problem("tool_misspelled", "/name", message, fix=fix, words=told)


def _check_parameter(
    name: str,
    pointer: str,
    older: str | None,
    spec: ToolSpec,
    known: Mapping[str, tuple[str, ...]],
) -> Iterator[Problem]:
    words = _corrected(name, known)
    if older and _corrected(older, known):
        older = None
    if not words and older is None:
        return
    meant = older or _replace(name, words)
    message = _tell(name, meant, words, "the earlier version's name" if older else "")
    is_taken = append(pointer.rpartition("/")[0], meant) in {p.pointer for p in parameters(spec)}
    certain = _is_certain(words, older is not None) and not is_taken
    fix = Fix(pointer, meant, f"Rename to {meant}", is_key=True) if certain else None
    told = words or _new_words(name, older or "")
    yield problem("param_misspelled", pointer, message, fix=fix, words=told)


def _new_words(name: str, older: str) -> list[str]:
    """The words of a name that an older one lacks."""
    before = set(map(str.casefold, split(older)))
    return [word for word in split(name) if word.casefold() not in before]


def _older_name(
    name: str, pointer: str, before: Mapping[str, str | None], spec: ToolSpec
) -> str | None:
    """The name that went from this very object and that this one is a slip of."""
    if not before or pointer in before:
        return None
    now = {part.pointer for part in parameters(spec)}
    around = pointer.rpartition("/")[0]
    gone = [
        older
        for place, older in before.items()
        if older and place.rpartition("/")[0] == around and place not in now
    ]
    found = near(name, gone)
    return None if found is None or _is_only_style(name, found) else found


def _is_only_style(one: str, two: str) -> bool:
    """``cityName`` and ``city_name`` are the same words."""
    return sorted(map(str.casefold, split(one))) == sorted(map(str.casefold, split(two)))


def _corrected(name: str, known: Mapping[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
    return {word: known[word] for word in _checkable(name) if word in known}


def _replace(name: str, words: Mapping[str, tuple[str, ...]]) -> str:
    for word, meant in words.items():
        if meant:
            name = name.replace(word, as_cased(meant[0], word), 1)
    return name


def as_cased(text: str, like: str) -> str:
    if like.isupper():
        return text.upper()
    return text[:1].upper() + text[1:] if like[:1].isupper() else text


def _is_certain(words: Mapping[str, tuple[str, ...]], is_older: bool) -> bool:
    return is_older or all(len(meant) == 1 for meant in words.values())


def _tell(name: str, meant: str, words: Mapping[str, tuple[str, ...]], older: str) -> str:
    if older:
        also = ", and it is in the list of misspellings" if words else ""
        return f"“{name}” is close to “{meant}”, {older}{also}"
    word, options = next(iter(words.items()))
    if not options:
        return f"“{name}” has the word “{word}”, which is not allowed"
    shown = " or ".join(f"“{as_cased(option, word)}”" for option in options[:3])
    inside = f"“{word}” in “{name}”" if word != name else f"“{name}”"
    return f"{inside} is probably {shown}"


def _texts(spec: ToolSpec) -> Iterator[tuple[str, str]]:
    if spec.description:
        yield "/description", spec.description
    for part in walk(spec.parameters, "/parameters"):
        text = part.schema.get("description")
        if isinstance(text, str):
            yield append(part.pointer, "description"), text


def _words_of(text: str) -> Iterator[str]:
    """Words that can be looked up: capitals within a sentence are names of somebody's own."""
    plain = _NOT_TEXT.sub(" ", text)
    for match in _TEXT_WORD.finditer(plain):
        before = plain[: match.start()].rstrip()
        if match[0].islower() or not before or before[-1] in ".!?:":
            yield match[0]


def _check_text(pointer: str, text: str, known: Mapping[str, tuple[str, ...]]) -> Iterator[Problem]:
    found = dict.fromkeys(word for word in _words_of(text) if word in known)
    wrong = {word: known[word] for word in found if known[word]}
    if not wrong:
        return
    shown = ", ".join(f"“{word}” (“{options[0]}”)" for word, options in list(wrong.items())[:5])
    right = text
    for word, options in wrong.items():
        right = re.sub(rf"\b{word}\b", as_cased(options[0], word), right)
    certain = all(len(options) == 1 for options in wrong.values())
    fix = Fix(pointer, right, "Correct the spelling") if certain else None
    message = f"Probably misspelled: {shown}"
    yield problem("text_misspelled", pointer, message, fix=fix, words=wrong)

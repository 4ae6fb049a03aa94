"""Asking a connection's model which groups fit an input; each question is asked once."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from django.core.cache import cache

from console.accounts.models import Project
from console.lib import http, json
from conversations.assembly import Assembler
from conversations.connections import endpoint_of, find_open
from conversations.models import Connection
from conversations.providers import Ask, Provider, ProviderFault, load
from conversations.routers.cases import read_cases
from tools_registry.models import ClassifierAnswer, RouterVersion
from tools_registry.routing.choosing import Classify
from tools_registry.routing.classifier import ask, question_hash, read_scores
from tools_registry.routing.spec import Classifier, Group, RouterSpec

AT_ONCE = 8
_LONGEST_ANSWER = 300


def known_scores(project: Project, spec: RouterSpec, texts: Iterable[str]) -> Classify:
    """A classifier that knows what was asked before; an input that was not has no scores."""
    classifier = spec.classifier
    if classifier is None:
        return lambda *_: {}
    by_hash = {question_hash(classifier, spec.groups, text): text for text in texts}
    rows = ClassifierAnswer.objects.filter(project=project, question__in=by_hash)
    scores = {by_hash[row.question]: row.read() for row in rows}
    return lambda classifier, groups, text: scores.get(text, {})


def unknown_inputs(project: Project, spec: RouterSpec, texts: Iterable[str]) -> list[str]:
    """The inputs of which the router's classifier was not asked yet, each once."""
    if spec.classifier is None:
        return []
    by_hash = {question_hash(spec.classifier, spec.groups, text): text for text in texts}
    asked = ClassifierAnswer.objects.filter(project=project, question__in=by_hash)
    for question in asked.exclude(scores="").values_list("question", flat=True):
        del by_hash[question]
    return list(by_hash.values())


def classify_inputs(
    project: Project, spec: RouterSpec, texts: Sequence[str], goes_on: Callable[[], bool]
) -> None:
    """Ask of each input, a few at once, and keep the answers as they come.

    A failure is kept with its reason, and asked again the next time. ``goes_on`` is asked
    before each input. Raises ``ProviderFault`` where the connection cannot be used at all.
    """
    if spec.classifier is None:
        return
    connection = _find_connection(project, spec.classifier)
    waiting = list(texts)
    while waiting and goes_on():
        batch, waiting = waiting[:AT_ONCE], waiting[AT_ONCE:]
        answers = asyncio.run(_ask_all(connection, spec.classifier, spec.groups, batch))
        for text, (scores, error) in zip(batch, answers, strict=True):
            ClassifierAnswer.objects.update_or_create(
                project=project,
                question=question_hash(spec.classifier, spec.groups, text),
                defaults={"scores": json.dump(scores) if scores else "", "error": error[:300]},
            )


def _find_connection(project: Project, classifier: Classifier) -> Connection:
    for connection in find_open(project):
        if connection.name == classifier.connection:
            return connection
    raise ProviderFault("not_found", f"The project has no open connection {classifier.connection}.")


async def _ask_all(
    connection: Connection, classifier: Classifier, groups: Sequence[Group], texts: Sequence[str]
) -> list[tuple[Mapping[str, float], str]]:
    async with http.client() as client:
        provider = load(connection.protocol)(endpoint_of(connection), client)
        model = classifier.model or next(iter(connection.model_names), "")
        return await asyncio.gather(
            *(_ask_one(provider, model, classifier, groups, text) for text in texts)
        )


async def _ask_one(
    provider: Provider, model: str, classifier: Classifier, groups: Sequence[Group], text: str
) -> tuple[Mapping[str, float], str]:
    """The scores, or why there are none."""
    limits = {"temperature": 0, "max_tokens": _LONGEST_ANSWER}
    exchange = provider.ask(Ask(model, ask(classifier, groups, text), parameters=limits))
    assembler = Assembler(exchange.wire)
    try:
        async with exchange:
            async for chunk, _ in exchange:
                assembler.feed(chunk)
        assembler.finish()
        if assembler.answer.error is not None:
            return {}, assembler.answer.error.message
        return read_scores(assembler.answer.first.text, groups), ""
    except ProviderFault as fault:
        return {}, fault.detail
    except ValueError as error:
        return {}, str(error)


# ---- the inputs of a version, asked in the background

_ALIVE = 60
"""Seconds after which work that was not heard of counts as over."""


def progress_key(version: RouterVersion) -> str:
    return f"classify:{version.pk}"


def read_progress(version: RouterVersion) -> Mapping[str, Any] | None:
    """``{done, whole, error}`` while inputs are being classified or when that failed; else None."""
    found: Mapping[str, Any] | None = cache.get(progress_key(version))
    return found


def classify_recorded(version: RouterVersion, last: int, *, trusting: bool, seconds: float) -> int:
    """Ask the version's classifier, for about ``seconds``, of recorded inputs that it was not
    asked of; how many are left to be asked.

    It stops when the progress is taken away, which is how a person cancels it.
    """
    project, spec, key = version.project, version.spec, progress_key(version)
    cases = read_cases(project, last, trusting=trusting)
    texts = unknown_inputs(project, spec, [case.text for case in cases.cases])
    over = time.monotonic() + seconds
    left = len(texts)

    def goes_on() -> bool:
        nonlocal left
        if cache.get(key) is None:
            left = 0
        if not left or time.monotonic() > over:
            return False
        progress = {"done": len(texts) - left, "whole": len(texts), "error": ""}
        cache.set(key, progress, _ALIVE)
        left -= min(AT_ONCE, left)
        return True

    try:
        classify_inputs(project, spec, texts, goes_on)
    except ProviderFault as fault:
        cache.set(key, {"done": 0, "whole": len(texts), "error": fault.detail}, _ALIVE)
        return 0
    if not left:
        cache.delete(key)
    return left

"""Celery tasks of the tools' registry: each calls one function."""

from __future__ import annotations

from celery import shared_task

from tools_registry.imports import reading, saving
from tools_registry.imports.models import drop_expired


@shared_task(name="tools_registry.prepare_import")
def prepare_import(pk: str) -> str:
    """Read an import's source and plan its items; the state in which it is then."""
    return reading.prepare(pk)


@shared_task(name="tools_registry.save_import")
def save_import(pk: str) -> str:
    """Save what somebody ticked in an import's review; the state in which it is then."""
    return saving.save_all(pk)


@shared_task(name="tools_registry.drop_imports")
def drop_imports() -> int:
    """Delete imports that nobody saved in time; how many."""
    return drop_expired()

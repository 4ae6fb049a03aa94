"""The turns' inverted index for querysets: the planner finds it by its whole expression."""

from __future__ import annotations

from collections.abc import Iterable

from django.db.models import BooleanField, F, Func, TextField, Value

from conversations.search.lexemes import lexeme_of

_PLAIN = (
    "project_id", "id", "model", "provider", "source", "verdict", "status", "codes", "tags",
    "user", "environment", "latency_ms", "cost",
)  # fmt: skip


def turns_having(project: int, field: str, values: Iterable[str]) -> Func:
    """The condition that turns have one of these values, by the index: beginnings of 200
    characters are compared, so the column itself must be asked as well."""
    is_stream = Func(F("first_token_ms"), template="(%(expressions)s IS NOT NULL)")
    has_error = Func(F("error"), template="(%(expressions)s <> '')")
    terms = Func(
        *(F(name) for name in _PLAIN),
        is_stream,
        has_error,
        F("messages"),
        F("response"),
        function="conversations_turn_terms",
        output_field=TextField(),
    )
    wanted = " | ".join(lexeme_of(project, field, value) for value in values)
    return Func(
        terms,
        Value(wanted),
        template="(%(expressions)s::tsquery)",
        arg_joiner=" @@ ",
        output_field=BooleanField(),
    )

"""Exports taken in, and what of ours they are held against."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta

from django.db import connection

from analytics.filters import OF_TURNS, Filter, read_filter
from analytics.spans import DAY
from analytics.usage_exports.lines import BadExport, Line, total
from analytics.usage_exports.reading import read_export
from analytics.usage_exports.records import UsageExport
from console.accounts.models import Project, User
from console.lib import json
from console.lib.fields import from_stored

BESIDE = ("anthropic", "aws", "bedrock", "aws.bedrock")
"""Providers whose counts have cached input beside the rest (``conversations.token_rules``)."""

_BESIDE = """CASE WHEN lower(provider) = ANY(%s) OR connection_id IN (
    SELECT id FROM conversations_connection WHERE project_id = %s AND protocol = 'anthropic')
  THEN cached_input_tokens + cache_write_tokens ELSE 0 END"""


def keep_export(project: Project, name: str, text: bytes, query: str, user: User) -> UsageExport:
    """Read an export and keep its days and models; without a filter it is held against the turns of
    its provider, where there are any. Raises BadExport, which says what to do."""
    try:
        decoded = text.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise BadExport("The file is not UTF-8 text. Save it as CSV in UTF-8.") from None
    form, lines = read_export(decoded.replace("\0", ""))
    export = UsageExport(
        project=project,
        name=name.replace("\0", "")[:120] or form.label,
        form=form.name,
        query=query,
        lines=json.dump([line.to_json() for line in lines]),
        first=lines[0].day,
        last=lines[-1].day,
        uploaded_by=user,
    )
    if not query and form.provider:
        own = read_filter(project, f"provider:{form.provider}")
        export.query = own.query.text if read_ours(project, own, export) else ""
    export.save()
    return export


def read_ours(project: Project, kept: Filter, export: UsageExport) -> list[Line]:
    """Our turns of the export's days by day and model, from the rollups: dollars of model calls,
    and all input tokens, cached ones too."""
    where, values = kept.where(OF_TURNS)
    since = datetime.combine(export.first, time(), UTC)
    until = datetime.combine(export.last, time(), UTC) + timedelta(days=1)
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT start, model, sum(cost), sum(input_tokens + {_BESIDE}), sum(output_tokens),"
            " sum(turns) FROM analytics_turncount"
            f" WHERE project_id = %s AND grain = %s AND start >= %s AND start < %s{where}"
            " GROUP BY start, model",
            [list(BESIDE), project.pk, project.pk, DAY, since, until, *values],
        )
        return total(
            Line(start.date(), from_stored(model), cost, int(inputs), int(outputs), int(turns))
            for start, model, cost, inputs, outputs, turns in cursor.fetchall()
        )

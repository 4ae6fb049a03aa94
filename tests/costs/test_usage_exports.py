"""Providers' exports are read as they are, and held against what was recorded."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from analytics.usage_exports.comparison import compare, normalise
from analytics.usage_exports.lines import BadExport, Line
from analytics.usage_exports.reading import read_export
from analytics.usage_exports.records import UsageExport
from tests.costs.world import add_turn, compute
from tests.factories import client_of, make_conversation, make_people

DAY = date(2026, 3, 1)
OPENAI_USAGE = """start_time,end_time,start_time_iso,end_time_iso,project_id,num_model_requests,\
user_id,api_key_id,model,batch,service_tier,input_tokens,output_tokens,input_cached_tokens
1772323200,1772323260,2026-03-01T00:00:00+00:00,2026-03-01T00:01:00+00:00,,2,,,gpt-4o-2024-08-06,,,1500,200,500
1772323260,1772323320,2026-03-01T00:01:00+00:00,2026-03-01T00:02:00+00:00,,1,,,gpt-4o-2024-08-06,,,500,100,0
1772409600,1772496000,2026-03-02T00:00:00+00:00,2026-03-03T00:00:00+00:00,,,,,,,,,,
"""
_FIRST = "1772323200,1772409600,2026-03-01T00:00:00+00:00,2026-03-02T00:00:00+00:00"
OPENAI_COST = f"""start_time,end_time,start_time_iso,end_time_iso,amount_value,amount_currency,\
line_item
{_FIRST},0.0038359800,usd,"gpt-4o-2024-08-06, input"
{_FIRST},0.5,usd,"gpt-4o-2024-08-06, output"
1772409600,1772496000,2026-03-02T00:00:00+00:00,2026-03-03T00:00:00+00:00,,,
"""
ANTHROPIC_USAGE = """usage_date_utc,model_version,api_key,workspace,usage_type,context_window,\
usage_input_tokens_no_cache,usage_input_tokens_cache_write_5m,usage_input_tokens_cache_write_1h,\
usage_input_tokens_cache_read,usage_output_tokens,web_search_count,inference_geo,speed
2026-03-01,claude-sonnet-4-20250514,key,"A, B",standard,≤ 200k,100000,10,20,300,5000,10,global,
"""
ANTHROPIC_COST = """usage_date_utc,model,workspace,api_key,usage_type,context_window,\
token_type,cost_usd
2026-03-01,Claude Haiku 4.5,Default,key,message,≤ 200k,input_no_cache,0.05
2026-03-01,Claude Haiku 4.5,Default,key,message,≤ 200k,output,0.02
2026-03-01,Claude 3.5 Sonnet,Default,key,message,≤ 200k,output,1
2026-03-01,Claude Sonnet 3.5,Default,key,message,≤ 200k,output,0.5
2026-03-01,Claude Opus 3,Default,key,message,≤ 200k,output,2
2026-03-01,Claude Opus 4,Default,key,message,≤ 200k,output,3
"""
PLAIN = "day,model,cost\n2026-03-01,mistral-large,1.25\n2026-03-01,mistral-large,$0.25\n"


@pytest.mark.parametrize(
    ("text", "form", "lines"),
    [
        (OPENAI_USAGE, "openai_usage", [Line(DAY, "gpt-4o-2024-08-06", None, 2000, 300, 3)]),
        (OPENAI_COST, "openai_cost", [Line(DAY, "gpt-4o-2024-08-06", Decimal("0.50383598"))]),
        (
            ANTHROPIC_USAGE,
            "anthropic_usage",
            [Line(DAY, "claude-sonnet-4-20250514", None, 100_330, 5000)],
        ),
        (
            ANTHROPIC_COST,
            "anthropic_cost",
            [
                Line(DAY, "claude-3-5-sonnet", Decimal("1.5")),
                Line(DAY, "claude-3-opus", Decimal(2)),
                Line(DAY, "claude-haiku-4-5", Decimal("0.07")),
                Line(DAY, "claude-opus-4", Decimal(3)),
            ],
        ),
        (PLAIN, "plain", [Line(DAY, "mistral-large", Decimal("1.50"))]),
        (
            "\ufeffDay\tModel\tInput_tokens\n2026-03-01\tx\t5\n",
            "plain",
            [Line(DAY, "x", None, 5)],
        ),
    ],
)
def test_it_reads_each_form(text: str, form: str, lines: list[Line]) -> None:
    found, read = read_export(text)
    assert (found.name, read) == (form, lines)
    assert [Line.from_json(line.to_json()) for line in read] == read


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "empty"),
        ("a,b\n1,2\n", "of no export that Misfire knows"),
        ("day,model,cost\n", "no usage"),
        ("day,model,cost\nyesterday,x,1\n", "Line 2: “yesterday” is no day"),
        ("day,model,cost\n2026-03-01,x,much\n", "no amount"),
        ("day,model,cost\n2026-03-01,x,nan\n", "no amount"),
        ("day,model,requests\n2026-03-01,x,few\n", "no count"),
        (OPENAI_COST.replace("usd", "EUR"), "Line 2: an amount in eur. Export costs in US dollars"),
        ("day,model\n2026-03-01,x\n", "neither a cost nor a count"),
    ],
)
def test_it_says_what_is_wrong_with_a_file(text: str, told: str) -> None:
    with pytest.raises(BadExport, match=told):
        read_export(text)


@pytest.mark.parametrize(
    ("model", "name"),
    [
        ("gpt-4o-2024-08-06", "gpt-4o"),
        ("claude-sonnet-4-20250514", "claude-sonnet-4"),
        ("mistral-large-latest", "mistral-large"),
        ("GPT-4o", "gpt-4o"),
        ("o1-2026", "o1-2026"),
    ],
)
def test_models_are_compared_without_the_date_of_their_snapshot(model: str, name: str) -> None:
    assert normalise(model) == name


def test_it_shows_what_either_side_lacks() -> None:
    theirs = [Line(DAY, "gpt-4o-2024-08-06", Decimal(3)), Line(DAY, "o3", Decimal(1))]
    ours = [
        Line(DAY, "gpt-4o", Decimal(2), 10, 1, 1),
        Line(DAY, "other", Decimal(5), 10, 1, 1),
        Line(date(2026, 3, 9), "gpt-4o", Decimal(7), 10, 1, 1),
    ]
    found = compare(theirs, ours)
    told = [(pair.model, pair.differences.get("cost")) for pair in found.pairs]
    assert told == [("gpt-4o", 1), ("o3", 1), ("other", None)]
    assert found.measures == ["cost"]
    assert (found.theirs.cost, found.ours.cost, found.difference["cost"]) == (
        Decimal(4),
        Decimal(7),
        Decimal(-3),
    )


def test_an_export_without_models_is_compared_by_day() -> None:
    ours = [Line(DAY, "a", Decimal(1)), Line(DAY, "b", Decimal(2))]
    found = compare([Line(DAY, "", Decimal(4))], ours)
    assert [(pair.model, pair.differences["cost"]) for pair in found.pairs] == [("", 1)]


@pytest.mark.django_db
def test_an_upload_is_compared_with_the_rows() -> None:
    people = make_people()
    talk = make_conversation(people.project)
    for hour in (1, 2):
        add_turn(
            talk,
            datetime(2026, 3, 1, hour, tzinfo=UTC),
            model="gpt-4o-2024-08-06",
            provider="openai",
            cost=Decimal("0.25"),
            input_tokens=900,
            output_tokens=150,
        )
    compute()
    path = f"/p/{people.project.slug}/analytics/cost/exports/"
    client = client_of(people.bob)
    wrong = client.post(f"{path}take/", {"file": SimpleUploadedFile("x.csv", b"\xff\xfe")})
    assert wrong.status_code == 422 and "UTF-8" in wrong.content.decode()
    assert client.post(f"{path}take/", {}).status_code == 422
    for name, text, query in (
        ("cost.csv", OPENAI_COST, ""),
        ("usage.csv", OPENAI_USAGE, "model:gpt*"),
        ("none.csv", ANTHROPIC_COST, ""),
    ):
        file = SimpleUploadedFile(name, text.encode())
        assert client.post(f"{path}take/", {"file": file, "query": query}).status_code == 302
    cost, usage, none = UsageExport.objects.order_by("pk")
    assert [row.query for row in (cost, usage, none)] == ["provider:openai", "model:gpt*", ""]
    page = client.get(f"{path}{cost.pk}/").content.decode()
    assert "$0.503836" in page and "$0.500000" in page and "+$0.0038" in page
    page = client.get(f"{path}{usage.pk}/").content.decode()
    assert "2,000" in page and "1,800" in page and "+200" in page
    assert client_of(people.rita).post(f"{path}take/", {}).status_code == 403
    assert client_of(people.charlie).get(f"{path}{cost.pk}/").status_code == 404
    client.post(f"{path}{cost.pk}/delete/")
    assert UsageExport.objects.count() == 2


@pytest.mark.parametrize(
    "row",
    [
        "2026-03-01,m,1,1e999999999,,",
        "2026-03-01,m,1e999999999,,,",
        "2026-03-01,m,1e-999999999,,,",
        "9999-12-31,m,1,,,",
        "0001-01-01,m,1,,,",
    ],
)
def test_figures_beyond_all_measure_are_refused(row: str) -> None:
    with pytest.raises(BadExport, match="Line 2"):
        read_export(f"day,model,cost,input_tokens,output_tokens,requests\n{row}\n")

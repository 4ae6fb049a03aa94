"""Each code of the layers syntax, offer and schema: what brings it, and where it points."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from tools_registry.specs import ToolSpec
from tools_registry.validation import Finding, Verdict, validate, validate_turn
from tools_registry.validation.findings import CODES

WEATHER = ToolSpec(
    "get_weather",
    "",
    {
        "type": "object",
        "properties": {
            "city": {"type": "string", "minLength": 2, "maxLength": 8},
            "unit": {"type": "string", "enum": ["celsius", "fahrenheit"]},
            "temperature": {"type": "number", "minimum": -90, "exclusiveMaximum": 60},
            "days": {"type": "array", "items": {"type": "integer", "multipleOf": 2}, "maxItems": 3},
            "on": {"type": "string", "format": "date"},
            "zip": {"type": "string", "pattern": "^\\d{4}$"},
            "place": {
                "type": "object",
                "properties": {"lat": {"type": "number"}, "a/b": {"type": "number"}},
                "required": ["lat"],
                "additionalProperties": False,
            },
            "version": {"const": 2},
            "note": {"anyOf": [{"type": "string"}, {"type": "null"}]},
            "kind": {"oneOf": [{"const": "now"}, {"const": "later"}]},
            "tags": {"type": "array", "uniqueItems": True},
            "odd": {"not": {"type": "string"}},
        },
        "required": ["city"],
        "additionalProperties": False,
    },
)
PAY = ToolSpec("pay_invoice", "", {"type": "object", "properties": {"invoice_id": {}}})
OFFERED = {"get_weather": WEATHER, "pay_invoice": PAY, "web_search": None}


def judge(arguments: str, name: str = "get_weather", **context: Any) -> Verdict:
    return validate(name, arguments, **({"offered": OFFERED} | context))


def only(verdict: Verdict) -> Finding:
    assert len(verdict.findings) == 1, verdict.findings
    return verdict.findings[0]


def test_a_good_call_is_accepted_by_every_layer() -> None:
    verdict = judge('{"city": "Oslo", "unit": "celsius", "days": [2, 4], "note": null}')
    assert verdict.value == "accepted"
    assert [(layer.layer, layer.ran) for layer in verdict.layers] == [
        ("assembly", True),
        ("syntax", True),
        ("offer", True),
        ("schema", True),
        ("rule", False),
        ("content", True),
    ]


@pytest.mark.parametrize(
    ("arguments", "code", "pointer", "keyword"),
    [
        ("{}", "missing_required", "/city", "required"),
        ('{"city": "Oslo", "place": {}}', "missing_required", "/place/lat", "required"),
        ('{"city": "Oslo", "town": 1}', "unexpected_parameter", "/town", "additionalProperties"),
        (
            '{"city": "Oslo", "place": {"lat": 1, "x/y": 2}}',
            "unexpected_parameter",
            "/place/x~1y",
            "additionalProperties",
        ),
        ('{"city": 5}', "wrong_type", "/city", "type"),
        ('{"city": null}', "wrong_type", "/city", "type"),
        ('{"city": "Oslo", "temperature": true}', "wrong_type", "/temperature", "type"),
        ('{"city": "Oslo", "days": [2, "4"]}', "wrong_type", "/days/1", "type"),
        ('{"city": "Oslo", "note": 5}', "wrong_type", "/note", "anyOf"),
        ('{"city": "Oslo", "unit": "kelvin"}', "not_in_enum", "/unit", "enum"),
        ('{"city": "Oslo", "version": 3}', "not_in_enum", "/version", "const"),
        ('{"city": "Oslo", "kind": "soon"}', "not_in_enum", "/kind", "oneOf"),
        ('{"city": "Oslo", "temperature": -1e999}', "out_of_range", "/temperature", "minimum"),
        ('{"city": "Oslo", "temperature": 60}', "out_of_range", "/temperature", "exclusiveMaximum"),
        ('{"city": "Oslo", "temperature": -91}', "out_of_range", "/temperature", "minimum"),
        ('{"city": "O"}', "out_of_range", "/city", "minLength"),
        ('{"city": "Longyearbyen"}', "out_of_range", "/city", "maxLength"),
        ('{"city": "Oslo", "days": [2, 2, 2, 2]}', "out_of_range", "/days", "maxItems"),
        ('{"city": "Oslo", "days": [3]}', "out_of_range", "/days/0", "multipleOf"),
        ('{"city": "Oslo", "zip": "12"}', "pattern_mismatch", "/zip", "pattern"),
        ('{"city": "Oslo", "on": "tomorrow"}', "format_mismatch", "/on", "format"),
        ('{"city": "Oslo", "on": "2024-02-30"}', "format_mismatch", "/on", "format"),
        ('{"city": "Oslo", "tags": [1, 1]}', "schema_other", "/tags", "uniqueItems"),
        ('{"city": "Oslo", "odd": "x"}', "schema_other", "/odd", "not"),
    ],
)
def test_each_violation_has_its_code_at_its_argument(
    arguments: str, code: str, pointer: str, keyword: str
) -> None:
    verdict = judge(arguments)
    finding = only(verdict)
    assert (finding.code, finding.pointer, finding.keyword) == (code, pointer, keyword)
    assert verdict.value == "rejected"
    assert finding.message


@pytest.mark.parametrize(
    ("arguments", "pointer", "suggestion"),
    [
        ('{"city": "Oslo", "temprature": 5}', "/temprature", "temperature"),
        ('{"city": "Oslo", "Unit": "celsius"}', "/Unit", "unit"),
        ('{"city": "Oslo", "unit": "Celsius"}', "/unit", "celsius"),
        ('{"city": "Oslo", "unit": "farenheit"}', "/unit", "fahrenheit"),
        ('{"city": "Oslo", "temperature": "21.5"}', "/temperature", "21.5"),
        ('{"city": "Oslo", "days": "[2, 4]"}', "/days", "[2, 4]"),
        ('{"city": "Oslo", "temperature": "warm"}', "/temperature", None),
        ('{"city": "Oslo", "zzz": 5}', "/zzz", None),
        ('{"city": "Oslo", "temperature": 1, "temprature": 5}', "/temprature", None),
    ],
)
def test_a_near_miss_says_what_was_meant(
    arguments: str, pointer: str, suggestion: str | None
) -> None:
    finding = only(judge(arguments))
    assert (finding.pointer, finding.suggestion) == (pointer, suggestion)


def test_a_parameter_of_another_offered_tool_is_known_by_its_owner() -> None:
    finding = only(judge('{"city": "Oslo", "invoice_id": 7}'))
    assert finding.detail == {"belongs_to": ["pay_invoice"]}
    assert "belongs to pay_invoice" in finding.message


def test_a_key_that_the_schema_neither_names_nor_forbids_is_flagged() -> None:
    verdict = judge('{"invoice_id": 1, "city": "Oslo"}', "pay_invoice")
    finding = only(verdict)
    assert (finding.code, finding.pointer, finding.keyword) == (
        "unexpected_parameter",
        "/city",
        None,
    )
    assert verdict.value == "flagged"


@pytest.mark.parametrize(
    "open_schema",
    [
        {"additionalProperties": True},
        {"additionalProperties": {"type": "integer"}},
        {"patternProperties": {"^x": {}}},
        {"allOf": [{"properties": {"x": {}}}]},
        {"unevaluatedProperties": True},
    ],
)
def test_where_the_schema_speaks_of_further_keys_they_are_fine(
    open_schema: Mapping[str, Any],
) -> None:
    spec = ToolSpec("open", "", {"type": "object", "properties": {"a": {}}, **open_schema})
    assert judge('{"x": 1}', "open", offered={"open": spec}).value == "accepted"


def test_every_violation_is_told_at_once() -> None:
    verdict = judge('{"unit": "kelvin", "temperature": "hot", "x": 1, "y": 2}')
    assert sorted((f.code, f.pointer) for f in verdict.findings) == [
        ("missing_required", "/city"),
        ("not_in_enum", "/unit"),
        ("unexpected_parameter", "/x"),
        ("unexpected_parameter", "/y"),
        ("wrong_type", "/temperature"),
    ]


@pytest.mark.parametrize(
    ("branches", "arguments", "expected"),
    [
        (  # the discriminator says which was meant
            [
                {"properties": {"k": {"const": "a"}}, "required": ["k", "x"]},
                {"properties": {"k": {"const": "b"}, "y": {"type": "integer"}}},
            ],
            '{"v": {"k": "b", "y": "3"}}',
            [("wrong_type", "/v/y")],
        ),
        (  # the type says which was meant
            [{"type": "string"}, {"type": "object", "required": ["a", "b"]}],
            '{"v": {"a": 1}}',
            [("missing_required", "/v/b")],
        ),
        (  # one is nearer
            [{"required": ["a"]}, {"required": ["b", "c", "d"]}],
            '{"v": {}}',
            [("missing_required", "/v/a")],
        ),
        (  # none is: told together
            [{"required": ["a"]}, {"required": ["b"]}],
            '{"v": {}}',
            [("schema_other", "/v")],
        ),
        ([{"type": "integer"}, {"type": "boolean"}], '{"v": "x"}', [("wrong_type", "/v")]),
        ([{"enum": ["a", "b"]}, {"type": "null"}], '{"v": "c"}', [("not_in_enum", "/v")]),
    ],
)
@pytest.mark.parametrize("keyword", ["anyOf", "oneOf"])
def test_of_several_branches_the_one_that_was_meant_is_told(
    keyword: str, branches: list[Any], arguments: str, expected: list[tuple[str, str]]
) -> None:
    spec = ToolSpec("t", "", {"type": "object", "properties": {"v": {keyword: branches}}})
    verdict = judge(arguments, "t", offered={"t": spec})
    assert [(finding.code, finding.pointer) for finding in verdict.findings] == expected


NULL = {"type": "null"}
REFERENCE = {"additionalProperties": {"$ref": "#/definitions/n"}}
EXCLUSIVE = {"properties": {"a": {"maximum": 1, "exclusiveMaximum": True}}}
DRAFT_4 = "http://json-schema.org/draft-04/schema#"
DRAFT_7 = "http://json-schema.org/draft-07/schema#"


def test_several_fitting_branches_of_one_of_are_told() -> None:
    schema = {"properties": {"v": {"oneOf": [{"type": "integer"}, {"minimum": 1}, {"maximum": 0}]}}}
    finding = only(judge('{"v": 5}', "t", offered={"t": ToolSpec("t", "", schema)}))
    assert (finding.code, finding.detail["fits"]) == ("schema_other", [1, 2])


@pytest.mark.parametrize(
    ("schema", "code", "pointer"),
    [
        ({"dependentRequired": {"a": ["b"]}}, "missing_required", "/b"),
        ({"if": {"required": ["a"]}, "then": {"required": ["b"]}}, "missing_required", "/b"),
        ({"properties": {"a": False}}, "unexpected_parameter", "/a"),
        ({"propertyNames": {"pattern": "^x"}}, "unexpected_parameter", "/a"),
        ({"unevaluatedProperties": False}, "unexpected_parameter", "/a"),
        ({"minProperties": 2}, "out_of_range", ""),
        ({"$defs": {"n": NULL}, "additionalProperties": {"$ref": "#/$defs/n"}}, "wrong_type", "/a"),
        (
            {"$schema": DRAFT_7, "definitions": {"n": NULL}, **REFERENCE},
            "wrong_type",
            "/a",
        ),
        ({"$schema": DRAFT_4, **EXCLUSIVE}, "out_of_range", "/a"),
    ],
)
def test_less_common_keywords_have_their_codes_too(
    schema: Mapping[str, Any], code: str, pointer: str
) -> None:
    finding = only(judge('{"a": 1}', "t", offered={"t": ToolSpec("t", "", schema)}))
    assert (finding.code, finding.pointer) == (code, pointer)


@pytest.mark.parametrize(
    ("schema", "where"),
    [
        ({"type": "objekt"}, "/type"),
        ({"properties": {"a": {"minLength": -1}}}, "/properties/a/minLength"),
        ({"properties": {"a": {"pattern": "("}}}, "/properties/a/pattern"),
        ({"properties": {"a": {"$ref": "#/$defs/none"}}}, "/properties/a/$ref"),
        ({"properties": {"a": {"$ref": "https://example.com/a.json"}}}, "/properties/a/$ref"),
        ({"properties": {"a": {"$ref": "file:///etc/passwd"}}}, "/properties/a/$ref"),
    ],
)
def test_a_schema_that_is_itself_wrong_is_told_and_nothing_is_fetched(
    schema: Mapping[str, Any], where: str
) -> None:
    verdict = judge('{"a": 1}', "t", offered={"t": ToolSpec("t", "", schema)})
    finding = only(verdict)
    assert (finding.code, verdict.value) == ("schema_other", "flagged")
    assert where in finding.message
    assert finding.detail["schema_problems"][0]["pointer"] == where


@pytest.mark.parametrize(
    ("arguments", "code", "pointer"),
    [
        ('{"city": "Oslo"', "malformed_json", "/city"),
        ('{"city": Oslo}', "malformed_json", "/city"),
        ("{'city': 1}", "malformed_json", ""),
        ('{"city": "Oslo"} trailing', "malformed_json", ""),
        ('{"city": NaN}', "malformed_json", "/city"),
        ('{"note": "NaN", "city": -Infinity}', "malformed_json", "/city"),
        ('{"a": {"b": [1, 2,]}}', "malformed_json", "/a/b/2"),
        ("get_weather(city='Oslo')", "malformed_json", ""),
        ('{"a":' * 100_000, "malformed_json", ""),
        ("[1]", "not_an_object", ""),
        ('"{}"', "not_an_object", ""),
        ("null", "not_an_object", ""),
        ("5", "not_an_object", ""),
    ],
    ids=lambda value: value[:30],
)
def test_what_is_no_json_object_is_told_and_the_schema_is_not_asked(
    arguments: str, code: str, pointer: str
) -> None:
    verdict = judge(arguments)
    finding = only(verdict)
    assert (finding.code, finding.layer) == (code, "syntax")
    if len(arguments) < 1000 and "2,]" not in arguments:
        assert finding.pointer == pointer
    assert [layer.layer for layer in verdict.layers if layer.ran] == ["assembly", "syntax", "offer"]


def test_broken_json_says_the_line_and_column() -> None:
    finding = only(judge('{\n  "city": "Oslo",\n  "unit": celsius\n}'))
    assert (finding.detail["line"], finding.detail["column"]) == (3, 11)
    assert "line 3, column 11" in finding.message


def test_a_repeated_key_is_flagged_and_the_last_value_judged() -> None:
    verdict = judge('{"city": "Longyearbyen", "city": "Oslo", "place": {"lat": 1, "lat": 2}}')
    assert [(f.code, f.pointer) for f in verdict.findings] == [
        ("duplicate_key", "/city"),
        ("duplicate_key", "/place/lat"),
    ]
    assert verdict.value == "flagged"


@pytest.mark.parametrize("arguments", ["", "  \n"])
def test_empty_arguments_count_as_an_empty_object(arguments: str) -> None:
    verdict = judge(arguments, "pay_invoice")
    assert verdict.value == "accepted"
    assert verdict.layers[1].note == "empty arguments count as {}"


def test_arguments_that_the_stream_cut_off_are_told_once() -> None:
    cut = Finding("truncated_arguments", "The stream ended")
    verdict = judge('{"city": "Os', assembly=[cut])
    assert verdict.findings == (cut,)
    assert [layer.layer for layer in verdict.layers if layer.ran] == ["assembly", "offer"]


@pytest.mark.parametrize(
    ("name", "known", "code", "suggestion"),
    [
        ("getweather", (), "unknown_tool", "get_weather"),
        ("make_user_happy", (), "unknown_tool", None),
        ("", (), "unknown_tool", None),
        ("cancel_order", ("cancel_order",), "tool_not_offered", None),
        ("get_weathers", ("get_weathers",), "tool_not_offered", "get_weather"),
        ("cancelorder", ("cancel_order",), "unknown_tool", "cancel_order"),
    ],
)
def test_a_tool_that_was_not_offered_is_told_from_one_that_nobody_knows(
    name: str, known: tuple[str, ...], code: str, suggestion: str | None
) -> None:
    verdict = judge("{}", name, known=known)
    finding = only(verdict)
    assert (finding.code, finding.suggestion) == (code, suggestion)
    assert not verdict.layers[3].ran


def test_without_a_recorded_toolset_nothing_is_held_against_a_call() -> None:
    verdict = judge('{"anything": 1}', "whatever", offered=None)
    assert verdict.value == "accepted"
    assert [layer.layer for layer in verdict.layers if layer.ran] == [
        "assembly",
        "syntax",
        "content",
    ]
    assert verdict.layers[2].note


def test_with_no_tools_offered_every_call_is_unknown() -> None:
    assert only(judge("{}", offered={})).code == "unknown_tool"


def test_a_providers_own_tool_has_no_schema_to_judge_by() -> None:
    verdict = judge('{"query": 1}', "web_search")
    assert verdict.value == "accepted"
    assert not verdict.layers[3].ran


NONE = ["none", {"type": "none"}, {"mode": "NONE"}, {"functionCallingConfig": {"mode": "NONE"}}]
ENTRY = {"type": "function", "name": "get_weather"}
REQUIRED = [
    "required",
    "any",
    {"type": "any"},
    {"type": "function", "function": {"name": "get_weather"}},
    {"type": "function", "name": "get_weather"},
    {"type": "tool", "name": "get_weather"},
    {"name": "get_weather"},
    {"mode": "ANY", "allowedFunctionNames": ["get_weather"]},
    {"type": "allowed_tools", "mode": "required", "tools": [ENTRY]},
    {
        "type": "allowed_tools",
        "allowed_tools": {"mode": "required", "tools": [{"type": "function", "function": ENTRY}]},
    },
]
AUTO = [None, "auto", {"type": "auto"}, {"type": "web_search"}, 5, {"mode": "AUTO"}, {}]


@pytest.mark.parametrize("choice", NONE)
def test_a_call_in_spite_of_none_is_rejected(choice: object) -> None:
    assert only(judge('{"city": "Oslo"}', tool_choice=choice)).code == "call_despite_none"
    assert validate_turn([], tool_choice=choice) == []


@pytest.mark.parametrize("choice", REQUIRED)
def test_a_call_that_was_required_and_is_missing_is_told(choice: object) -> None:
    assert [f.code for f in validate_turn([], tool_choice=choice)] == ["no_call_when_required"]
    assert validate_turn(["get_weather"], tool_choice=choice) == []
    assert judge('{"city": "Oslo"}', tool_choice=choice).value == "accepted"


@pytest.mark.parametrize("choice", AUTO)
def test_where_the_model_may_choose_nothing_is_held_against_it(choice: object) -> None:
    assert validate_turn([], tool_choice=choice) == []
    assert judge('{"city": "Oslo"}', tool_choice=choice).value == "accepted"


@pytest.mark.parametrize("choice", [choice for choice in REQUIRED if "get_weather" in str(choice)])
def test_a_tool_that_the_choice_left_out_was_not_offered(choice: object) -> None:
    finding = only(judge("{}", "pay_invoice", tool_choice=choice))
    assert (finding.code, finding.detail) == ("tool_not_offered", {"allowed": ["get_weather"]})


@pytest.mark.parametrize(
    "arguments",
    [
        '{"city": "\\ud800"}',
        '{"\\ud800": 1, "city": "Oslo"}',
        '{"city": "Oslo", "temperature": ' + "9" * 5000 + "}",
        '{"city": "Oslo", "temperature": 1e400}',
        '{"city": ' + "[" * 500 + "]" * 500 + "}",
        '{"city": "\\u0000"}',
    ],
    ids=["surrogate", "surrogate key", "5,000 digits", "beyond a double", "deep", "NUL"],
)
def test_odd_values_are_judged_and_nothing_breaks(arguments: str) -> None:
    verdict = judge(arguments)
    assert verdict.value == "rejected"
    assert all(finding.code in CODES for finding in verdict.findings)


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "object", "description": "\ud800"},
        {"properties": {"\ud800": {"type": "string"}}},
    ],
)
def test_odd_schemas_are_used_as_they_are(schema: Mapping[str, Any]) -> None:
    spec = ToolSpec("t", "", schema)
    assert judge('{"\\ud800": "x"}', "t", offered={"t": spec}).value == "accepted"


def test_long_values_are_cut_in_messages() -> None:
    finding = only(judge('{"city": "Oslo", "temperature": "' + "x" * 10_000 + '"}'))
    assert len(finding.message) < 300
    assert "10,002 characters" in finding.message


def test_a_flood_of_findings_is_cut() -> None:
    extra = ", ".join(f'"key_{number}": 1' for number in range(500))
    verdict = judge('{"city": "Oslo", ' + extra + "}")
    assert len(verdict.findings) == 50
    assert verdict.layers[3].note == "the first 50 findings"


def test_a_pattern_that_explodes_does_not_hang() -> None:
    schema = {"properties": {"a": {"pattern": "^(?=(a+)+$)(a+)+$"}}}
    verdict = judge('{"a": "' + "a" * 60 + '!"}', "t", offered={"t": ToolSpec("t", "", schema)})
    assert verdict.value == "rejected"


def test_a_verdict_survives_json() -> None:
    verdict = judge('{"town": "x"}')
    data = verdict.to_json()
    assert data["verdict"] == "rejected"
    assert [Finding.from_json(finding) for finding in data["findings"]] == list(verdict.findings)

"""The first certain violation, at the very fragment that makes it certain."""

from __future__ import annotations

import json

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from conversations.assembly import Assembler
from conversations.parts import CallDelta
from tests.assembly.streams import OFFERED, WEATHER, call, calls, chunk, play, sse
from tools_registry.specs import ToolSpec
from tools_registry.validation import validate
from tools_registry.validation.findings import Finding
from tools_registry.validation.partial import PartialCheck, parse_partial
from tools_registry.validation.syntax import NOTHING, read_arguments

STRICT = {
    "type": "object",
    "properties": {
        "city": {"type": "string", "minLength": 2, "pattern": "^[A-Z]"},
        "days": {"type": "integer", "maximum": 5},
        "unit": {"enum": ["celsius", "fahrenheit", 7]},
        "kind": {"const": "now"},
        "mail": {"type": "string", "format": "email"},
        "a/b~c": {"type": "boolean"},
        "place": {"$ref": "#/$defs/place"},
        "either": {"anyOf": [{"type": "string"}, {"type": "null"}]},
        "pair": {"prefixItems": [{"type": "string"}, {"type": "number"}], "items": False},
        "never": False,
        "both": {"allOf": [{"type": ["string", "null"]}, {"type": ["null", "number"]}]},
        "one": {"oneOf": [{"required": ["x"]}, {"required": ["y"]}], "type": "object"},
    },
    "required": ["city"],
    "additionalProperties": False,
    "$defs": {
        "place": {
            "type": "object",
            "properties": {
                "lat": {"type": "number"},
                "inner": {"$ref": "#/$defs/place"},
                "tags": {"type": "array", "items": {"type": "string"}},
            },
            "required": ["lat"],
        }
    },
}


def certain_at(schema: dict[str, object] | None, text: str) -> tuple[int | None, Finding | None]:
    """After how many characters the violation is certain, and the violation."""
    check = PartialCheck(schema)
    for place, char in enumerate(text):
        if check.feed(char):
            return place + 1, check.violation
    return None, check.finish()


# What stands before ¦ must not be a violation yet; with the next character it is certain.
CERTAIN = [
    ('¦[', "not_an_object", ""),
    ('{"city": ¦3', "wrong_type", "/city"),
    ('{"city": ¦n', "wrong_type", "/city"),
    ('{"days": ¦"', "wrong_type", "/days"),
    ('{"days": 1.5¦,', "wrong_type", "/days"),
    ('{"days": 7¦}', "out_of_range", "/days"),
    ('{"days": 1e0, "days2¦"', "unexpected_parameter", "/days2"),
    ('{"city": "B¦"', "out_of_range", "/city"),
    ('{"city": "berlin¦"', "pattern_mismatch", "/city"),
    ('{"unit": "c¦x', "not_in_enum", "/unit"),
    ('{"unit": "celsius¦ ', "not_in_enum", "/unit"),
    ('{"unit": "cel¦"', "not_in_enum", "/unit"),
    ('{"unit": 8¦,', "not_in_enum", "/unit"),
    ('{"unit": ¦n', "not_in_enum", "/unit"),
    ('{"kind": "n¦e', "not_in_enum", "/kind"),
    ('{"mail": "nobody¦"', "format_mismatch", "/mail"),
    ('{"a/b~c": ¦1', "wrong_type", "/a~1b~0c"),
    ('{"place": {"lat": ¦"', "wrong_type", "/place/lat"),
    ('{"place": {"inner": {"inner": {"lat": 1, "tags": ["x", ¦2', "wrong_type",
     "/place/inner/inner/tags/1"),
    ('{"place": {"inner": {}¦}', "missing_required", "/place/inner/lat"),
    ('{"either": ¦4', "wrong_type", "/either"),
    ('{"pair": ["x", ¦"', "wrong_type", "/pair/1"),
    ('{"pair": ["x", 1, ¦2', "schema_other", "/pair/2"),
    ('{"never¦"', "unexpected_parameter", "/never"),
    ('{"both": ¦"', "wrong_type", "/both"),
    ('{"one": {"z": 1¦}', "schema_other", "/one"),
    ('{"days": 1¦}', "missing_required", "/city"),
    ('{"city": "Bonn"} ¦x', "malformed_json", ""),
    ('{"city": "Bonn",¦}', "malformed_json", "/city"),
    ('{"city" ¦"', "malformed_json", "/city"),
    ('{¦c', "malformed_json", ""),
    ('{"days": 0¦1', "malformed_json", "/days"),
    ('{"days": -¦x', "malformed_json", "/days"),
    ('{"days": 1.¦,', "malformed_json", "/days"),
    ('{"city": "B\\¦x', "malformed_json", "/city"),
    ('{"city": "B\\u00¦g', "malformed_json", "/city"),
    ('{"city": "B¦\n', "malformed_json", "/city"),
    ('{"a/b~c": tr¦y', "malformed_json", "/a~1b~0c"),
    ('{"city": "Bonn", ¦,', "malformed_json", "/city"),
    ('{"days": ¦N', "malformed_json", "/days"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "code", "pointer"), CERTAIN, ids=[one[0] for one in CERTAIN])
def test_it_is_told_the_moment_it_is_certain(text: str, code: str, pointer: str) -> None:
    place = text.index("¦")
    at, finding = certain_at(STRICT, text.replace("¦", ""))
    assert finding is not None
    assert (finding.code, finding.pointer) == (code, pointer)
    expected = place + 1 if code != "missing_required" or text[place + 1] != "}" else None
    assert at == (expected or at)
    assert at is not None and at >= place


@pytest.mark.parametrize(
    "text",
    [
        '{"city": "Bonn", "days": 1.0, "unit": 7, "kind": "\\u006eow", "either": null}',
        '{"city": "Bonn", "pair": ["x", -1.5e-3], "place": {"lat": 0, "more": [{}, [], ""]}}',
        ' {\n"city"\t: "B\\"\\\\\\/\\b\\f\\n\\r\\t\\ud83d\\ude00" , "both" : null }  ',
        '{"city": "Bonn", "one": {"x": 1}, "a/b~c": true, "mail": "a@b.org"}',
    ],
)
def test_valid_arguments_stay_valid(text: str) -> None:
    assert certain_at(STRICT, text) == (None, None)


def test_a_near_miss_is_suggested() -> None:
    assert certain_at(STRICT, '{"citty"')[1].suggestion == "city"  # type: ignore[union-attr]


def test_a_repeated_key_is_flagged_and_gives_way_to_what_is_rejected() -> None:
    check = PartialCheck(STRICT)
    flagged = check.feed('{"city": "Bonn", "city"')
    assert flagged is not None and (flagged.code, flagged.severity) == ("duplicate_key", "flagged")
    rejected = check.feed(': "Köln", "days": "')
    assert rejected is not None and rejected.code == "wrong_type"


def test_an_undeclared_key_that_is_not_forbidden_is_flagged() -> None:
    schema = {"type": "object", "properties": {"city": {"type": "string"}}}
    at, finding = certain_at(schema, '{"ctiy": "Bonn"}')
    assert at == len('{"ctiy"') and finding is not None
    assert (finding.code, finding.severity) == ("unexpected_parameter", "flagged")
    assert finding.suggestion == "city"


@pytest.mark.parametrize("schema", [None, {"type": "nonsense"}, {"pattern": "("}])
def test_without_a_usable_schema_only_the_json_is_judged(schema: dict[str, object] | None) -> None:
    assert certain_at(schema, '{"anything": [1, "two"]}') == (None, None)
    assert certain_at(schema, '{"anything": [1 2')[1].code == "malformed_json"  # type: ignore[union-attr]
    assert certain_at(schema, '"text"')[1].code == "not_an_object"  # type: ignore[union-attr]


def test_a_text_that_ends_too_early_is_malformed() -> None:
    check = PartialCheck(None)
    assert check.feed('{"a": 1') is None
    finding = check.finish()
    assert finding is not None and finding.code == "malformed_json"


def test_depth_is_no_problem() -> None:
    check = PartialCheck({"type": "object", "properties": {"a": {}}})
    assert check.feed('{"a":' + "[" * 100_000) is None
    assert PartialCheck(None).feed('{"a":' * 50_000 + "1" + "}" * 50_000) is None


def test_recursion_in_a_schema_is_no_problem() -> None:
    loop = {"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}}
    assert PartialCheck(loop).feed('{"a": 1') is None


def test_the_draft_that_the_schema_names_counts() -> None:
    draft_7 = "http://json-schema.org/draft-07/schema#"
    schema = {
        "$schema": draft_7,
        "type": "object",
        "properties": {"a": {"$ref": "#/definitions/a", "type": "integer"}},
        "definitions": {"a": {"type": "string"}},
    }
    # Beside $ref, draft 7 ignores everything; 2020-12 does not.
    assert certain_at(schema, '{"a": "x"}') == (None, None)
    assert certain_at(schema | {"$schema": ""}, '{"a": "x"}')[0] == len('{"a": "')


# Schemas as tools have them, and values near them.

LEAVES = st.sampled_from(
    [
        {},
        True,
        {"type": "string"},
        {"type": "string", "minLength": 2, "maxLength": 4},
        {"type": "string", "pattern": "^a"},
        {"type": "string", "format": "date"},
        {"type": "integer", "minimum": 0, "exclusiveMaximum": 10},
        {"type": "number", "multipleOf": 0.5},
        {"type": ["boolean", "null"]},
        {"enum": ["ab", "abc", 1, None, {"k": 1}]},
        {"const": 1.0},
        {"type": "string", "enum": ["a", "ba"]},
        {"$ref": "#/$defs/node"},
        {"not": {"type": "string"}},
        {"if": {"type": "string"}, "then": {"maxLength": 2}, "else": {"type": "integer"}},
    ]
)
KEYS = st.sampled_from(["a", "b", "ab", "k", "x y", "/~"])


def objects(inner: st.SearchStrategy[object]) -> st.SearchStrategy[object]:
    return st.fixed_dictionaries(
        {"properties": st.dictionaries(KEYS, inner, max_size=3)},
        optional={
            "type": st.just("object"),
            "required": st.lists(KEYS, max_size=2, unique=True),
            "additionalProperties": st.just(False) | inner,
            "patternProperties": st.dictionaries(st.sampled_from(["^a", "b$"]), inner, max_size=1),
            "maxProperties": st.integers(1, 3),
            "propertyNames": st.just({"maxLength": 2}),
            "dependentRequired": st.just({"a": ["b"]}),
            "unevaluatedProperties": st.just(False),
        },
    )


def arrays(inner: st.SearchStrategy[object]) -> st.SearchStrategy[object]:
    return st.fixed_dictionaries(
        {"type": st.just("array")},
        optional={
            "items": inner | st.just(False),
            "prefixItems": st.lists(inner, min_size=1, max_size=2),
            "minItems": st.integers(0, 2),
            "uniqueItems": st.just(True),
            "contains": inner,
        },
    )


def combined(inner: st.SearchStrategy[object]) -> st.SearchStrategy[object]:
    keyword = st.sampled_from(["anyOf", "oneOf", "allOf"])
    branches = st.lists(inner, min_size=1, max_size=3)
    return st.builds(lambda key, found: {key: found}, keyword, branches)


SCHEMAS = st.recursive(
    LEAVES, lambda inner: objects(inner) | arrays(inner) | combined(inner), max_leaves=8
)
VALUES = st.recursive(
    st.sampled_from([None, True, False, 0, 1, 1.0, 9, 10, -1, 2.5, 1e30, "", "a", "ab", "abc"])
    | st.sampled_from(["ba", "2026-01-31", "abcde", 'ä"\\\n😀']),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=10,
)


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(objects(SCHEMAS), SCHEMAS, st.dictionaries(KEYS, VALUES, max_size=4), st.data())
def test_it_agrees_with_the_layers_and_is_never_too_early(
    root: dict[str, object], node: object, value: dict[str, object], data: st.DataObject
) -> None:
    spec = ToolSpec("f", parameters=root | {"$defs": {"node": node}})
    text = json.dumps(
        value, ensure_ascii=data.draw(st.booleans()), indent=data.draw(st.sampled_from([None, 1]))
    )
    verdict = validate("f", text, offered={"f": spec})
    assume(all("itself invalid" not in finding.message for finding in verdict.findings))
    check = PartialCheck(spec.parameters)
    rest = text
    while rest:
        size = data.draw(st.integers(1, max(1, len(rest))))
        live = check.feed(rest[:size])
        rest = rest[size:]
        if verdict.value != "rejected":
            assert live is None or live.severity == "flagged"
    live = check.finish()
    assert (live is not None and live.severity == "rejected") == (verdict.value == "rejected")
    assert (live is None) == (verdict.value == "accepted")


@settings(max_examples=150, deadline=None)
@given(
    st.text(alphabet='{}[]:,"\\/ntrue0189.-+eE \nfals\x01ä', max_size=24),
    st.lists(st.integers(1, 5), max_size=30),
)
def test_it_knows_json_when_it_sees_it(text: str, sizes: list[int]) -> None:
    text = '{"a":' + text
    check = PartialCheck(None)
    rest = text
    for size in sizes:
        check.feed(rest[:size])
        rest = rest[size:]
    check.feed(rest)
    live = check.finish()
    value, _ = read_arguments(text)
    assert (value is NOTHING) == (live is not None and live.severity == "rejected")


# Through the assembler.


def test_it_says_of_an_unexpected_parameter_what_the_verdict_says() -> None:
    offered = {
        name: ToolSpec(
            name,
            parameters={
                "type": "object",
                "properties": {own: {}},
                "additionalProperties": False,
            },
        )
        for name, own in (("weather", "city"), ("flights", "gate"))
    }
    for text in ('{"gate":1}', '{"citty":1}', '{"zzz":1}'):
        call = {"index": 0, "id": "a", "function": {"name": "weather", "arguments": text}}
        events = Assembler("openai.chat", offered=offered).feed(
            sse({"choices": [{"index": 0, "delta": {"tool_calls": [call]}}]}, done=False)
        )
        live = next(event.violation for event in events[::-1] if isinstance(event, CallDelta))
        verdict = validate("weather", text, offered=offered)
        assert live == next(f for f in verdict.findings if f.code == "unexpected_parameter")


def deltas(*payloads: object) -> list[CallDelta]:
    events, _ = play(sse(*payloads, chunk(finish="tool_calls")), offered=OFFERED)
    return [event for event in events if isinstance(event, CallDelta)]


def codes(found: list[CallDelta]) -> list[str | None]:
    return [event.violation.code if event.violation else None for event in found]


def test_an_unknown_tool_is_told_while_its_name_arrives() -> None:
    found = deltas(
        calls(call(0, "a", "get_", "")),
        calls(call(0, name="curr")),
        calls(call(0, name="ency")),
        calls(call(0, arguments="{}")),
    )
    assert codes(found) == [None, None, "unknown_tool", "unknown_tool"]
    assert [event.name for event in found][2] == "get_currency"


def test_a_name_that_ends_too_early_is_told_with_its_first_argument() -> None:
    found = deltas(calls(call(0, "a", "get_current_weathe")), calls(call(0, arguments="{")))
    assert codes(found) == [None, "unknown_tool"]
    violation = found[-1].violation
    assert violation is not None and violation.suggestion == "get_current_weather"


def test_a_violation_stands_from_its_fragment_on() -> None:
    found = deltas(
        calls(call(0, "a", "get_current_weather", '{"location": "Bonn", ')),
        calls(call(0, arguments='"days": "')),
        calls(call(0, arguments='3"}')),
    )
    assert codes(found) == [None, None, "wrong_type", "wrong_type"]
    assert [event.offset for event in found if event.field == "arguments"] == [0, 21, 30]


def test_a_whole_call_is_judged_at_once() -> None:
    found = deltas(calls(call(0, "a", "get_current_weather", '{"location": "Bonn", "unit": "k"}')))
    assert codes(found) == [None, "not_in_enum"]


def test_an_unknown_offer_judges_the_json_alone() -> None:
    body = sse(calls(call(0, "a", "anything", '{"x": 1}')), calls(call(1, "b", "g", "{x")))
    events, _ = play(body)
    assert codes([e for e in events if isinstance(e, CallDelta)]) == [
        *(None, None, None, "malformed_json")
    ]


def test_the_offer_tells_pieces_of_a_name_from_its_repetition() -> None:
    offered = {"gogo": ToolSpec("gogo"), "get": ToolSpec("get"), "get_all": ToolSpec("get_all")}

    def name_of(*pieces: str) -> str:
        parts = [calls(call(0, "a" if not at else None, one)) for at, one in enumerate(pieces)]
        return play(sse(*parts), offered=offered)[1].calls[0].name

    assert name_of("go", "go") == "gogo"
    assert name_of("get", "get") == "get"
    assert name_of("get", "get_all") == "get_all"
    assert name_of("get", "_all") == "get_all"


def test_a_name_that_goes_on_after_the_arguments_takes_back_what_was_judged() -> None:
    found = deltas(
        calls(call(0, "a", "get_time", '{"days": 1')),
        calls(call(0, name="_not")),
        calls(call(0, arguments="}")),
    )
    assert codes(found)[-1] == "unknown_tool"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('{"a": "x', {"a": "x"}),
        ('{"a": [1, 2', {"a": [1, 2]}),
        ('{"a"', {}),
        ("", None),
        ("nonsense", None),
        ('{"a": 1}', {"a": 1}),
    ],
)
def test_what_is_parsed_so_far(text: str, value: object) -> None:
    assert parse_partial(text) == value


def test_the_live_finding_is_among_those_of_the_whole_call() -> None:
    text = '{"days": 0, "unit": "kelvin", "place": 1}'
    whole = validate("get_current_weather", text, offered={WEATHER.name: WEATHER})
    live = certain_at(dict(WEATHER.parameters or {}), text)[1]
    assert live is not None
    assert (live.code, live.pointer) in {(one.code, one.pointer) for one in whole.findings}

"""What the rules find, what they leave, and that texts are otherwise stored byte for byte."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conversations.ingest.record import TurnRecord, read_record
from conversations.redaction import (
    BadRule,
    Rule,
    compile_rules,
    redact,
    redact_body,
    redact_bytes,
    redact_text,
)

EMAIL = Rule("E-mail", "builtin", "email", "[email]")
CARD = Rule("Card", "builtin", "card", "[card]")
PHONE = Rule("Phone", "builtin", "phone", "[phone]")
USER = Rule("Users", "builtin", "user", "")
ALL = compile_rules([EMAIL, CARD, PHONE], salt=b"salt")


def after(text: str, *rules: Rule) -> str:
    return redact_text(text, compile_rules(rules) if rules else ALL, {})


@pytest.mark.parametrize(
    "text, expected",
    [
        ("Write to ola.nordmann+x@example.co.uk.", "Write to [email]."),
        ("<ola@example.org>, kari@bücher.example", "<[email]>, [email]"),
        ("https://x.example/?to=ola@example.org&n=1", "https://x.example/?to=[email]&n=1"),
        ("mailto:ola%40example.org", "mailto:[email]"),
        ("4111 1111 1111 1111", "[card]"),
        ("4111-1111-1111-1111 12/29", "[card] 12/29"),
        ("3782 822463 10005 and 378282246310005", "[card] and [card]"),
        ("5999 4111 1111 1111 1111", "5999 [card]"),
        ("card=6011000990139424;", "card=[card];"),
        ("+47 22 12 34 56", "[phone]"),
        ("call +1 (415) 555-2671 or (415) 555-2671", "call [phone] or [phone]"),
        ("415-555-2671, 415.555.2671", "[phone], [phone]"),
        ("+4917012345678", "[phone]"),
        ("+44.20.7946.0958", "[phone]"),
    ],
)
def test_it_finds(text: str, expected: str) -> None:
    assert after(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "icon@2x.png and @decorator, user@host, a @ b, pkg@1.2.3, @scope/pkg",
        "4111 1111 1111 1112 has a wrong check digit",
        "1732291200000 is a time in milliseconds, 1732291200000000 in microseconds",
        "order 12345678901234567890123, 0.4111111111111111",
        "0123456789abcdef4111111111111111",
        "2026-01-01T00:00:00+00:00, +48.8566+2.3522/, +40.7128-074.0060/",
        "+20240101, 1+12345678, +0100, +123456",
        "192.168.100.2000, 10.0.0.1, 2024-123-4567, ISBN 978-3-16-148410-0",
        "#W1234567, 123-45-6789, 555-1234",
        "f47ac10b-58cc-4372-a567-0e02b2c3d479",
        "+99 999 999 999 is of no country",
    ],
)
def test_it_raises_no_false_alarm(text: str) -> None:
    assert after(text) == text


@pytest.mark.parametrize(
    "text, expected",
    [
        ('{"to" : "a@b.org",\n "n": 1.50}', '{"to" : "[email]",\n "n": 1.50}'),
        ('{"to":"a\\u0040b.org"}', '{"to":"[email]"}'),
        ('{"card":4111111111111111,"id":41}', '{"card":"[card]","id":41}'),
        ('{"a@b.org":1,"c@b.org":2}', '{"[email]":1,"[email] 2":2}'),
        ('{"a":"{\\"b\\":\\"x@y.org\\"}"}', '{"a":"{\\"b\\":\\"[email]\\"}"}'),
        ('{"to":"a@b.org","n":', '{"to":"[email]","n":'),
        ('{"to":"a@b.org', '{"to":"[email]'),
        ("{'to': 'a@b.org'}", "{'to': '[email]'}"),
        ('["a@b.org", "é\\u00e9\\/"]', '["[email]", "é\\u00e9\\/"]'),
        ('{"k":1,"k":"a@b.org"}', '{"k":1,"k":"[email]"}'),
    ],
)
def test_json_keeps_its_form_where_nothing_changes(text: str, expected: str) -> None:
    assert after(text) == expected


@pytest.mark.parametrize(
    "pointer, arguments, expected",
    [
        ("/arguments/password", '{"password" : "x", "a": 1}', '{"password" : "[hidden]", "a": 1}'),
        ("/arguments/user", '{"user":{"n":[1,{}]},"b":2}', '{"user":"[hidden]","b":2}'),
        ("/arguments/*/n", '{"a":{"n":1},"b":{"n":2,"m":3}}', None),
        ("/arguments/list/0", '{"list":[ 1 , 2]}', '{"list":[ "[hidden]" , 2]}'),
        ("/arguments/a~1b", '{"a/b":"x"}', '{"a/b":"[hidden]"}'),
        ("/arguments/user", '{"user":{"n":[1,', '{"user":"[hidden]"'),
        ("/arguments/none", '{"a": 1}', '{"a": 1}'),
    ],
)
def test_a_pointer_names_a_place_in_arguments(
    pointer: str, arguments: str, expected: str | None
) -> None:
    expected = expected or '{"a":{"n":"[hidden]"},"b":{"n":"[hidden]","m":3}}'
    rules = compile_rules([Rule("Place", "pointer", pointer, "[hidden]")])
    changed, _ = redact(make_record(arguments), rules)
    assert arguments_of(changed) == expected
    again, counts = redact(changed, rules)
    assert arguments_of(again) == expected and not counts


def make_record(arguments: str = "{}", **fields: Any) -> TurnRecord:
    call = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": arguments}}
    record = {
        "id": "1",
        "conversation": "c",
        "at": "2026-01-01T00:00:00Z",
        "model": "m",
        "request": {"messages": [{"role": "user", "content": "Hello"}]},
        "response": {"message": {"role": "assistant", "content": None, "tool_calls": [call]}},
    }
    return read_record(record | fields)


def arguments_of(record: TurnRecord) -> str:
    text: str = record.calls[0]["function"]["arguments"]
    return text


def test_every_part_of_a_record_is_looked_at_but_its_form() -> None:
    mail = "a@b.org"
    record = make_record(
        f'{{"to":"{mail}"}}',
        request={
            "messages": [
                {"role": "system", "content": [{"type": "text", "text": mail}]},
                {"role": "tool", "tool_call_id": mail, "name": mail, "content": mail},
            ],
            "tools": [{"type": "function", "function": {"name": "f", "description": mail}}],
            "parameters": {"metadata": {"who": mail}},
        },
        tool_results=[{"call_id": "c1", "content": {mail: [mail]}}],
        expected={"calls": [{"name": "f", "arguments": {"to": mail}}]},
        tags=["of:" + mail, "plain"],
        user=mail,
    )
    changed, counts = redact(record, ALL)
    messages = changed.request.messages
    assert messages[0]["content"][0]["text"] == "[email]"
    assert messages[1] == {
        "role": "tool", "tool_call_id": mail, "name": mail, "content": "[email]"
    }  # fmt: skip
    assert changed.request.tools == record.request.tools
    assert changed.request.parameters == {"metadata": {"who": "[email]"}}
    assert arguments_of(changed) == '{"to":"[email]"}'
    assert changed.tool_results[0].content == {"[email]": ["[email]"]}
    assert changed.expected == {"calls": [{"name": "f", "arguments": {"to": "[email]"}}]}
    assert changed.tags == ("of:[email]", "plain")
    assert changed.user.startswith("redacted-")
    assert counts == {"E-mail": 9}
    assert changed.notes[0].code == "redacted"


def test_a_record_that_no_rule_touches_is_the_same_object() -> None:
    record = make_record('{ "city" : "Oslo" }')
    assert redact(record, ALL)[0] is record


def test_users_become_pseudonyms_that_stay_the_same_within_a_project() -> None:
    rules = compile_rules([USER], salt=b"one")
    first, _ = redact(make_record(user="u_1"), rules)
    second, _ = redact(make_record(user="u_1"), rules)
    other, _ = redact(make_record(user="u_1"), compile_rules([USER], salt=b"two"))
    assert first.user == second.user != other.user
    assert "u_1" not in first.user
    assert redact(first, rules) == (first, {})


def test_raw_bytes_are_dropped_where_there_was_something_to_redact() -> None:
    clean, dirty = b'data: {"content":"hello"}\n\n', b'{"messages":[{"content":"a\\u0040b.org"}]}'
    assert redact_bytes(clean, ALL, {}) == clean
    assert redact_bytes(clean, ALL, {"E-mail": 1}) == b""
    assert redact_bytes(dirty, ALL, {}) == b""


def test_a_body_for_quarantine_is_redacted_and_otherwise_kept() -> None:
    assert redact_body(b'\xff{"a": "x@y.org"', ALL) == b'\xff{"a": "[email]"'
    assert redact_body(b"\xff\x00{", ALL) == b"\xff\x00{"


@pytest.mark.parametrize(
    "rule, said",
    [
        (Rule("a", "pattern", "(", "x"), "RE2 cannot read"),
        (Rule("a", "pattern", "(a)\\1", "x"), "RE2 cannot read"),
        (Rule("a", "pattern", "(?=a)", "x"), "RE2 cannot read"),
        (Rule("a", "pattern", "a*", "x"), "matches where there is nothing"),
        (Rule("a", "pattern", "a", ""), "Give a replacement"),
        (Rule("a", "pattern", "a", 'a"b'), "no quotation marks"),
        (Rule("a", "pointer", "arguments", "x"), "begins with /"),
        (Rule("a", "pointer", "/tools/0", "x"), "begins with one of"),
        (Rule("a", "pointer", "/arguments", "x"), "takes away all of it"),
        (Rule("a", "pointer", "/messages/*/role", "x"), "its form"),
        (Rule("a", "builtin", "iban", "x"), "no built-in rule"),
    ],
)
def test_a_rule_that_cannot_be_used_says_why(rule: Rule, said: str) -> None:
    with pytest.raises(BadRule, match=said):
        compile_rules([rule])


def test_patterns_that_overlap_become_one_replacement() -> None:
    rules = [EMAIL, Rule("Line", "pattern", "secret.*", "[line]")]
    assert after("my secret: a@b.org", *rules) == "my [email]"
    assert after("a@b.org has a secret", *rules) == "[email] has a [line]"


@pytest.mark.parametrize(
    "text",
    [
        "@" * 50_000,
        "a" * 100_000 + "@",
        "a.a@" * 20_000,
        "4" * 100_000,
        "4111 " * 20_000,
        "+1" * 50_000,
        "(415) " * 20_000,
        "415-" * 25_000,
        "[" * 50_000 + '"a@b.org',
        '{"a":"' * 20_000,
    ],
    ids=lambda text: text[:8],
)
def test_no_text_takes_long(text: str) -> None:
    rules = compile_rules([EMAIL, CARD, PHONE, Rule("p", "pattern", "(a+)+$|(x+x+)+y", "[p]")])
    begun = time.process_time()
    redact_text(text, rules, {})
    assert time.process_time() - begun < 5


PIECES = st.sampled_from(
    ["a@b.org", "4111 1111 1111 1111", "+47 22 12 34 56", "[email]", "[x]", "aa", "b", " ", '"']
    + ["\\", "{", "}", "[", "]", ":", ",", "1", "é", "\ud800", "\0", "\n", "[e", "mail]", "@"]
)  # fmt: skip
TEXTS = st.lists(PIECES | st.text(max_size=4), max_size=14).map("".join)
JSONS = st.recursive(
    TEXTS | st.integers() | st.floats(allow_nan=False) | st.none() | st.booleans(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)
MANY = compile_rules(
    [EMAIL, CARD, PHONE, Rule("Word", "pattern", "a+", "[x]"), Rule("E", "pattern", "e.", "[ex]")]
)


@settings(max_examples=50, deadline=None)
@given(TEXTS)
def test_redacting_a_text_twice_changes_nothing_more(text: str) -> None:
    once = redact_text(text, MANY, {})
    counts: dict[str, int] = {}
    assert redact_text(once, MANY, counts) == once
    assert not counts


@settings(max_examples=50, deadline=None)
@given(JSONS, st.sampled_from([None, 1, 2]))
def test_json_stays_json_and_is_stable(value: Any, indent: int | None) -> None:
    text = json.dumps({"value": value}, indent=indent)
    once = redact_text(text, MANY, {})
    json.loads(once)
    assert redact_text(once, MANY, {}) == once


@settings(max_examples=50, deadline=None)
@given(st.text(alphabet=st.characters(exclude_characters="@%0123456789"), max_size=60), JSONS)
def test_what_no_rule_finds_stays_byte_for_byte(text: str, value: Any) -> None:
    assert redact_text(text, ALL, {}) == text
    whole = json.dumps({"text": text, "value": str(value).replace("@", "").replace("%", "")})
    counts: dict[str, int] = {}
    new = redact_text(whole, ALL, counts)
    assert (new == whole) == (not counts)


@settings(max_examples=50, deadline=None)
@given(TEXTS, TEXTS)
def test_redacting_a_record_twice_changes_nothing_more(first: str, second: str) -> None:
    record = make_record(
        first,
        request={"messages": [{"role": "user", "content": second}]},
        tool_results=[{"call_id": "c1", "content": {second: first}}],
    )
    once, _ = redact(record, MANY)
    twice, counts = redact(once, MANY)
    assert twice is once and not counts

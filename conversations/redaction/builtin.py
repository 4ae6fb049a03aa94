"""What is found without being told: e-mail addresses, payment cards, telephone numbers.

Each finder yields (start, end) in the text, in time linear in its length.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

Span = tuple[int, int]

# ---- e-mail: every @ is looked at from both sides, so that long runs are not read again
_AT = re.compile("@|%40")
_LOCAL = re.compile(r"[\w.+%'!#$&*/=?^`{|}~-]*\Z")
_LOCAL_EDGE = re.compile(r"\A[^\w]+")
_DOMAIN = re.compile(r"(?:[^\W_](?:[\w-]{0,61}[^\W_])?\.){1,8}(?:xn--[\w-]{2,59}|[^\W\d_]{2,24})\b")
_IMAGE = re.compile(r"\d+(?:\.\d+)?x\.(?:png|jpe?g|gif|webp|svg|avif|heic)", re.IGNORECASE)
_LONGEST_LOCAL = 64


def find_emails(text: str) -> Iterator[Span]:
    if "@" not in text and "%40" not in text:
        return
    for at in _AT.finditer(text):
        start = max(0, at.start() - _LONGEST_LOCAL)
        local = _LOCAL.search(text[start : at.start()])
        domain = _DOMAIN.match(text, at.end())
        if local is None or domain is None or _IMAGE.fullmatch(domain[0]):
            continue
        name = local[0].rpartition("/")[2].rpartition("=")[2].rpartition("?")[2]
        name = _LOCAL_EDGE.sub("", name)
        if name:
            yield at.start() - len(name), domain.end()


# ---- payment cards: the grouping that is printed, the issuer's range and length, and Luhn
_GAP = "[ .\u00a0\u2010-\u2013-]"
_CARD = re.compile(
    r"[2-6]\d{3}(?:\d{9,15}"
    rf"|(?P<g>{_GAP})\d{{4}}(?P=g)\d{{4}}(?P=g)\d{{4}}(?P<rest>(?P=g)\d{{3}}(?!\d))?"
    rf"|(?P<h>{_GAP})\d{{6}}(?P=h)\d{{4,5}})(?!\w)(?![.,]\d)",
    re.ASCII,
)
_BEFORE_CARD = re.compile(r"\w\Z|\d[.,]\Z", re.ASCII)
# First digits and the lengths that go with them, after ISO/IEC 7812 and the issuers' own tables.
_ISSUERS = re.compile(
    r"4(?:\d{12}|\d{15}|\d{18})"  # Visa
    r"|5[1-5]\d{14}|2(?:22[1-9]|2[3-9]\d|[3-6]\d\d|7[01]\d|720)\d{12}"  # Mastercard
    r"|3[47]\d{13}"  # American Express
    r"|3(?:0[0-5]|[68]\d)\d{11}"  # Diners Club
    r"|(?:6011|64[4-9]\d|65\d\d)\d{12}(?:\d{3})?"  # Discover
    r"|35(?:2[89]|[3-8]\d)\d{12}"  # JCB
    r"|62\d{14,17}|81\d{14}"  # UnionPay
    r"|(?:50|5[6-8]|6[037])\d{10,17}",  # Maestro
    re.ASCII,
)


def find_cards(text: str) -> Iterator[Span]:
    at = 0
    while match := _CARD.search(text, at):
        start, end = match.span()
        at = start + 1
        if _BEFORE_CARD.search(text[max(0, start - 2) : start]):
            continue
        if not _is_card(match[0]) and match["rest"]:
            end -= len(match["rest"])
        if _is_card(text[start:end]):
            yield start, end
            at = end


def _is_card(text: str) -> bool:
    digits = re.sub(r"\D", "", text)
    return bool(_ISSUERS.fullmatch(digits)) and passes_luhn(digits)


def passes_luhn(digits: str) -> bool:
    """The check digit of ISO/IEC 7812-1, annex B."""
    values = [int(digit) for digit in reversed(digits)]
    doubled = (2 * value - 9 * (value > 4) for value in values[1::2])
    return (sum(values[::2]) + sum(doubled)) % 10 == 0


# ---- telephone numbers: E.164 with its +, or the North American grouping
_PLUS = re.compile(r"\+[1-9]", re.ASCII)
_INTERNATIONAL = re.compile(
    r"\+[1-9](?:(?:(?:[ -]|[ -]?\(|\)[ -]?)?\d){6,14}(?!\w)(?![.,]\d)|(?:\.?\d){6,14}(?![\w.]))",
    re.ASCII,
)
_BEFORE_PLUS = re.compile(r"[\w+.,]\Z", re.ASCII)
_LOCAL_NUMBER = re.compile(r"\d{3}(?P<g>[ .-])\d{4}(?!\w)(?![.,-]\d)", re.ASCII)
_AREA = re.compile(
    r"(?<![\w.,+-])(?:1[ .-])?(?:\([2-9]\d\d\) ?|(?P<bare>[2-9]\d\d)(?P<g>[ .-]))\Z", re.ASCII
)
_LONGEST_AREA = 10
# Country calling codes that are assigned (ITU-T E.164, annex).
_COUNTRY = re.compile(
    r"1|7|2(?:0|7|1[123678]|[2-6]\d|9[01789])|3(?:[0-469]|5\d|7\d|8[0-35-79])"
    r"|4(?:[013-9]|2[013])|5(?:[1-8]|0\d|9\d)|6(?:[0-6]|7[02-9]|8[0-35-9]|9[0-2])"
    r"|8(?:[1246]|0[08]|5[02356]|7[08]|8[0-368])|9(?:[0-58]|6\d|7[0-79]|9[2-8])",
    re.ASCII,
)


def find_phones(text: str) -> Iterator[Span]:
    for plus in _PLUS.finditer(text):
        match = _INTERNATIONAL.match(text, plus.start())
        before = text[max(0, plus.start() - 1) : plus.start()]
        if match and not _BEFORE_PLUS.match(before) and _is_international(match[0]):
            yield match.span()
    for local in _LOCAL_NUMBER.finditer(text):
        start = max(0, local.start() - _LONGEST_AREA)
        area = _AREA.search(text[start : local.start()])
        if area and (
            area["bare"] is None or (area["g"] == local["g"] and local[0][0] in "23456789")
        ):
            yield start + area.start(), local.end()


def _is_international(text: str) -> bool:
    """Of an assigned country and a length that numbers have: undivided ones are not dates."""
    digits = re.sub(r"\D", "", text)
    if digits[0] == "1":
        return len(digits) == 11 and digits[1] in "23456789" and digits[4] in "23456789"
    least = 9 if text.endswith(digits) else 8
    return least <= len(digits) <= 15 and bool(_COUNTRY.match(digits))

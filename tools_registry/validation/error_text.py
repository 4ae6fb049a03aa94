"""How errors read: the words with which tools begin their errors, and what those words mean."""

from __future__ import annotations

import re

HEAD = 2000
"""Characters of a text that are looked at."""

_PROSE = 500

_REASONS = (
    r"bad request|unauthorized|payment required|forbidden|not found|method not allowed|"
    r"not acceptable|request timeout|conflict|gone|unprocessable|too many requests|"
    r"internal server error|not implemented|bad gateway|service unavailable|gateway timeout|"
    r"client error|server error"
)
# How an error text begins. Each is anchored: an article about errors is not an error.
_BEGINS = re.compile(
    r"""[\s*_#>`\[(]*(?:
      error\b\s*(?:[:(\[!\u2014-]|\#?\d+\b|$)
    | error\s+(?:calling|executing|invoking|running|while|during|in|fetching|processing|
              performing|accessing|occurred|from|code|parsing|reading|sending|connecting)\b
    | (?:an?\s+)?(?:unexpected\s+|internal\s+|unknown\s+|server\s+|runtime\s+|fatal\s+|
              validation\s+|tool\s+|api\s+|http\s+|request\s+|network\s+|connection\s+|
              timeout\s+)+(?:error|exception)\b(?!s)
    | an?\s+(?:error|exception)\s+(?:has\s+)?occurr?ed\b
    | traceback\s+\(most\s+recent\s+call\s+last\)
    | exception\b\s*[:(\[]
    | (?:\w+\.)*(?-i:[A-Z])\w*(?:error|exception)\b\s*[:(\[]
    | (?:failure|failed|fatal)\s*:
    | <(?:tool_use_)?error>
    | (?:http(?:/\d(?:\.\d)?)?\s+)[45]\d\d\b
    | [45]\d\d\s*[:,\u2014-]?\s*(?:REASONS)\b
    )""".replace("REASONS", _REASONS.replace(" ", r"\s+")),
    re.IGNORECASE | re.VERBOSE,
)
# Beginnings that are an error only where little follows.
_PROSE_BEGINS = re.compile(
    r"""[\s*_]*(?:
      (?:failed|unable)\s+to\b
    | (?:the\s+)?(?:request|connection|operation|tool|tool\s+call|tool\s+execution|call|read|
              gateway|server|execution|query)\s+(?:has\s+)?(?:timed?\s*-?out|failed|was\s+refused|
              refused|was\s+reset|reset|was\s+aborted|aborted)\b
    | time(?:d\s+|d-|\s|-)?out\b
    | rate[\s-]?limit(?:ed)?\b | too\s+many\s+requests\b | quota\s+exceeded\b
    | (?:access|permission)\s+denied\b | unauthorized\b | forbidden\b
    | service\s+(?:is\s+)?(?:temporarily\s+)?unavailable\b
    | internal\s+server\s+error\b | bad\s+gateway\b
    | invalid\s+(?:arguments?|parameters?|request|input|api\s+key)\b
    )""",
    re.IGNORECASE | re.VERBOSE,
)


def begins_as_error(text: str) -> bool:
    """Whether a result's text begins as an error does; prose counts where little follows."""
    head = text[:HEAD]
    return bool(_BEGINS.match(head) or (len(text) <= _PROSE and _PROSE_BEGINS.match(head)))


_HTTP_IN_TEXT = re.compile(
    r"\b(?:http(?:/\d(?:\.\d)?)?|status(?:\s+code)?|error\s+code|code)\W{0,3}([45]\d\d)\b|"
    rf"(?:^|:)\s*([45]\d\d)\b\s*(?:$|[:,\u2014-]|(?:{_REASONS})\b)",
    re.IGNORECASE,
)


def http_in(text: str) -> int | None:
    """The HTTP status of failure that a text names."""
    match = _HTTP_IN_TEXT.search(text[:HEAD])
    return int(match[1] or match[2]) if match else None


LIMITED = re.compile(
    r"rate[\s_-]?limit|too\s+many\s+requests|quota\s+(?:has\s+been\s+)?exceeded|"
    r"exceeded\s+(?:your|the)\s+(?:current\s+)?quota|throttl|resource[\s_]?exhausted",
    re.IGNORECASE,
)
TIMED_OUT = re.compile(
    r"time[ds]?[\s_-]?out|deadline[\s_]?exceeded|ETIMEDOUT|took\s+too\s+long", re.IGNORECASE
)
TRANSIENT = re.compile(
    r"try\s+again\s+(?:later|shortly|in\b)|retry[\s-]after|please\s+retry|temporar|unavailable|"
    r"overloaded|connection\s+(?:was\s+)?(?:reset|refused|aborted|closed)|ECONN(?:RESET|REFUSED)|"
    r"internal\s+server\s+error|bad\s+gateway|server\s+is\s+busy",
    re.IGNORECASE,
)
FAILING = re.compile(
    rf"{LIMITED.pattern}|{TIMED_OUT.pattern}|{TRANSIENT.pattern}|"
    r"\b(?:error|failed|failure|denied|forbidden|unauthorized|invalid|exception)\b",
    re.IGNORECASE,
)

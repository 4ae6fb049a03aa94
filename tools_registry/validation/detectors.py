"""What reads as an attack in a text: patterns in RE2, whose time is linear in the text.

They are for arguments of tool calls, so they look for what has no business in a value: an SQL
statement, an instruction to a model, markup, characters that are not seen. They are tuned for few
false alarms, not for a determined attacker; ``docs/policies.md`` says what was measured.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from typing import Any

import re2  # type: ignore[import-untyped]

from tools_registry.validation.compiled import storable

_NAME = r"[\w.\"`\[\]]+"
_END = r"\s*(?:;|--|$)"
_SQL = [
    # statements: a whole one, with the marks that English does not have
    rf"(?i)\bdelete\s+from\s+{_NAME}\s*(?:;|--|where\s+{_NAME}\s*(?:[=<>]|in\b|like\b|is\b))",
    rf"^\s*DELETE\s+FROM\s+{_NAME}\s*$",
    rf"(?i)\binsert\s+into\s+{_NAME}\s*(?:\([^()]*\)\s*)?(?:values\s*\(|select\s)",
    rf"(?i)\bupdate\s+{_NAME}\s+set\s+{_NAME}\s*=",
    rf"(?i)\bdrop\s+(?:table|database|schema|view|user)\s+(?:if\s+exists\s+)?{_NAME}{_END}",
    rf"(?i)\btruncate\s+table\s+{_NAME}{_END}",
    rf"(?i)\balter\s+(?:table|user|database)\s+{_NAME}\s+(?:add|drop|modify|rename|alter|set|with)\b",
    rf"(?i)\bcreate\s+(?:table|user|login|trigger|function)\s+{_NAME}\s*(?:\(|with|identified)",
    rf"(?i)\bselect\s+(?:\*|[\w.@()*]+(?:\s*,\s*[\w.@()*]+)+)\s+from\s+{_NAME}",
    rf"(?i)\bselect\s+[\w.@()*]+\s+from\s+{_NAME}\s*(?:;|--|where\s+{_NAME}\s*(?:[=<>]|in\b|like\b))",
    rf"(?i)\(\s*select\s+[\w.@()*]+\s+from\s+{_NAME}",
    r"(?i)\bunion\s+(?:all\s+|distinct\s+)?select\b",
    r"(?i)\bgrant\s+(?:all|select|insert|update|delete)\b[\w\s,]{0,80}\bon\s+\S+\s+to\s+",
    # pieces that break out of a statement
    r"(?i)['\"`)]\s*(?:or|and|\|\||&&)\s+['\"(]*\w+['\"]?\s*(?:=|<>|!=|<|>|like\b|is\s+null)",
    r"(?i)\b(?:or|and)\s+(?:1\s*=\s*1|'1'\s*=\s*'1'?|\"1\"\s*=\s*\"1\"?|true)\s*(?:--|#|;|/\*|$)",
    r"(?i)['\";]\s*;?\s*(?:drop|delete|insert|update|alter|truncate|shutdown|exec|execute)\s+\w+\s+\w+",
    r"(?i)['\"]\s*\)*\s*;?\s*(?:--|#)\s*$",
    r"(?i)\w'\s*(?:--|/\*)",
    r"(?i);\s*shutdown\b",
    r"(?i)\b(?:pg_sleep|sleep|benchmark|load_file|extractvalue|updatexml)\s*\(\s*['\"\d]",
    r"(?i)\bwaitfor\s+delay\s+'",
    r"(?i)\bxp_cmdshell\b|\binformation_schema\.\w|\binto\s+(?:out|dump)file\s+'",
    r"(?i)\bexec(?:ute)?\s*\(?\s*(?:master|xp_|sp_)\w*",
]


def _any_of(words: str) -> str:
    return "(?:" + "|".join(words.split()) + ")"


_DIRECTIVES = _any_of(
    "instructions? prompts? rules? guidelines? directions? directives? commands? constraints? "
    "programming training restrictions? safeguards?"
)
_FORMER = _any_of(
    "all any every the your my its these those of previous prior above earlier preceding former "
    "foregoing original initial system safety existing other given developer current and content"
)
_SECRET = _any_of(
    "system initial hidden original secret developer internal full confidential exact"
)
_PROMPT = [
    rf"(?i)\b(?:ignore|ignoring|disregard|forget|override|bypass|neglect|drop|discard|do\s+not\s+follow|don'?t\s+follow|stop\s+following)\s+(?:{_FORMER}\s+){{1,6}}{_DIRECTIVES}\b",
    r"(?i)\b(?:ignore|disregard|forget)\s+(?:everything|all|anything)\s+(?:that\s+)?(?:(?:was|you\s+were|i|we)\s+)?(?:said|told|above|before|prior|previous|written|have\s+been\s+told|you\s+know|else\s+and)\b",
    r"(?i)\b(?:ignore|disregard)\s+the\s+(?:above|previous|preceding|foregoing)\s*(?:and|,|\.|;|:|$)",
    rf"(?i)\b(?:reveal|print|show|repeat|output|leak|display|give|send|tell|expose|dump|disclose|write\s+out)\s+(?:me\s+|us\s+)?(?:out\s+)?(?:your|the)\s+(?:{_SECRET}\s+){{1,3}}(?:prompts?|instructions?|messages?|rules?|configuration)",
    r"(?i)\bwhat\s+(?:is|are|was|were)\s+your\s+(?:system|initial|original|hidden)\s+(?:prompts?|instructions?)",
    r"(?i)\byou\s+are\s+now\s+(?:a|an|in|dan\b|no\s+longer|free|unrestricted|acting|my|the\s+(?:admin|root|developer|system))\b",
    r"(?i)\b(?:from\s+now\s+on|starting\s+now|henceforth),?\s+you\s+(?:are|will|must|shall|should|act|only|have\s+no)\b",
    r"(?i)\b(?:new|updated|revised|real|actual)\s+(?:system\s+)?(?:instructions?|prompt|directives?)\s*:",
    r"(?i)\b(?:do\s+not|don'?t|never|without)\s+(?:tell|telling|inform|informing|mention|mentioning|reveal|revealing|notify|notifying|alert|alerting|let)\s+(?:this\s+|it\s+|anything\s+)?(?:to\s+)?the\s+(?:user|human|customer)\b",
    r"(?i)\b(?:developer|dan|jailbreak|god|debug|admin|maintenance|unrestricted|sudo)\s+mode\s*(?:is\s+)?(?:now\s+)?(?:enabled|activated|active|engaged|on\b|unlocked)",
    r"(?i)\b(?:enable|enter|activate|switch\s+to|go\s+into)\s+(?:developer|dan|jailbreak|god|unrestricted)\s+mode\b",
    r"(?i)\bdo\s+anything\s+now\b|\bjailbreak(?:ed)?\s+(?:prompt|mode)\b",
    r"(?i)\b(?:act|respond|behave|answer|reply)\s+as\s+(?:if\s+you\s+(?:have|had|were)\s+no|an?\s+(?:unrestricted|unfiltered|uncensored|jailbroken|evil))",
    r"(?i)\b(?:pretend|imagine|assume)\s+(?:that\s+)?you(?:'re|\s+are|\s+have)\s+(?:no\s+(?:rules|restrictions|limits|filters?|guidelines)|an?\s+(?:unrestricted|unfiltered|uncensored)|not\s+bound)",
    r"(?i)<\|(?:im_start|im_end|system|user|assistant|endoftext|begin_of_text|start_header_id|eot_id)\|>",
    r"(?i)\[/?INST\]|<</?SYS>>|\[/?SYSTEM\]",
    r"(?i)(?:^|\n)\s*(?:#{1,4}\s*)?(?:system|assistant)(?:\s+(?:prompt|message|instruction|override|note))?\s*:\s*(?:you|ignore|override|new|the\s+(?:user|assistant)|always|never|from|important|call|execute|grant|disregard)\b",
    r"(?i)\b(?:important|attention|note):?\s+(?:to|for)\s+(?:the\s+)?(?:ai\s+)?(?:ai|llm|assistant|language\s+model|model|agent)s?\b\s*[:,!-]",
    r"(?i)\b(?:as|dear|hey|hello)\s+(?:an?\s+)?(?:ai|llm)\s+(?:assistant|model|agent)?,?\s+you\s+(?:must|should|are\s+(?:required|instructed))\b",
    r"(?i)\b(?:call|invoke|execute|use|run)\s+the\s+[\w-]+\s+(?:tool|function)\s+(?:with|and|now|to|immediately|instead)\b",
    r"(?i)\b(?:exfiltrate|send|forward|post|upload|e?-?mail)\s+(?:all\s+|the\s+|this\s+|your\s+|entire\s+){1,3}(?:conversation|chat\s+history|system\s+prompt|api\s+keys?|credentials|passwords?|secrets)\b",
    r"(?i)\bignorier(?:e|en)?\s+(?:sie\s+|bitte\s+)?(?:alle|sämtliche|die|deine|ihre)\s+(?:\w+\s+){0,3}(?:anweisungen|instruktionen|regeln|vorgaben|befehle)",
    r"(?i)\b(?:ignore[rz]?|oublie[rz]?)\s+(?:toutes\s+)?(?:les|tes|vos)\s+(?:\w+\s+){0,2}(?:instructions|consignes|règles|directives)",
    r"(?i)\b(?:ignora|ignore|olvida|olvide)\s+(?:todas\s+)?(?:las|tus|sus)\s+(?:\w+\s+){0,2}(?:instrucciones|reglas|indicaciones)",
    r"(?:忽略|无视|忘记|忘掉)(?:你|您|所有|之前|以上|先前|前面|上述|的|全部|一切){1,6}(?:指令|指示|提示|规则|说明|命令)",
    r"(?:前の|以前の|上記の|これまでの|すべての|全ての)(?:すべての|全ての)?(?:指示|命令|ルール|プロンプト)を(?:無視|忘れ)",
]
_ELEMENTS = _any_of(
    "a abbr article aside audio b base body br button canvas code dd details dialog div dl dt em "
    "embed font footer form frame frameset h[1-6] head header hr html i iframe img input label li "
    "link main marquee math meta nav object ol option p picture pre script section select small "
    "source span strong style sub sup svg table tbody td template textarea tfoot th thead title tr "
    "u ul video"
)
_MARKUP = [
    rf"(?i)</?{_ELEMENTS}(?:\s+[a-z:@_-][^<>]*)?\s*/?>",
    r"(?i)<(?:script|iframe|img|svg|object|embed|link|meta|body|form|input|video|audio|a|style|base)[\s/][^<>]*=",
    r"(?i)<script\b|<!--|<!doctype\b|<\?(?:php|xml)\b|<!\[CDATA\[",
    r"(?i)\b(?:javascript|vbscript)\s*:\s*[\w(\[/'\"`]",
    r"(?i)\bdata:text/html[;,]",
    r"(?i)\bon(?:error|load|click|mouseover|focus|blur|input|change|submit|toggle|start|animationstart)\s*=\s*['\"\w]+\s*[(=.]",
    r"(?i)(?:&#x?[0-9a-f]{2,6};){3}|&lt;\s*/?(?:script|iframe|img|svg)\b",
    r"(?i)%3c\s*(?:script|img|iframe|svg)\b",
    r"\{\{\s*(?:constructor|config|self|request|\d+\s*\*\s*\d+)[^{}]*\}\}|\$\{\s*(?:jndi:|\d+\s*\*\s*\d+)",
]
_UNSEEN = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\u200b\u202a-\u202e\u2060-\u2064\u2066-\u2069"
    "\ufeff\ufff9-\ufffb\U000e0001]|(?<![\U0001f3f4\U000e0020-\U000e007f])[\U000e0020-\U000e007f]"
)
_INVISIBLE = re.compile("[\u00ad\u200b-\u200f\u2060-\u2064\ufeff\U000e0000-\U000e007f]")


def _compile(patterns: list[str], flags: str = "") -> Any:
    options = re2.Options()
    options.max_mem = 64 << 20
    return re2.compile("|".join(f"(?{flags}:{one})" for one in patterns), options)


_ANY = _compile([*_SQL, *_PROMPT, *_MARKUP], "m")


Detector = Callable[[str], str | None]
"""What it found in the text, None for nothing."""


def _search(pattern: Any) -> Detector:
    def detect(text: str) -> str | None:
        found = pattern.search(text)
        return str(found[0]) if found else None

    return detect


def _detect_unseen(text: str) -> str | None:
    found = None if text.isascii() and text.isprintable() else _UNSEEN.search(text)
    if found is None:
        return None
    char = found[0][0]
    return f"U+{ord(char):04X} {unicodedata.name(char, 'control character')}"


DETECTORS: dict[str, Detector] = {
    "sql_injection": _search(_compile(_SQL)),
    "prompt_injection": _search(_compile(_PROMPT)),
    "markup": _search(_compile(_MARKUP)),
    "control_characters": _detect_unseen,
}


def may_hold(texts: list[str]) -> bool:
    """Whether a detector may find something in one of the texts: one look for all of them."""
    lines = "\n".join(texts)
    return _ANY.search(plain(lines)) is not None or (
        not lines.replace("\n", "").isprintable() and _UNSEEN.search(lines) is not None
    )


def plain(text: str) -> str:
    """The text as a reader sees it: without invisible characters, wide letters made narrow."""
    if text.isascii():
        return text
    return unicodedata.normalize("NFKC", storable(_INVISIBLE.sub("", text)))

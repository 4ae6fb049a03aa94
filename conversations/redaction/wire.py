"""The raw bytes of a turn that redaction may have to do with: kept whole, or not at all.

Streamed answers cut texts anywhere: a card number may stand in seven chunks, between the marks
of its protocol, and its bytes decide where the time line of the turn breaks. No replacement in
the bytes could be trusted, so bytes are dropped as soon as there was something to redact.
"""

from __future__ import annotations

from conversations.ingest.notes import Note
from conversations.redaction.json_text import redact_text
from conversations.redaction.rules import Counts, Rules

WIRE_DROPPED = Note("wire_dropped", "Wire dropped because redaction changed the turn.")


def redact_bytes(data: bytes, rules: Rules, counts: Counts) -> bytes:
    """``data``, or b"" where a rule changed the turn (``counts``) or finds something in the bytes.

    Give a raw request, or all chunks of a stream joined; where b"" comes back for bytes that
    were not empty, store none of the turn's bytes and add the note ``WIRE_DROPPED``.
    """
    if not rules or not data:
        return data
    found = dict(counts)
    redact_text(data.decode(errors="replace"), rules, found)
    return b"" if found else data


def redact_body(data: bytes, rules: Rules) -> bytes:
    """A body that could not be read as a turn, by all rules but pointers: what quarantine keeps.

    Bytes that are no UTF-8 stay as they are, and so does all that no rule finds.
    """
    if not rules or not data:
        return data
    text = data.decode("utf-8", "surrogateescape")
    new = redact_text(text, rules, {})
    return data if new == text else new.encode("utf-8", "surrogateescape")

"""What an address below ``/proxy/`` says, and where it leads. Pure.

``/proxy/<connection>/v1/…``, or ``/proxy/k/<project key>/<connection>/v1/…`` for clients that
cannot send a header of their own.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import unquote

PREFIX = "/proxy/"
KEY_MARK = "mf_"
RECORDED = {
    "chat/completions": "openai.chat",
    "responses": "openai.responses",
    "messages": "anthropic.messages",
}
# Where the connection's own key may be lent: models are asked, nothing of the account is run.
LENT = frozenset([*RECORDED, "messages/count_tokens", "completions", "embeddings", "models"])


class BadAddress(ValueError):
    """An address that leads nowhere; the text says what it should look like."""


@dataclass(frozen=True, slots=True)
class Address:
    """``connection`` is a name or an id; ``path`` is what follows ``/v1/``, still encoded."""

    connection: str
    path: str
    key: str = field(default="", repr=False)

    def protocol(self, method: str) -> str:
        """The protocol of a turn that this records, "" where it records none."""
        return RECORDED.get(self.path, "") if method == "POST" else ""

    @property
    def is_anthropic(self) -> bool:
        return self.path.partition("/")[0] == "messages"

    @property
    def may_lend(self) -> bool:
        return self.path in LENT or self.path.startswith("models/")


def read_address(raw_path: str) -> Address:
    """Read a path that begins with ``PREFIX``, as it was sent. Raises ``BadAddress``."""
    segments = raw_path.removeprefix(PREFIX).split("/")
    key = ""
    if segments[0] == "k" and len(segments) > 1 and segments[1].startswith(KEY_MARK):
        key, segments = segments[1], segments[2:]
    if len(segments) < 3 or segments[1] != "v1" or not segments[0] or not segments[2]:
        raise BadAddress(
            "The address must be /proxy/<connection>/v1/… or"
            " /proxy/k/<project key>/<connection>/v1/…, followed by the provider's own path."
        )
    path = "/".join(segments[2:])
    if any(step in (".", "..") for step in unquote(path).replace("\\", "/").split("/")):
        raise BadAddress("The path may not hold . or .. as a step.")
    return Address(unquote(segments[0]), path, key)


def upstream_url(base_url: str, path: str, query: str) -> str:
    """The provider's address: ``base_url`` is what its SDK is given, with or without ``/v1``."""
    return f"{base_url}/{path}" + (f"?{query}" if query else "")

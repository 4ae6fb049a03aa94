"""Log lines without keys."""

from __future__ import annotations

import logging
import re

_KEY = re.compile(r"mf_[A-Za-z0-9_-]{20,}")


class KeylessFormatter(logging.Formatter):
    """Formats a line, its traceback included, with project keys masked: they may stand in
    addresses, which servers and libraries log."""

    def format(self, record: logging.LogRecord) -> str:
        return _KEY.sub("mf_•••", super().format(record))

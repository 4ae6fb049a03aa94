"""Keys in addresses do not reach the log, whoever logs them."""

from __future__ import annotations

import logging
import sys

from console.lib.log import KeylessFormatter

KEY = "mf_IIMIEvg_GLXuXH45gXuR81cte3xxY5hyu0on2fTM2e4"


def test_keys_are_masked_in_messages_arguments_and_tracebacks() -> None:
    try:
        raise ValueError(f"no page at /proxy/k/{KEY}/up/v1")
    except ValueError:
        failure = sys.exc_info()
    record = logging.LogRecord("a", 40, "f", 1, f"{KEY} and %s", (f"/k/{KEY}/",), failure)
    line = KeylessFormatter("{message}", style="{").format(record)
    assert KEY not in line
    assert line.count("mf_•••") == 3


def test_other_lines_stay_as_they_are() -> None:
    record = logging.LogRecord("a", 20, "f", 1, "mf_short and %d", (1,), None)
    assert KeylessFormatter("{message}", style="{").format(record) == "mf_short and 1"

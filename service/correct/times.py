"""Timestamps of requests: RFC 3339 with an offset, which name one moment."""

from __future__ import annotations

import re
from datetime import UTC, datetime

PATTERN = (
    r"^(19[7-9][0-9]|[2-8][0-9]{3})-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])[Tt]([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]"
    r"(\.[0-9]{1,9})?([Zz]|[+-]([01][0-9]|2[0-3]):[0-5][0-9])$"
)
"""From 1970 on, without leap seconds, which `datetime` does not know; `read_timestamp` knows how long months are."""
SHAPE = re.compile(PATTERN, re.ASCII)


def read_timestamp(text: str) -> datetime | None:
    """Read a moment into UTC; None where it is none. Digits after microseconds are cut off."""
    if not SHAPE.fullmatch(text):
        return None
    try:
        return datetime.fromisoformat(_short(text.upper())).astimezone(UTC)
    except ValueError:
        return None


def _short(text: str) -> str:
    """Cut a fraction to microseconds: `fromisoformat` of Python 3.11 takes 3 or 6 digits and no others."""
    found = re.search(r"\.([0-9]+)", text)
    if found is None:
        return text
    return f"{text[: found.start()]}.{found[1][:6].ljust(6, '0')}{text[found.end() :]}"

"""Timestamps of requests: RFC 3339 with an offset, which name one moment."""

from __future__ import annotations

import re
from datetime import UTC, datetime

PATTERN = (
    r"^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])[Tt]([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]"
    r"(\.[0-9]{1,9})?([Zz]|[+-]([01][0-9]|2[0-3]):[0-5][0-9])$"
)
"""Without leap seconds, which `datetime` and most clocks do not know; `read_timestamp` knows how long months are."""
SHAPE = re.compile(PATTERN, re.ASCII)
EARLIEST_YEAR, LATEST_YEAR = 1970, 9998
"""Nobody had a satellite fix before, and a day has to fit on either side."""


def read_timestamp(text: str) -> datetime | None:
    """Read a moment into UTC; None where it is none. Digits after microseconds are cut off."""
    if not SHAPE.fullmatch(text):
        return None
    try:
        moment = datetime.fromisoformat(_short(text.upper())).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return moment if EARLIEST_YEAR <= moment.year <= LATEST_YEAR else None


def _short(text: str) -> str:
    """Cut a fraction to microseconds: `fromisoformat` of Python 3.11 takes 3 or 6 digits and no others."""
    found = re.search(r"\.([0-9]+)", text)
    if found is None:
        return text
    return f"{text[: found.start()]}.{found[1][:6].ljust(6, '0')}{text[found.end() :]}"

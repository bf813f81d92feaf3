"""Numbers and times as files of tracks spell them."""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime, timedelta

MOST_CHARACTERS = 64
"""Of a number or time; nothing longer is one."""
TIME = re.compile(
    r"(?P<day>\d{4}-\d\d-\d\d)[T ](?P<hour>\d\d):(?P<minute>\d\d)(?::(?P<second>\d\d)(?:[.,](?P<fraction>\d+))?)?"
    r"\s*(?P<zone>[Zz]|[+-]\d\d:?\d\d)?",
    re.ASCII,
)
LEAP_SECOND = 60


def read_number(text: object) -> float | None:
    """Read a finite number; None where it is none."""
    if isinstance(text, bool) or not isinstance(text, str | int | float):
        return None
    if isinstance(text, str) and (len(text) > MOST_CHARACTERS or "_" in text):
        return None
    try:
        value = float(text)
    except (ValueError, OverflowError):
        return None
    return value if math.isfinite(value) else None


def read_position(lat: object, lon: object) -> tuple[float, float] | None:
    """Read WGS84 degrees; None where they are not on Earth."""
    north, east = read_number(lat), read_number(lon)
    if north is None or east is None or not (-90.0 <= north <= 90.0 and -180.0 <= east <= 180.0):
        return None
    return north, east


def read_heading(text: object) -> float | None:
    """Read degrees clockwise from north into [0, 360)."""
    value = read_number(text)
    return None if value is None or abs(value) > 720.0 else value % 360.0 % 360.0


def read_length(text: object) -> float | None:
    """Read metres, or metres a second, that are not negative: iOS says -1 for what it does not know."""
    value = read_number(text)
    return None if value is None or value < 0.0 else value


def read_time(text: object) -> tuple[datetime, bool] | None:
    """Read an ISO 8601 time with hours and minutes into UTC.

    A fraction of a second is cut to microseconds. A leap second, 23:59:60, becomes the second after it, and 24:00 the
    next day's midnight, as `datetime` knows neither.

    Returns:
        The time, and whether it named its zone; without one it is taken for UTC. None where it is no time.
    """
    found = TIME.fullmatch(text.strip()) if isinstance(text, str) and len(text) <= MOST_CHARACTERS else None
    if found is None:
        return None
    hour, minute, second = int(found["hour"]), int(found["minute"]), int(found["second"] or 0)
    microsecond = int((found["fraction"] or "0")[:6].ljust(6, "0"))
    ends_day = (hour, minute, second, microsecond) == (24, 0, 0, 0)
    if minute > 59 or second > LEAP_SECOND or (hour > 23 and not ends_day):
        return None
    try:
        day = datetime.fromisoformat(found["day"]).replace(tzinfo=UTC)
        local = day + timedelta(hours=hour, minutes=minute, seconds=second, microseconds=microsecond)
        return local - _offset(found["zone"]), found["zone"] is not None
    except (ValueError, OverflowError):
        return None


def _offset(zone: str | None) -> timedelta:
    if zone is None or zone in "Zz":
        return timedelta(0)
    hours, minutes = int(zone[1:3]), int(zone[-2:])
    if hours > 23 or minutes > 59:
        raise ValueError("no offset of any zone")
    ahead = timedelta(hours=hours, minutes=minutes)
    return ahead if zone[0] == "+" else -ahead


def say_time(moment: datetime) -> str:
    """Write a time as RFC 3339 in UTC, with as many digits after the second as it has."""
    text = moment.astimezone(UTC).replace(tzinfo=None).isoformat()
    return (text.rstrip("0") if "." in text else text) + "Z"

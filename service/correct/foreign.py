"""Fixes as other programs write them: Traccar's forwarded positions, and what the apps of Traccar and OsmAnd post.

Of their many fields those are read that say where, when, how exactly, how fast and which way; all others are ignored.

    Traccar   {"position": {"deviceId", "fixTime", "deviceTime", "latitude", "longitude", "speed" in knots, "course",
               "accuracy"}, "device": {"id", "uniqueId"}}, a position alone, or a list of either
    OsmAnd    {"location": {"timestamp", "coords": {"latitude", "longitude", "accuracy", "speed" in m/s, "heading"}},
               "device_id"}, a list of these, or one with a list of locations
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from service.correct.question import check_count
from service.correct.schema import FixRequest
from service.errors import InvalidParameters
from service.parameters import parse_json_value, read_model
from service.track_files.values import read_time, say_time

Json = dict[str, Any]
Row = tuple[str, Json, Mapping[str, str]]
"""Where it stands, the fix, and for its fields how the request spelled them."""
KNOT_MPS = 1852.0 / 3600.0
PHONE_PERCENTILE = 68.0
"""Of Android and iOS."""
TRACCAR_NAMES = {
    "lat": "latitude",
    "lon": "longitude",
    "timestamp": "fixTime",
    "accuracy_m": "accuracy",
    "heading_deg": "course",
    "speed_mps": "speed",
    "device_id": "deviceId",
}
OSMAND_NAMES = {
    "lat": "coords.latitude",
    "lon": "coords.longitude",
    "timestamp": "timestamp",
    "accuracy_m": "coords.accuracy",
    "heading_deg": "coords.heading",
    "speed_mps": "coords.speed",
}


def read_traccar(body: bytes) -> tuple[FixRequest, ...]:
    """Raises MalformedJson, DuplicateField, InvalidParameters: pointing as the request spells it."""
    return _read(body, _traccar)


def read_osmand(body: bytes) -> tuple[FixRequest, ...]:
    """Raises as `read_traccar`."""
    return _read(body, _osmand)


def _read(body: bytes, rows_of: Callable[[Any, str], Iterator[Row]]) -> tuple[FixRequest, ...]:
    value = parse_json_value(body)
    listed = isinstance(value, list)
    rows: list[Row] = []
    for number, entry in enumerate(value if listed else [value]):
        rows += rows_of(entry, f"{number}." if listed else "")
        check_count(rows, 0)
    check_count(rows, 0)
    return tuple(_fix(*row) for row in rows)


def _fix(at: str, said: Json, names: Mapping[str, str]) -> FixRequest:
    try:
        return read_model(FixRequest, {name: value for name, value in said.items() if value is not None})
    except InvalidParameters as error:
        raise InvalidParameters([(at + names.get(name, name), detail) for name, detail in error.faults]) from None


def _object(value: Any, pointer: str) -> Json:
    if not isinstance(value, dict):
        raise InvalidParameters([(pointer.removesuffix("."), "has to be an object.")])
    return value


def _traccar(entry: Any, at: str) -> Iterator[Row]:
    whole = _object(entry, at)
    wrapped = "position" in whole
    inner = f"{at}position." if wrapped else at
    position = _object(whole["position"], inner) if wrapped else whole
    device = whole.get("device") if wrapped else None
    device = device if isinstance(device, dict) else {}
    speed = _known(position.get("speed"))
    at_rest = speed == 0.0 and not isinstance(speed, bool)  # then a course of 0 says nothing
    yield (
        inner,
        {
            "device_id": _device(device.get("uniqueId"), position.get("deviceId"), device.get("id")),
            "timestamp": _time(position.get("fixTime") or position.get("deviceTime")),
            "lat": position.get("latitude", _MISSING),
            "lon": position.get("longitude", _MISSING),
            "accuracy_m": _known(position.get("accuracy")) or None,
            "speed_mps": _scaled(speed, KNOT_MPS),
            "heading_deg": None if at_rest else _course(position.get("course")),
        },
        TRACCAR_NAMES,
    )


def _osmand(entry: Any, at: str) -> Iterator[Row]:
    whole = _object(entry, at)
    found = whole.get("location")
    listed = isinstance(found, list)
    for number, each in enumerate(found if isinstance(found, list) else [found]):
        inner = f"{at}location.{number}." if listed else f"{at}location."
        location = _object(each, inner)
        coords = _object(location.get("coords"), f"{inner}coords")
        accuracy_m = _known(coords.get("accuracy")) or None
        yield (
            inner,
            {
                "device_id": _device(whole.get("device_id")),
                "timestamp": _time(location.get("timestamp")),
                "lat": coords.get("latitude", _MISSING),
                "lon": coords.get("longitude", _MISSING),
                "accuracy_m": accuracy_m,
                "accuracy_percentile": None if accuracy_m is None else PHONE_PERCENTILE,
                "speed_mps": _known(coords.get("speed")),
                "heading_deg": _course(coords.get("heading")),
            },
            OSMAND_NAMES,
        )


_MISSING: Json = {}
"""What no coordinate can be: the model says that it has to be a number."""


def _known(value: Any) -> Any:
    """Give a number as such; None for what is negative, which says that the phone does not know."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return value
    try:
        return None if value < 0 else float(value)
    except OverflowError:  # a whole number of hundreds of digits
        return math.inf


def _scaled(value: Any, factor: float) -> Any:
    return value * factor if isinstance(value, float) else value


def _course(value: Any) -> Any:
    known = _known(value)
    return known % 360.0 % 360.0 if isinstance(known, float) and math.isfinite(known) else known


def _device(*said: Any) -> str | None:
    return next((str(each) for each in said if isinstance(each, str | int) and each != ""), None)


def _time(value: Any) -> Any:
    """Write a time as RFC 3339: ISO 8601 with an offset, or milliseconds since 1970; what is neither stays as it is."""
    if isinstance(value, int) and not isinstance(value, bool):
        try:
            return say_time(datetime.fromtimestamp(value / 1000, UTC))
        except (ValueError, OverflowError, OSError):
            return str(value)
    found = read_time(value)
    leap = isinstance(value, str) and ":60" in value
    return value if found is None or not found[1] or leap else say_time(found[0])

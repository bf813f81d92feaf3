"""A position as fields of the GPS directory of EXIF, there and back."""

from __future__ import annotations

import math
from dataclasses import fields as fields_of

from service.errors import ExifUnusable
from service.geotagging.placement import METHOD, Found, Placement, is_wgs84, unmoved
from service.geotagging.tiff import Directory, Tiff

BYTE, ASCII, RATIONAL, UNDEFINED = 1, 2, 5, 7
VERSION, LAT_REF, LAT, LON_REF, LON, HEADING_REF, HEADING, DATUM, PROCESSING, ERROR_M = (
    0,
    1,
    2,
    3,
    4,
    16,
    17,
    18,
    27,
    31,
)
POSITION = frozenset({LAT, LON})
ALWAYS_OURS = frozenset({LAT_REF, LAT, LON_REF, LON, PROCESSING})
CHARACTER_CODE = b"ASCII\0\0\0"
SECOND_PARTS = 10_000
"""A ten thousandth of a second of arc is 3 mm."""
Fields = dict[int, tuple[int, bytes]]


def read_gps(tiff: Tiff) -> Found | None:
    """Give the position that a block holds, ours or another's; None where there is none."""
    gps = tiff.gps()
    if gps is None or not any(entry.tag in POSITION for entry in gps.entries):
        return None
    lat, lon = _angle(tiff, gps, LAT, LAT_REF, b"S", 90.0), _angle(tiff, gps, LON, LON_REF, b"W", 180.0)
    both = lat is not None and lon is not None
    return Found(lat if both else None, lon if both else None, "exif", unmoved(lat, lon, _marked(gps)[0]))


def _angle(tiff: Tiff, gps: Directory, tag: int, ref_tag: int, negative: bytes, most: float) -> float | None:
    entry, ref = gps.entry(tag), gps.entry(ref_tag)
    if entry is None or ref is None or len(entry.value) != 24:
        return None
    parts = [tiff.number(entry.value[start : start + 4]) for start in range(0, 24, 4)]
    if 0 in parts[1::2]:
        return None
    degrees, minutes, seconds = (over / under for over, under in zip(parts[::2], parts[1::2], strict=True))
    value = degrees + minutes / 60 + seconds / 3600
    return None if value > most else math.copysign(value, -1.0 if ref.value[:1] == negative else 1.0)


def gps_fields(tiff: Tiff, placement: Placement) -> tuple[list[bytes], Fields, int | None]:
    """Say what the GPS directory of a block is to hold.

    Returns:
        The present fields that stay, the new ones, and where the present directory begins if it is Skyfix's own and
        nothing stands behind it.

    Raises:
        ExifUnusable: it names another datum.
    """
    gps = tiff.gps()
    wrote = _marked(gps)[1] if gps else frozenset[int]()
    kept = [entry for entry in gps.entries if entry.tag not in wrote | ALWAYS_OURS] if gps else []
    present = {entry.tag for entry in kept}
    datum = next((entry.value for entry in kept if entry.tag == DATUM), None)
    if datum is not None and not is_wgs84(datum.rstrip(b"\0").decode("latin-1")):
        raise ExifUnusable("The EXIF names another datum than WGS 84 for a position that it does not hold.")
    wanted = _fields(tiff, placement)
    new = {tag: field for tag, field in wanted.items() if tag not in present}
    if HEADING in present or HEADING_REF in present:
        new = {tag: field for tag, field in new.items() if tag not in (HEADING, HEADING_REF)}
    new[PROCESSING] = (UNDEFINED, CHARACTER_CODE + _mark(placement, {*new, PROCESSING}))
    is_last = gps is not None and bool(wrote) and _end(gps) == len(tiff.data)
    stays = gps is not None and any(e.value and e.value_at is not None and e.value_at >= gps.at for e in kept)
    return [entry.raw for entry in kept], new, gps.at if gps is not None and is_last and not stays else None


def _end(gps: Directory) -> int:
    """Where a directory and its values end, if the values stand behind it one after another as they are laid out."""
    end = gps.at + 2 + 12 * len(gps.entries) + 4
    for entry in sorted((e for e in gps.entries if e.value_at is not None), key=lambda e: e.value_at or 0):
        if entry.value_at != end:
            continue
        end += len(entry.value) + len(entry.value) % 2
    return end


def _fields(tiff: Tiff, placement: Placement) -> Fields:
    fields: Fields = {
        VERSION: (BYTE, bytes([2, 3, 0, 0])),
        LAT_REF: (ASCII, b"S\0" if placement.lat < 0 else b"N\0"),
        LAT: (RATIONAL, _sexagesimal(tiff, placement.lat)),
        LON_REF: (ASCII, b"W\0" if placement.lon < 0 else b"E\0"),
        LON: (RATIONAL, _sexagesimal(tiff, placement.lon)),
        DATUM: (ASCII, b"WGS-84\0"),
        ERROR_M: (RATIONAL, _rational(tiff, placement.radius_m_68, 10)),
    }
    if placement.heading_deg is not None:
        fields[HEADING_REF] = (ASCII, b"T\0")
        fields[HEADING] = (RATIONAL, _rational(tiff, placement.heading_deg, 10))
    return fields


def _sexagesimal(tiff: Tiff, degrees: float) -> bytes:
    whole = round(abs(degrees) * 3600 * SECOND_PARTS)
    minutes, rest = divmod(whole, 60 * SECOND_PARTS)
    parts = (minutes // 60, 1, minutes % 60, 1, rest, SECOND_PARTS)
    return b"".join(tiff.raw(part, 4) for part in parts)


def _rational(tiff: Tiff, value: float, under: int) -> bytes:
    return tiff.raw(round(value * under), 4) + tiff.raw(under, 4)


def _mark(placement: Placement, tags: set[int]) -> bytes:
    """For example ``SKYFIX lat=52.5163000; lon=13.3777000; ...; tags=0 1 2 3 4``: all of ASCII."""
    values = {field.name: getattr(placement, field.name) for field in fields_of(placement)}
    told = {name: _plain(value) for name, value in values.items() if value is not None}
    told["tags"] = " ".join(str(tag) for tag in sorted(tags))
    return f"{METHOD} {'; '.join(f'{name}={value}' for name, value in told.items())}".encode("ascii", "replace")


def _plain(value: object) -> str:
    return str(value).replace(";", ",").replace("\0", "")


def _marked(gps: Directory) -> tuple[Placement | None, frozenset[int]]:
    """Read the mark back: the placement, and the tags that were written with it."""
    entry = gps.entry(PROCESSING)
    raw = entry.value.removeprefix(CHARACTER_CODE) if entry else b""
    if not raw.startswith(f"{METHOD} ".encode()):
        return None, frozenset()
    told = dict(part.split("=", 1) for part in raw.decode("ascii", "replace")[7:].split("; ") if "=" in part)
    try:
        tags = frozenset(int(word) for word in told.pop("tags", "").split())
        return placement_from(told), tags
    except ValueError:
        return None, frozenset()


def placement_from(told: dict[str, str]) -> Placement:
    """Read a placement from words.

    Raises:
        ValueError: one is missing, unknown or no number.
    """
    words = {"status", "index", "model", "version"}
    values: dict[str, object] = {name: text if name in words else _finite(text) for name, text in told.items()}
    try:
        return Placement(**values)  # type: ignore[arg-type]
    except TypeError as error:
        raise ValueError(str(error)) from error


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(text)
    return value

"""When a photo was taken: by its EXIF, else by its name, in UTC as far as that can be known."""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, Literal

from PIL import Image

from models.image import FORMATS
from service.track_files.values import read_time

EXIF_IFD, GPS_IFD = 0x8769, 0x8825
ORIGINAL, OFFSET_ORIGINAL, SUBSECOND_ORIGINAL = 0x9003, 0x9011, 0x9291
DIGITIZED, OFFSET_DIGITIZED, SUBSECOND_DIGITIZED = 0x9004, 0x9012, 0x9292
GPS_TIME, GPS_DATE = 7, 29
EXIF_TIME = re.compile(r"(\d{4})[:-](\d\d)[:-](\d\d)[ T](\d\d):(\d\d):(\d\d)(?:\.(\d+))?")
OFFSET = re.compile(r"([+-])(\d\d):?(\d\d)")
ZONE_STEP, ZONE_SLACK, WIDEST_ZONE = timedelta(minutes=15), timedelta(minutes=2), timedelta(hours=14)
NAMED = re.compile(
    r"(?<!\d)((?:19|20)\d\d)[-_.:]?(\d\d)[-_.:]?(\d\d)(?:[-_ T.]|[-_. ]at[-_. ])?(\d\d)[-_.:]?(\d\d)[-_.:]?(\d\d)"
    r"(?:[._-]?(\d{1,6}))?(Z)?(?!\d)",
    re.ASCII,
)
EPOCH = re.compile(r"(?<!\d)(1\d{9})(\d{3}|\d{6}|\d{9})?(?!\d)", re.ASCII)
PIXEL = "PXL_"
"""Beginning of the names that Pixel phones give, which hold UTC."""
Zone = Literal["told", "by gps", "assumed"]


@dataclass(frozen=True, slots=True)
class PhotoTime:
    """A moment, and how its zone is known."""

    moment: datetime
    """Aware, in UTC."""
    zone: Zone
    """Told by the photo; worked out of its GPS clock; or the one that the asker assumed."""


def read_photo_time(data: bytes, name: str = "", assumed: timezone = UTC) -> PhotoTime | None:
    """Find out when a photo was taken.

    DateTimeOriginal counts, else DateTimeDigitized, with their offset and fraction of a second. Where there is no
    offset, the clock of the GPS tells it, if it is less than two minutes from a whole quarter of an hour. Without
    EXIF the file's name counts, as phones and action cameras give them.

    Args:
        data: the whole file, or as much of its beginning as holds the metadata.
        assumed: the zone of times that name none.

    Returns:
        None where nothing tells, or the metadata is damaged and the name holds no time.
    """
    return _by_exif(_exif(data), assumed) or time_in_name(name, assumed)


def time_in_name(name: str, assumed: timezone = UTC) -> PhotoTime | None:
    """Read a time like 20261121_202310123, 2026-11-21T20-23-10Z or seconds since 1970 out of a file's name."""
    if found := NAMED.search(name):
        *parts, fraction, is_utc = found.groups()
        said = is_utc or name.startswith(PIXEL)
        moment = _moment(parts, fraction, UTC if said else assumed)
        if moment is not None:
            return PhotoTime(moment, "told" if said else "assumed")
    if found := EPOCH.search(name):
        seconds, rest = found.groups()
        whole = datetime.fromtimestamp(int(seconds), UTC)
        return PhotoTime(whole + timedelta(microseconds=int((rest or "0")[:6].ljust(6, "0"))), "told")
    return None


def _exif(data: bytes) -> tuple[Mapping[int, Any], Mapping[int, Any]]:
    """Give the EXIF and GPS tags; none where they are damaged."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(io.BytesIO(data), formats=_formats(data)) as image:
                exif = image.getexif()
                return exif.get_ifd(EXIF_IFD), exif.get_ifd(GPS_IFD)
    except Exception:  # Pillow raises OSError, SyntaxError, ValueError, struct.error, ... on broken files
        return {}, {}


def _formats(data: bytes) -> tuple[str, ...]:
    if data[4:8] != b"ftyp":
        return FORMATS
    try:
        import pillow_heif
    except ModuleNotFoundError:
        return FORMATS
    pillow_heif.register_heif_opener(thumbnails=False)
    return (*FORMATS, "HEIF")


def _by_exif(tags: tuple[Mapping[int, Any], Mapping[int, Any]], assumed: timezone) -> PhotoTime | None:
    exif, gps = tags
    for time, offset, fraction in (
        (ORIGINAL, OFFSET_ORIGINAL, SUBSECOND_ORIGINAL),
        (DIGITIZED, OFFSET_DIGITIZED, SUBSECOND_DIGITIZED),
    ):
        found = EXIF_TIME.match(str(exif.get(time, "")).strip("\x00 "))
        if found is None:
            continue
        *parts, inside = found.groups()
        digits = inside or re.sub(r"\D.*", "", str(exif.get(fraction, "")).strip("\x00 "))
        zone, how = _zone(str(exif.get(offset, ""))), "told"
        if zone is None:
            zone, how = _zone_by_gps(_moment(parts, digits, UTC), gps), "by gps"
        if zone is None:
            zone, how = assumed, "assumed"
        moment = _moment(parts, digits, zone)
        if moment is not None:
            return PhotoTime(moment, how)  # type: ignore[arg-type]
    return None


def _zone(text: str) -> timezone | None:
    text = text.strip("\x00 ")
    if text == "Z":
        return UTC
    found = OFFSET.fullmatch(text)
    if found is None:
        return None
    ahead = timedelta(hours=int(found[2]), minutes=int(found[3]))
    return timezone(ahead if found[1] == "+" else -ahead) if ahead <= WIDEST_ZONE else None


def _zone_by_gps(local: datetime | None, gps: Mapping[int, Any]) -> timezone | None:
    """Give the zone that lies between the camera's clock, read as UTC, and that of its GPS."""
    try:
        hours, minutes, seconds = (float(part) for part in gps[GPS_TIME])
        day, _ = read_time(str(gps[GPS_DATE]).strip("\x00 ").replace(":", "-") + "T00:00:00Z") or (None, True)
        if local is None or day is None:
            return None
        ahead = local - (day + timedelta(hours=hours, minutes=minutes, seconds=seconds))
    except Exception:  # any damage in EXIF must not cost the photo
        return None
    nearest = round(ahead / ZONE_STEP) * ZONE_STEP
    is_one = abs(ahead - nearest) <= ZONE_SLACK and abs(nearest) <= WIDEST_ZONE
    return timezone(nearest) if is_one else None


def _moment(parts: list[str | Any], fraction: str | None, zone: timezone) -> datetime | None:
    """Put year, month, day, hour, minute and second together, into UTC."""
    try:
        local = datetime(*(int(part) for part in parts), tzinfo=zone)  # type: ignore[misc, arg-type]
        return (local + timedelta(microseconds=int((fraction or "0")[:6].ljust(6, "0")))).astimezone(UTC)
    except (ValueError, OverflowError):
        return None

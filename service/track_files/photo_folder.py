"""A folder of photos in the order of their times."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

from service.errors import FramesInvalid
from service.query import Notice
from service.track_files.frames import Frame
from service.track_files.photo_time import PhotoTime, read_photo_time, time_in_name
from service.track_files.points import Oddities

SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".heic", ".heif"})
MOST_BYTES = 64 << 20
HEAD_BYTES = 1 << 17
"""Metadata stand in this much of a JPEG, as a rule."""
MOST_PHOTOS = 1_000_000
ASSUMED_FPS = 1.0


@dataclass(frozen=True, slots=True)
class _Shot:
    path: Path
    seconds: float


class PhotoFolder:
    """The photos right in a folder, by what they say of their time, or by their names at a rate.

    Where some have a time, those without are left out; where none has, they follow each other a second apart.

    Args:
        every_s: of photos closer to the one before than this, none is taken.
        fps, start, zone: see `open_frames`.

    Raises:
        FramesInvalid: there is no photo in it.
    """

    def __init__(
        self,
        folder: Path,
        *,
        every_s: float = 0.0,
        fps: float | None = None,
        start: datetime | None = None,
        zone: timezone = UTC,
    ) -> None:
        if fps is not None and not fps > 0:
            raise FramesInvalid(f"A rate of {fps:g} photos a second is none; it has to be positive.")
        self._folder, self._oddities = folder, Oddities()
        paths = _photos(folder)
        times = None if fps is not None else self._times(paths, zone)
        first: datetime | None = None
        if times:
            order = sorted(times, key=lambda path: (times[path], natural(path.name)))
            first = times[order[0]]
            shots = [_Shot(path, (times[path] - first).total_seconds()) for path in order]
            self._how = "by their own times"
        else:
            rate = fps or ASSUMED_FPS
            shots = [_Shot(path, number / rate) for number, path in enumerate(paths)]
            self._how = f"by name at {rate:g} a second"
            if fps is None:
                self._oddities.add(
                    "times_assumed", "photo without a time, taken a second apart", folder.name, len(paths)
                )
        self._shots, self._start = list(_thinned(shots, every_s)), start or first

    @property
    def title(self) -> str:
        return f"{self._folder.resolve().name}: {len(self._shots)} photos, {self._how}"

    @property
    def count(self) -> int:
        return len(self._shots)

    @property
    def position(self) -> None:
        """Its photos carry their own."""

    @property
    def notices(self) -> tuple[Notice, ...]:
        return self._oddities.notices()

    def __iter__(self) -> Iterator[Frame]:
        number = 0
        for shot in self._shots:
            data = self._read(shot.path)
            if data is not None:
                moment = None if self._start is None else self._start + timedelta(seconds=shot.seconds)
                yield Frame(number, shot.path.name, shot.seconds, moment, data)
                number += 1

    def _read(self, path: Path) -> bytes | None:
        try:
            with path.open("rb") as stream:
                data = stream.read(MOST_BYTES + 1)
        except OSError as error:
            self._oddities.add("photo_unreadable", "photo that cannot be read", f"{path.name}: {error.strerror}")
            return None
        if len(data) > MOST_BYTES:
            self._oddities.add(
                "photo_unreadable", "photo that cannot be read", f"{path.name}: over {MOST_BYTES:,} bytes"
            )
            return None
        return data

    def _times(self, paths: list[Path], zone: timezone) -> dict[Path, datetime] | None:
        """Give the times of those that have one; None where none has."""
        found: dict[Path, datetime] = {}
        missing: list[str] = []
        for path in paths:
            time = self._time(path, zone)
            if time is None:
                missing.append(path.name)
                continue
            found[path] = time.moment
            if time.zone == "assumed":
                self._oddities.add("time_zone_assumed", f"time without zone taken for {zone}", path.name)
        if found and missing:
            self._oddities.add("photo_without_time", "photo left out that has no time", missing[0], len(missing))
        return found or None

    def _time(self, path: Path, zone: timezone) -> PhotoTime | None:
        try:
            with path.open("rb") as stream:
                head = stream.read(HEAD_BYTES)
                found = read_photo_time(head, "", zone)
                if found is None and len(head) == HEAD_BYTES:
                    found = read_photo_time(head + stream.read(MOST_BYTES), "", zone)
        except OSError:
            found = None  # told when its turn comes
        return found or time_in_name(path.name, zone)


def _photos(folder: Path) -> list[Path]:
    """Give the photos by name, numbers in names by their value."""
    try:
        found = [path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES and not path.name.startswith(".")]
    except OSError as error:
        raise FramesInvalid(f"{folder} cannot be read: {error.strerror}.") from error
    paths = sorted((path for path in found if path.is_file()), key=lambda path: natural(path.name))
    if not paths:
        raise FramesInvalid(f"{folder} holds no photo; those end in {', '.join(sorted(SUFFIXES))}.")
    if len(paths) > MOST_PHOTOS:
        raise FramesInvalid(f"{folder} holds more than {MOST_PHOTOS:,} photos. Split it.")
    return paths


def _thinned(shots: list[_Shot], every_s: float) -> Iterator[_Shot]:
    following = -float("inf")
    for shot in shots:
        if shot.seconds >= following - 1e-6:
            yield shot
            following = shot.seconds + every_s


def natural(name: str) -> tuple[tuple[int, int, str], ...]:
    """Order names as people do: frame2 before frame10."""
    parts = re.split(r"(\d+)", name.casefold())
    return tuple((0, int(part[:40]), "") if part.isdecimal() else (1, 0, part) for part in parts)

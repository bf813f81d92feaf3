"""Photos of a moving camera in the order of time, one at a time: out of a folder, or out of a film."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timezone
from pathlib import Path
from typing import Protocol

from models.image import GpsFix
from service.errors import FramesInvalid
from service.query import Notice

USUAL_EVERY_S = 1.0
LEAST_EVERY_S = 0.001


@dataclass(frozen=True, slots=True)
class Frame:
    """One photo."""

    number: int
    """Counted from 0, over those that are good."""
    name: str
    """Of the file; of a film the second in it, for example film.mp4@12.480s."""
    seconds: float
    """Since the first photo; never falls."""
    timestamp: datetime | None
    """Aware, in UTC; None where nothing tells when the first photo was taken."""
    data: bytes
    """JPEG, PNG, WebP or HEIC, as the localizer decodes it."""


class Frames(Protocol):
    """Photos in order; each run over them reads them again."""

    @property
    def title(self) -> str:
        """For people: what is read, and how its times are known."""

    @property
    def count(self) -> int | None:
        """How many there are, as far as that is known beforehand; broken ones are among them."""

    @property
    def position(self) -> GpsFix | None:
        """Where a film says that it begins."""

    @property
    def notices(self) -> tuple[Notice, ...]:
        """What was left out or assumed so far, one for each kind."""

    def __iter__(self) -> Iterator[Frame]: ...


def open_frames(
    path: Path,
    *,
    every_s: float | None = None,
    fps: float | None = None,
    start: datetime | None = None,
    zone: timezone = UTC,
    keyframes: bool = False,
) -> Frames:
    """Open a folder of photos or a film.

    Args:
        every_s: take no more than one photo in so many seconds; all of a folder, and of a film one a second when None.
        fps: photos of a folder follow each other at this rate in the order of their names, whatever they say.
        start: when the first photo was taken, whatever it says.
        zone: of times that name none.
        keyframes: of a film decode only frames that need no others.

    Raises:
        FramesInvalid: it is neither, or holds no photo.
        ModuleNotFoundError: it is a film, and the extra `video` is not installed.
    """
    if every_s is not None and not every_s >= LEAST_EVERY_S:
        raise FramesInvalid(f"A photo every {every_s:g} s is too many: at least {LEAST_EVERY_S:g} s.")
    if path.is_dir():
        from service.track_files.photo_folder import PhotoFolder

        return PhotoFolder(path, every_s=every_s or 0.0, fps=fps, start=start, zone=zone)
    if not path.exists():
        raise FramesInvalid(f"{path} does not exist.")
    if fps is not None:
        raise FramesInvalid("A rate is for photos of a folder; a film has its own times.")
    from service.track_files.film import Film  # PyAV is an extra

    return Film(
        path, every_s=USUAL_EVERY_S if every_s is None else every_s, start=start, zone=zone, keyframes=keyframes
    )

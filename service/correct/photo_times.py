"""Photos of a folder with their times, and how people write offsets and gaps between them and fixes."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

from models.errors import UsageError
from service.correct.jobs import Job
from service.correct.matching import match_photos
from service.correct.tracks import device_of
from service.errors import FramesInvalid
from service.query import Notice
from service.track_files.photo_folder import PhotoFolder
from service.track_files.points import TrackFile

ZONE = re.compile(r"([+-])(\d\d):?(\d\d)")
OFFSET = re.compile(r"([+-]?)(?:(\d{1,3}):(\d\d):)?(\d{1,6}(?:\.\d{1,6})?)s?")
GAP = re.compile(r"(\d{1,4}(?:\.\d{1,3})?)\s*s?")


@dataclass(frozen=True, slots=True)
class Folder:
    """Photos with times, by number."""

    path: Path
    names: tuple[str, ...]
    times: tuple[datetime, ...]
    notices: tuple[Notice, ...]

    def read(self, number: int) -> bytes:
        return (self.path / self.names[number]).read_bytes()


def open_folder(path: Path, zone: timezone, offset: timedelta) -> Folder:
    """Read what photos there are, and when they were taken.

    Raises:
        FramesInvalid: there are none, or none says when it was taken.
    """
    photos = PhotoFolder(path, zone=zone)
    frames = [(frame.name, frame.timestamp) for frame in photos]
    timed = [(name, moment + offset) for name, moment in frames if moment is not None]
    if not timed:
        raise FramesInvalid(f"No photo of {path} says when it was taken, so none can be brought to a fix.")
    names, times = zip(*timed, strict=True)
    return Folder(path, names, times, photos.notices)


def jobs_of(file: TrackFile, folder: Folder, max_gap_s: float, device: str | None) -> tuple[list[Job], list[int]]:
    """Give the tracks of a file with their photos, and the photos that belong to none.

    Raises:
        UsageError: the file has no track, or none of that name.
    """
    named = [(device_of(track, number), track) for number, track in enumerate(file.tracks)]
    if not any(track.points for _, track in named):
        raise UsageError("The file holds no track, only single places or nothing at all.")
    if device is not None and device not in (name for name, _ in named):
        raise UsageError(f"The file has no track of this name; it has {', '.join(name for name, _ in named)}.")
    left = list(range(len(folder.times)))
    jobs = []
    for name, track in named:
        open_ones = [(number, folder.times[number]) for number in left] if device in (None, name) else []
        matched = match_photos(track.points, open_ones, max_gap_s)
        jobs.append(Job(name, matched.stops))
        left = list(matched.left) if open_ones else left
    return jobs, left


def read_gap(text: str) -> float:
    found = GAP.fullmatch(text.strip())
    if found is None:
        raise UsageError(f"--max-gap takes seconds such as 2s, not {text!r}.")
    return float(found[1])


def read_offset(text: str) -> timedelta:
    found = OFFSET.fullmatch(text.strip())
    if found is None:
        raise UsageError(f"--time-offset takes [+-]HH:MM:SS or seconds, such as +00:00:03, not {text!r}.")
    offset = timedelta(hours=int(found[2] or 0), minutes=int(found[3] or 0), seconds=float(found[4]))
    return -offset if found[1] == "-" else offset


def read_zone(text: str) -> timezone:
    found = ZONE.fullmatch(text)
    if found is None or int(found[2]) > 14 or int(found[3]) > 59:
        raise UsageError(f"--zone takes an offset such as +02:00, not {text!r}.")
    ahead = timedelta(hours=int(found[2]), minutes=int(found[3]))
    return timezone(ahead if found[1] == "+" else -ahead) if ahead else UTC

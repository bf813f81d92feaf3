"""Files of tracks, read whole up to a limit and written whole or not at all."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from models.disk import DISK
from models.errors import DiskFull, OutputUnwritable
from service.errors import TrackFileInvalid, TrackFileTooLarge

MOST_BYTES = 64 << 20
MOST_POINTS = 400_000
"""More than four days at one a second."""


def read_whole(path: Path, most_bytes: int = MOST_BYTES) -> bytes:
    """Read a file.

    Raises:
        TrackFileInvalid: there is none, or it cannot be read.
        TrackFileTooLarge: it has more bytes than that.
    """
    try:
        with path.open("rb") as stream:
            data = stream.read(most_bytes + 1)
    except OSError as error:
        raise TrackFileInvalid(f"{path} cannot be read: {error.strerror}.") from error
    check_size(str(path), data, most_bytes)
    return data


def check_size(name: str, data: bytes, most_bytes: int = MOST_BYTES) -> None:
    """Raises TrackFileTooLarge."""
    if len(data) > most_bytes:
        raise TrackFileTooLarge(f"{name} has more than {most_bytes:,} bytes, which are read at most. Split it by days.")


def check_points(name: str, count: int, most_points: int = MOST_POINTS) -> None:
    """Raises TrackFileTooLarge."""
    if count > most_points:
        raise TrackFileTooLarge(f"{name} has more than {most_points:,} points, which are read at most. Split it.")


def write_whole(path: Path, data: bytes) -> None:
    """Write a file under a passing name beside its place and rename it, so that no reader sees half of it.

    Raises:
        DiskFull, OutputUnwritable: naming the file.
    """
    passing = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        DISK.write_file(passing, data)
        DISK.rename(passing, path)
    except OSError as error:
        passing.unlink(missing_ok=True)
        kind = DiskFull if error.errno in (errno.ENOSPC, errno.EDQUOT) else OutputUnwritable
        raise kind(f"{path} cannot be written: {error.strerror}. Name a file in a folder that can be.") from error

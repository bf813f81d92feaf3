"""Which of the files that imagery lies in were changed, by the time of their last modification."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from models.errors import UsageError

SELF_CONTAINED = (".tif", ".tiff", ".mbtiles", ".pmtiles")
"""Files whose tiles depend on nothing but them; others are always looked at."""
AGO = re.compile(r"(\d+)([hdw])")
HOURS = {"h": 1, "d": 24, "w": 168}


@dataclass(frozen=True, slots=True)
class Changes:
    """What has to be looked at, and the names of files that need not be."""

    changed: tuple[Path, ...]
    unread: frozenset[str]


def parse_since(text: str) -> datetime:
    """Read a date or time, ISO 8601, or how long ago: 36h, 7d, 2w. Without a zone it is UTC.

    Raises:
        UsageError: it is none of them.
    """
    found = AGO.fullmatch(text)
    if found:
        return datetime.fromtimestamp(datetime.now(UTC).timestamp() - int(found[1]) * HOURS[found[2]] * 3600, UTC)
    try:
        when = datetime.fromisoformat(text)
    except ValueError as error:
        raise UsageError(f"{text!r} is no time; write 2025-06-30, 2025-06-30T12:00Z, or 36h, 7d, 2w.") from error
    return when if when.tzinfo else when.replace(tzinfo=UTC)


def split_by_change(paths: Sequence[Path], since: datetime) -> Changes:
    """Tell what changed at or after a time from what did not; folders of rasters are looked into.

    A folder is looked at as a whole or not at all, as tiles cross the edges of its sheets. A file with the name of
    another is always looked at, since tiles know their file by its name only.
    """
    files = {path: _files(path) for path in paths}
    names = Counter(file.name for group in files.values() for file in group)

    def is_old(file: Path) -> bool:
        stands_alone = file.suffix.lower() in SELF_CONTAINED and file.is_file() and names[file.name] == 1
        return stands_alone and file.stat().st_mtime < since.timestamp()

    old = {path: group for path, group in files.items() if all(is_old(file) for file in group)}
    unread = frozenset(file.name for group in old.values() for file in group)
    return Changes(tuple(path for path in paths if path not in old), unread)


def _files(path: Path) -> list[Path]:
    """The rasters of a folder of them, else the path itself."""
    if not path.is_dir():
        return [path]
    rasters = sorted(file for file in path.iterdir() if file.suffix.lower() in (*SELF_CONTAINED, ".vrt"))
    return rasters or [path]

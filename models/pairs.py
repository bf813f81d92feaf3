"""pairs.csv: photos with the aerial image and the position that belong to them.

Columns: ground, aerial, lat, lon, heading_deg (of the photo's centre column; empty = unknown), fov_deg (empty = 360
panorama), ground_resolution_m (metres per pixel of the aerial image). Paths are relative to the file. More columns are
ignored; lat, lon and ground_resolution_m may be empty where nothing asks for metres.
"""

from __future__ import annotations

import csv
import math
from dataclasses import dataclass
from pathlib import Path

from models.camera import Camera
from models.errors import SourceError

REQUIRED = ("ground", "aerial")


@dataclass(frozen=True, slots=True)
class Pair:
    """One row; `ground` and `aerial` are existing files."""

    ground: Path
    aerial: Path
    lat: float | None
    lon: float | None
    heading_deg: float | None
    fov_deg: float | None
    ground_resolution_m: float | None

    @property
    def position(self) -> tuple[float, float] | None:
        """(lat, lon), unless one of them is unknown."""
        return None if self.lat is None or self.lon is None else (self.lat, self.lon)

    def camera(self, *, heading_known: bool) -> Camera:
        heading = self.heading_deg % 360.0 if heading_known and self.heading_deg is not None else None
        if self.fov_deg is None or self.fov_deg >= 360.0:
            return Camera("panorama", 360.0, heading)
        return Camera("perspective", self.fov_deg, heading)


def read_pairs(path: Path) -> list[Pair]:
    """Read a pairs file.

    Raises:
        SourceError: no such file, a missing column, an unreadable number or files that are not there, with the row's
            number and how many rows share the fault.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as stream:
            reader = csv.DictReader(stream)
            missing = [name for name in REQUIRED if name not in (reader.fieldnames or ())]
            if missing:
                raise SourceError(f"{path} has no column {missing[0]!r}; a pairs file has at least {REQUIRED}.")
            rows = [_pair(path, number, row) for number, row in enumerate(reader, start=2)]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise SourceError(f"{path} cannot be read as a CSV file: {error}.") from error
    if not rows:
        raise SourceError(f"{path} holds no pairs, only a header.")
    absent = [file for row in rows for file in (row.ground, row.aerial) if not file.is_file()]
    if absent:
        raise SourceError(f"{path} names {len(absent)} file(s) that are not there; the first is {absent[0]}.")
    return rows


def _pair(path: Path, number: int, row: dict[str, str | None]) -> Pair:
    def value(name: str) -> float | None:
        text = (row.get(name) or "").strip()
        if not text:
            return None
        try:
            parsed = float(text)
        except ValueError:
            parsed = math.nan
        if not math.isfinite(parsed):
            raise SourceError(f"{path}, line {number}: {name} is not a number.")
        return parsed

    names = [(row.get(name) or "").strip() for name in REQUIRED]
    if not all(names):
        raise SourceError(f"{path}, line {number}: {REQUIRED[names.index('')]} is empty.")
    return Pair(
        path.parent / names[0],
        path.parent / names[1],
        value("lat"),
        value("lon"),
        value("heading_deg"),
        value("fov_deg"),
        value("ground_resolution_m"),
    )

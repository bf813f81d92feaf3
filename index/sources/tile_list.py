"""The CSV that says where ready-made tiles lie: file, lat, lon, ground_resolution_m, and perhaps more (ListedTile)."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from index.tiles import DATE
from models.errors import GeoreferenceInvalid, RowInvalid, SourceError

REQUIRED = ("file", "lat", "lon", "ground_resolution_m")
LIST_NAME = "tiles.csv"
COARSEST_M = 1000.0
TEXT_LIMIT, CREDIT_LIMIT, LINE_LIMIT = 200, 2000, 100_000
FORMULA = ("=", "+", "-", "@")
"""What a spreadsheet would run, if it was shown a list of bad tiles."""


@dataclass(frozen=True, slots=True)
class ListedTile:
    """One row; positions are of the centre, WGS84 degrees."""

    id: str
    file: str
    """Path of the image, relative to the list's folder."""
    lat: float
    lon: float
    ground_resolution_m: float
    captured: str | None
    attribution: str | None = None
    """Whom to credit for it, where the list says so."""


def is_list(path: Path) -> bool:
    """Say whether a file is a list, or a folder has one."""
    return path.suffix.lower() == ".csv" if path.is_file() else any(_lists(path))


def find_list(path: Path) -> Path:
    """Find the list of a folder: `tiles.csv`, or its only CSV; or `path` itself if it is a file.

    Raises:
        SourceError: there is none, or several.
    """
    if path.is_file():
        return path
    if (path / LIST_NAME).is_file():
        return path / LIST_NAME
    found = _lists(path)
    if len(found) != 1:
        raise SourceError(
            f"{path} holds {len(found)} CSV files; a folder of tiles needs {LIST_NAME} with the columns "
            f"{', '.join(REQUIRED)}."
        )
    return found[0]


def _lists(folder: Path) -> list[Path]:
    return sorted(path for path in folder.glob("*.csv") if path.is_file())


def read_list(path: Path) -> Iterator[ListedTile | tuple[int, RowInvalid | GeoreferenceInvalid]]:
    """Read a list row by row; UTF-8, with or without a byte order mark; other columns are passed over.

    Yields:
        A tile, or the line number of a row that is none and why.

    Raises:
        SourceError: the header lacks a column or names one twice, or the file cannot be read.
    """
    try:
        with path.open(encoding="utf-8-sig", errors="replace", newline="") as stream:
            reader = csv.reader(_lines(stream))
            header = [name.strip() for name in next(_rows(reader), None) or []]
            _check_header(path, header)
            for cells in _rows(reader):
                if not cells:
                    continue
                try:
                    yield _listed(header, cells)
                except (RowInvalid, GeoreferenceInvalid) as error:
                    yield reader.line_num, error
    except OSError as error:
        raise SourceError(f"{path} cannot be read: {error.strerror}.") from error


def _lines(stream: TextIO) -> Iterator[str]:
    """Lines of a file; one that is too long comes as a NUL, however long it is."""
    while line := stream.readline(LINE_LIMIT):
        if len(line) == LINE_LIMIT and not line.endswith("\n"):
            while (more := stream.readline(LINE_LIMIT)) and not more.endswith("\n"):
                pass
            line = "\0\n"
        yield line


def _rows(reader: Iterator[list[str]]) -> Iterator[list[str]]:
    """Rows of a CSV; one that breaks its rules comes as a row of nothing but a NUL, which no column accepts."""
    while True:
        try:
            yield next(reader)
        except csv.Error:
            yield ["\0"]
        except StopIteration:
            return


def _check_header(path: Path, header: list[str]) -> None:
    missing = [name for name in REQUIRED if name not in header]
    if missing or len(set(header)) != len(header):
        raise SourceError(
            f"{path} begins with the columns {', '.join(header)[:200] or '(none)'}; it needs "
            f"{', '.join(REQUIRED)}, each once, optionally id, captured and attribution."
        )


def _listed(header: list[str], cells: list[str]) -> ListedTile:
    if len(cells) != len(header):
        raise RowInvalid(f"It has {len(cells)} cells, the header {len(header)}.")
    row = {name: cell.strip() for name, cell in zip(header, cells, strict=True)}
    name, captured = row.get("id") or row["file"], row.get("captured") or None
    if not row["file"] or len(name) > TEXT_LIMIT or not name.isprintable():
        raise RowInvalid(f"Its file or id is empty, longer than {TEXT_LIMIT} characters or not printable.")
    if name.startswith(FORMULA):
        raise RowInvalid(f"Its id begins with {name[0]}, which spreadsheets run as a formula. Give it another.")
    if captured is not None and not DATE.fullmatch(captured):
        raise RowInvalid("Its capture date is not of the form 2025, 2025-06 or 2025-06-30.")
    lat, lon = _number(row, "lat", -90.0, 90.0), _number(row, "lon", -180.0, 180.0)
    resolution_m = _number(row, "ground_resolution_m", 0.0, COARSEST_M)
    if resolution_m <= 0.0:
        raise GeoreferenceInvalid("Its ground_resolution_m is not above 0.")
    credit = row.get("attribution") or None
    if credit is not None and (len(credit) > CREDIT_LIMIT or not credit.isprintable()):
        raise RowInvalid(f"Its attribution is longer than {CREDIT_LIMIT} characters or not printable.")
    return ListedTile(name, row["file"], lat, lon, resolution_m, captured, credit)


def _number(row: dict[str, str], name: str, low: float, high: float) -> float:
    try:
        value = float(row[name])
    except ValueError as error:
        raise RowInvalid(f"Its {name} is not a number.") from error
    if not low <= value <= high:
        raise GeoreferenceInvalid(f"Its {name} is {value:g}, not in [{low:g}, {high:g}].")
    return value

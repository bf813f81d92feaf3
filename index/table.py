"""The tile table: one row a tile, in the order of the vectors, read from GeoParquet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
from numpy.typing import NDArray

from index.tiles import Bounds, square
from models.errors import TableInvalid
from models.geo import Floats

NUMBERS = ("lat", "lon", "west", "south", "east", "north", "ground_resolution_m")
ATTRIBUTION = "attribution"
"""A column that is there only if a tile has its own."""
TYPES = {"id": "VARCHAR", **dict.fromkeys(NUMBERS, "DOUBLE"), "captured": "VARCHAR", "source": "VARCHAR"}
TYPES[ATTRIBUTION] = "VARCHAR"
"""Columns that are read, with DuckDB's names of their types."""
NULLABLE = ("captured", ATTRIBUTION)


@dataclass(frozen=True, slots=True)
class TileTable:
    """What is known of every tile; all columns have N entries."""

    id: Sequence[str]
    lat: Floats
    lon: Floats
    """(N,) WGS84 degrees of the centres."""
    west: Floats
    south: Floats
    east: Floats
    north: Floats
    """(N,) WGS84 degrees of the footprints; west > east across the antimeridian."""
    ground_resolution_m: Floats
    captured: Sequence[str | None]
    source: Sequence[str]
    attribution: Sequence[str | None] | None = None
    """Of single tiles; None where there is nothing but the manifest's."""

    def __len__(self) -> int:
        return len(self.lat)

    def credit(self, row: int) -> str | None:
        """Whom to credit for a tile in particular."""
        return None if self.attribution is None else self.attribution[row]

    def bounds(self, row: int) -> Bounds:
        return Bounds(float(self.west[row]), float(self.south[row]), float(self.east[row]), float(self.north[row]))


def make_table(
    ids: Sequence[str],
    lat: Floats,
    lon: Floats,
    footprint_m: float,
    ground_resolution_m: Floats,
    captured: Sequence[str | None],
    source: Sequence[str],
    attribution: Sequence[str | None] | None = None,
) -> TileTable:
    """Complete a table with the footprints, squares of `footprint_m` around the centres."""
    credited = attribution if attribution is not None and any(attribution) else None
    return TileTable(ids, lat, lon, *square(lat, lon, footprint_m), ground_resolution_m, captured, source, credited)


def read_table(path: Path) -> TileTable:
    """Read a table and check every value that the service hands out.

    Raises:
        TableInvalid: not such a file, other columns, a number out of range, an id that appears twice.
    """
    found = _columns(path)
    numbers = {name: np.ascontiguousarray(found[name], dtype=np.float64) for name in NUMBERS}
    _check_numbers(path, numbers)
    ids = found["id"].tolist()
    if len(set(ids)) != len(ids):
        raise TableInvalid(f"{path}: tile ids appear twice. Build the index again.")
    credited = found[ATTRIBUTION].tolist() if ATTRIBUTION in found else None
    captured, source = found["captured"].tolist(), found["source"].tolist()
    return TileTable(ids, **numbers, captured=captured, source=source, attribution=credited)


def _columns(path: Path) -> dict[str, NDArray[Any]]:
    """Read the columns of TYPES, in the order of the rows; missing values are masked."""
    settings: dict[str, Any] = {"threads": 1, "autoinstall_known_extensions": False, "autoload_known_extensions": False}
    try:
        with duckdb.connect(config=settings) as connection:
            there = connection.execute("SELECT name FROM parquet_schema(?)", [str(path)]).fetchall()
            wanted = TYPES if (ATTRIBUTION,) in there else {name: TYPES[name] for name in TYPES if name != ATTRIBUTION}
            rows = connection.execute(f"SELECT {', '.join(wanted)} FROM read_parquet(?)", [str(path)])
            types = {name: str(kind) for name, kind, *_ in rows.description}
            found: dict[str, NDArray[Any]] = rows.fetchnumpy()
    except (duckdb.Error, OSError, ValueError) as error:
        raise TableInvalid(f"{path} is not a tile table: {str(error).splitlines()[0][:200]}") from error
    for name, kind in wanted.items():
        if types[name] != kind or (name not in NULLABLE and np.ma.is_masked(found[name])):
            raise TableInvalid(f"{path}: column {name!r} is {types[name]}, or has nulls; it must be {kind} without.")
    return found


def _check_numbers(path: Path, numbers: dict[str, NDArray[np.float64]]) -> None:
    limits = {"lat": 90.0, "south": 90.0, "north": 90.0, "lon": 180.0, "west": 180.0, "east": 180.0}
    for name, values in numbers.items():
        wrong = ~(np.isfinite(values) & (np.abs(values) <= limits.get(name, np.inf)))
        if name == "ground_resolution_m":
            wrong |= values <= 0
        if wrong.any():
            row = int(np.argmax(wrong))
            raise TableInvalid(f"{path}: {name} of row {row} is {values[row]:g}. Build the index again.")

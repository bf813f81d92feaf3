"""The tile table: GeoParquet, one row a tile, in the order of the vectors."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from index.tiles import Bounds, square
from models.errors import TableInvalid
from models.geo import Floats

NUMBERS = ("lat", "lon", "west", "south", "east", "north", "ground_resolution_m")
WKB_POLYGON = np.dtype(
    [("order", "u1"), ("kind", "<u4"), ("rings", "<u4"), ("points", "<u4"), ("xy", "<f8", (5, 2))], align=False
)
SCHEMA = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        *(pa.field(name, pa.float64(), nullable=False) for name in NUMBERS),
        pa.field("captured", pa.string()),
        pa.field("source", pa.string(), nullable=False),
        pa.field("geometry", pa.binary(), nullable=False),
    ]
)


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

    def __len__(self) -> int:
        return len(self.lat)

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
) -> TileTable:
    """Complete a table with the footprints, squares of `footprint_m` around the centres."""
    return TileTable(ids, lat, lon, *square(lat, lon, footprint_m), ground_resolution_m, captured, source)


def write_table(path: Path, table: TileTable) -> None:
    """Write a table as GeoParquet 1.1 (WGS84, longitude first); the same table gives the same bytes."""
    columns = {name: getattr(table, name) for name in ("id", *NUMBERS, "captured", "source")}
    columns["geometry"] = _polygons(table)
    arrow = pa.Table.from_pydict(columns, schema=SCHEMA.with_metadata({"geo": json.dumps(_geo_metadata(table))}))
    pq.write_table(arrow, path, compression="zstd")


def _polygons(table: TileTable) -> list[bytes]:
    """Footprints as WKB, anticlockwise; longitudes run past 180 rather than jump at the antimeridian."""
    west = np.where(table.west <= table.lon, table.west, table.west - 360.0)
    east = np.where(table.east >= table.lon, table.east, table.east + 360.0)
    shapes = np.zeros(len(table), dtype=WKB_POLYGON)
    shapes["order"], shapes["kind"], shapes["rings"], shapes["points"] = 1, 3, 1, 5
    corners = ((west, table.south), (east, table.south), (east, table.north), (west, table.north), (west, table.south))
    for point, (x, y) in enumerate(corners):
        shapes["xy"][:, point, 0], shapes["xy"][:, point, 1] = x, y
    return [shape.tobytes() for shape in shapes]


def _geo_metadata(table: TileTable) -> dict[str, object]:
    box = [float(table.west.min()), float(table.south.min()), float(table.east.max()), float(table.north.max())]
    column = {"encoding": "WKB", "geometry_types": ["Polygon"], "orientation": "counterclockwise", "edges": "planar"}
    if (table.west <= table.east).all():
        column["bbox"] = box  # type: ignore[assignment]
    return {"version": "1.1.0", "primary_column": "geometry", "columns": {"geometry": column}}


def read_table(path: Path) -> TileTable:
    """Read a table and check every value that the service hands out.

    Raises:
        TableInvalid: not such a file, other columns, a number out of range, an id that appears twice.
    """
    try:
        arrow = pq.read_table(path, memory_map=False, columns=[name for name in SCHEMA.names if name != "geometry"])
        found = {name: arrow.column(name) for name in SCHEMA.names if name != "geometry"}
    except (pa.ArrowException, KeyError, OSError, ValueError) as error:
        raise TableInvalid(f"{path} is not a tile table: {str(error).splitlines()[0][:200]}") from error
    for name, column in found.items():
        if column.type != SCHEMA.field(name).type or (column.null_count and not SCHEMA.field(name).nullable):
            raise TableInvalid(f"{path}: column {name!r} is {column.type} with {column.null_count} nulls.")
    numbers = {name: np.ascontiguousarray(found[name].to_numpy(), dtype=np.float64) for name in NUMBERS}
    _check_numbers(path, numbers)
    ids = found["id"].to_pylist()
    if len(set(ids)) != len(ids):
        raise TableInvalid(f"{path}: tile ids appear twice. Build the index again.")
    return TileTable(ids, **numbers, captured=found["captured"].to_pylist(), source=found["source"].to_pylist())


def _check_numbers(path: Path, numbers: dict[str, NDArray[np.float64]]) -> None:
    limits = {"lat": 90.0, "south": 90.0, "north": 90.0, "lon": 180.0, "west": 180.0, "east": 180.0}
    for name, values in numbers.items():
        wrong = ~(np.isfinite(values) & (np.abs(values) <= limits.get(name, np.inf)))
        if name == "ground_resolution_m":
            wrong |= values <= 0
        if wrong.any():
            row = int(np.argmax(wrong))
            raise TableInvalid(f"{path}: {name} of row {row} is {values[row]:g}. Build the index again.")

"""Writing the tile table as GeoParquet. Reading is in index/table.py: a service has no use for this one's library."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from index.table import ATTRIBUTION, NUMBERS, TileTable
from models.disk import DISK, Disk

WKB_POLYGON = np.dtype(
    [("order", "u1"), ("kind", "<u4"), ("rings", "<u4"), ("points", "<u4"), ("xy", "<f8", (5, 2))], align=False
)
DIGEST = "pixels_blake2b"
"""Column with the digests of the tiles' pixels; a service has no use for it."""
SCHEMA = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        *(pa.field(name, pa.float64(), nullable=False) for name in NUMBERS),
        pa.field("captured", pa.string()),
        pa.field("source", pa.string(), nullable=False),
        pa.field("geometry", pa.binary(), nullable=False),
        pa.field(DIGEST, pa.string()),
    ]
)


def write_table(path: Path, table: TileTable, digests: Sequence[str | None] | None = None, disk: Disk = DISK) -> None:
    """Write a table as GeoParquet 1.1 (WGS84, longitude first); the same table gives the same bytes.

    Args:
        path: the file.
        table: N rows.
        digests: of the N tiles' pixels, where known.
        disk: what to write through.
    """
    columns = {name: getattr(table, name) for name in ("id", *NUMBERS, "captured", "source")}
    schema = SCHEMA
    if table.attribution is not None:
        schema, columns[ATTRIBUTION] = schema.append(pa.field(ATTRIBUTION, pa.string())), table.attribution
    columns["geometry"], columns[DIGEST] = _polygons(table), digests or [None] * len(table)
    arrow = pa.Table.from_pydict(columns, schema=schema.with_metadata({"geo": json.dumps(_geo_metadata(table))}))
    with disk.create(path) as stream:
        pq.write_table(arrow, stream, compression="zstd")


def read_digests(path: Path) -> list[str | None]:
    """Read the digests of a table's tiles; all are None in a table that was written without."""
    file = pq.ParquetFile(path)
    if DIGEST not in file.schema_arrow.names:
        return [None] * file.metadata.num_rows
    found: list[str | None] = file.read([DIGEST])[DIGEST].to_pylist()
    return found


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

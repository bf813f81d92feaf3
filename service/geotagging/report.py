"""The report of a run: a table, the positions as GeoJSON and a map. A file that would be the same is left alone."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from models.disk import DISK, Disk
from service.geotagging.report_map import map_png
from service.geotagging.rows import Row
from service.geotagging.told import Spot
from service.geotagging.walk import as_text
from service.geotagging.writing import replace
from service.pictures.background import Background

CSV, GEOJSON, MAP = "results.csv", "results.geojson", "map.png"
NUMBERS = (
    "lat",
    "lon",
    "radius_m_68",
    "radius_m_95",
    "heading_deg",
    "heading_accuracy_deg_68",
    "confidence",
)
COLUMNS = ("photo", "outcome", "code", *NUMBERS, "status", "where", "candidates", "index", "model", "detail")
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


def write_report(folder: Path, rows: Sequence[Row], background: Background, title: str, disk: Disk = DISK) -> bool:
    """Write the files into a folder that exists, the map last; say whether there was anything new.

    Raises:
        OSError: the system refuses.
        SourceError: the map's imagery cannot be read.
    """
    written = [_write(folder / CSV, _table(rows), disk), _write(folder / GEOJSON, _collection(rows), disk)]
    picture = map_png(rows, background, title)
    if picture is not None:
        written.append(_write(folder / MAP, picture, disk))
    return any(written)


def _write(path: Path, data: bytes, disk: Disk) -> bool:
    return replace(path, path.read_bytes() if path.exists() else None, data, disk=disk)


def _table(rows: Sequence[Row]) -> bytes:
    stream = io.StringIO()
    writer = csv.writer(stream)
    writer.writerow(COLUMNS)
    for row in rows:
        values = {name: getattr(row, name) for name in COLUMNS} | {"candidates": _spots(row.candidates)}
        writer.writerow([_number(values[name]) if name in NUMBERS else harmless(values[name]) for name in COLUMNS])
    return stream.getvalue().encode()


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.7f}".rstrip("0").rstrip(".")


def harmless(text: str) -> str:
    """Give a text that no spreadsheet takes for a formula: an apostrophe in front says that it is text."""
    return f"'{as_text(text)}" if text.startswith(FORMULA) else as_text(text)


def _spots(candidates: Sequence[Spot]) -> str:
    """For example ``52.5163000 13.3777000 41 %; ...``."""
    return "; ".join(f"{lat:.7f} {lon:.7f} {probability:.0%}" for lat, lon, probability in candidates)


def _collection(rows: Sequence[Row]) -> bytes:
    """A Point a photo that has a position (RFC 7946), each on a line; photos without one are in the table alone."""
    features = [_feature(row) for row in rows if row.lat is not None and row.lon is not None]
    lines = ",\n".join(json.dumps(feature, ensure_ascii=False, allow_nan=False) for feature in features)
    return f'{{"type": "FeatureCollection", "features": [\n{lines}\n]}}\n'.encode()


def _feature(row: Row) -> dict[str, Any]:
    names = ("photo", "outcome", *NUMBERS[2:], "where", "index", "model")
    known = {name: value for name in names if (value := getattr(row, name)) not in (None, "")}
    properties = {name: as_text(value) if isinstance(value, str) else value for name, value in known.items()}
    geometry = {"type": "Point", "coordinates": [row.lon, row.lat]}
    return {"type": "Feature", "geometry": geometry, "properties": properties}

from __future__ import annotations

import json
import struct
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from index.geoparquet import write_table
from index.table import TileTable, make_table, read_table
from models.errors import TableInvalid


def _table(lon: tuple[float, ...] = (10.0, 10.001, 10.002), credit: str | None = None) -> TileTable:
    count = len(lon)
    return make_table(
        [f"t{n}" for n in range(count)],
        np.full(count, 50.0),
        np.array(lon),
        64.0,
        np.full(count, 0.5),
        ["2025-06", None, "2024"][:count],
        ["made"] * count,
        None if credit is None else [credit, *[None] * (count - 1)],
    )


def test_a_table_comes_back_as_it_was(tmp_path: Path) -> None:
    write_table(tmp_path / "tiles.parquet", _table(credit="© Somebody"))
    found = read_table(tmp_path / "tiles.parquet")
    for name in TileTable.__slots__:
        assert list(getattr(found, name)) == list(getattr(_table(credit="© Somebody"), name))
    assert [found.credit(row) for row in range(3)] == ["© Somebody", None, None]
    assert found.bounds(1) == pytest.approx((10.000554, 49.999712, 10.001446, 50.000288), abs=1e-6)


def test_without_credits_there_is_no_such_column(tmp_path: Path) -> None:
    write_table(tmp_path / "tiles.parquet", _table())
    assert "attribution" not in pq.read_schema(tmp_path / "tiles.parquet").names
    assert read_table(tmp_path / "tiles.parquet").credit(0) is None


def test_the_same_table_gives_the_same_bytes(tmp_path: Path) -> None:
    write_table(tmp_path / "a", _table())
    write_table(tmp_path / "b", _table())
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_the_file_is_geoparquet(tmp_path: Path) -> None:
    write_table(tmp_path / "tiles.parquet", _table())
    geo = json.loads(pq.read_schema(tmp_path / "tiles.parquet").metadata[b"geo"])
    column = geo["columns"][geo["primary_column"]]
    assert (geo["version"], column["encoding"], column["geometry_types"]) == ("1.1.0", "WKB", ["Polygon"])
    assert column["bbox"] == pytest.approx([9.999554, 49.999712, 10.002446, 50.000288], abs=1e-6)


def test_footprints_are_closed_rings_in_well_known_binary(tmp_path: Path) -> None:
    points = _ring(tmp_path, _table())
    assert points[0] == points[-1]
    west, south, east, north = _table().bounds(0)
    assert points[:4] == [(west, south), (east, south), (east, north), (west, north)]


def test_a_footprint_across_the_antimeridian_stays_whole(tmp_path: Path) -> None:
    eastings = [x for x, _ in _ring(tmp_path, _table((180.0,)))]
    assert (min(eastings), max(eastings)) == pytest.approx((179.999554, 180.000446), abs=1e-6)


def _ring(tmp_path: Path, table: TileTable) -> list[tuple[float, float]]:
    write_table(tmp_path / "tiles.parquet", table)
    shape = pq.read_table(tmp_path / "tiles.parquet").column("geometry")[0].as_py()
    order, kind, rings, count = struct.unpack_from("<BIII", shape)
    assert (order, kind, rings, count, len(shape)) == (1, 3, 1, 5, 93)
    numbers = struct.unpack_from("<10d", shape, 13)
    return list(zip(numbers[::2], numbers[1::2], strict=True))


@pytest.mark.parametrize(
    ("column", "value"),
    [("lat", 91.0), ("lat", np.nan), ("lon", np.inf), ("west", -181.0), ("ground_resolution_m", 0.0)],
)
def test_numbers_out_of_range_are_refused(tmp_path: Path, column: str, value: float) -> None:
    write_table(tmp_path / "tiles.parquet", _table())
    table = pq.read_table(tmp_path / "tiles.parquet")
    values = table.column(column).to_numpy().copy()
    values[1] = value
    pq.write_table(
        table.set_column(table.schema.get_field_index(column), column, pa.array(values)), tmp_path / "tiles.parquet"
    )
    with pytest.raises(TableInvalid, match=f"{column} of row 1"):
        read_table(tmp_path / "tiles.parquet")


def test_ids_appear_once(tmp_path: Path) -> None:
    table = make_table(["a", "a"], np.zeros(2), np.zeros(2), 64.0, np.ones(2), [None, None], ["", ""])
    write_table(tmp_path / "tiles.parquet", table)
    with pytest.raises(TableInvalid, match="twice"):
        read_table(tmp_path / "tiles.parquet")


@pytest.mark.parametrize("columns", [{"id": ["a"]}, {"lat": [1.0]}])
def test_another_table_is_refused(tmp_path: Path, columns: dict[str, list[object]]) -> None:
    pq.write_table(pa.table(columns), tmp_path / "tiles.parquet")
    with pytest.raises(TableInvalid, match="tile table"):
        read_table(tmp_path / "tiles.parquet")


def test_columns_of_another_type_are_refused(tmp_path: Path) -> None:
    write_table(tmp_path / "tiles.parquet", _table())
    table = pq.read_table(tmp_path / "tiles.parquet")
    pq.write_table(table.set_column(1, "lat", pa.array(["a", "b", "c"])), tmp_path / "tiles.parquet")
    with pytest.raises(TableInvalid, match="'lat' is VARCHAR"):
        read_table(tmp_path / "tiles.parquet")


@pytest.mark.parametrize("content", [b"", b"PAR1", b"PAR1" + b"\0" * 100 + b"PAR1"])
def test_what_is_no_parquet_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "tiles.parquet").write_bytes(content)
    with pytest.raises(TableInvalid, match=r"tiles\.parquet is not a tile table"):
        read_table(tmp_path / "tiles.parquet")

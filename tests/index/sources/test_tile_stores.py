from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
import rasterio
from pmtiles.tile import TileType
from rasterio.transform import from_origin

from models.errors import GeoreferenceInvalid, SourceError
from tests.index.sources.tiled import (
    address,
    compass_tiles,
    cut,
    noise_tiles,
    write_folder,
    write_json,
    write_mbtiles,
    write_pmtiles,
)

LAT, LON, ZOOM = 48.0, 11.0, 18
PIECES = noise_tiles([(x, y) for x in range(139_000, 139_003) for y in range(90_000, 90_003)])
LINK = '<a href="https://example.org">&copy; Land survey</a>, <b>2025</b>'
TILE_MAP = "<TileMap version='1.0.0'><Title>map</Title><SRS>{}</SRS></TileMap>"


def _pixels(path: Path) -> dict[str, bytes]:
    tiles, bad, _ = cut(path, stride_m=30.0)
    assert not bad
    assert len(tiles) >= 9
    return {tile.id: tile.pixels.tobytes() for tile in tiles}


def test_every_store_gives_the_same_tiles(tmp_path: Path) -> None:
    tms = write_folder(tmp_path / "tms" / "map", ZOOM, PIECES, flipped=True)
    (tms / "tilemapresource.xml").write_text(TILE_MAP.format("EPSG:900913"))
    expected = _pixels(write_folder(tmp_path / "xyz" / "map", ZOOM, PIECES))
    assert _pixels(tms) == expected
    assert _pixels(write_mbtiles(tmp_path / "map.mbtiles", {ZOOM: PIECES})) == expected
    assert _pixels(write_pmtiles(tmp_path / "map.pmtiles", {ZOOM: PIECES})) == expected


def test_attribution_and_date_come_from_the_metadata(tmp_path: Path) -> None:
    said = {"attribution": LINK, "date": "2025-06"}
    folder = write_folder(tmp_path / "folder", ZOOM, PIECES)
    write_json(folder / "metadata.json", said)
    for path in (
        folder,
        write_mbtiles(tmp_path / "a.mbtiles", {ZOOM: PIECES}, **said),
        write_pmtiles(tmp_path / "b.pmtiles", {ZOOM: PIECES}, kind=TileType.PNG, **said),
    ):
        tiles, _, source = cut(path, stride_m=60.0)
        assert source.attribution == "© Land survey, 2025"
        assert {tile.captured for tile in tiles} == {"2025-06"}
        assert {tile.source for tile in tiles} == {path.name}


def test_metadata_may_say_tms(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "map", ZOOM, compass_tiles(LAT, LON, ZOOM), flipped=True)
    write_json(folder / "metadata.json", {"scheme": "tms"})
    _, _, source = cut(folder, stride_m=60.0)
    assert source.bounds.south < LAT < source.bounds.north
    assert source.name.startswith("TMS tiles map (zoom 18")


def test_tiles_in_degrees_are_refused(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "map", ZOOM, PIECES)
    (folder / "tilemapresource.xml").write_text(TILE_MAP.format("EPSG:4326"))
    with pytest.raises(GeoreferenceInvalid, match=r"in EPSG:4326; they must be .* EPSG:3857"):
        cut(folder)


def test_an_mbtiles_file_of_gdal_lies_where_it_should(tmp_path: Path) -> None:
    side, resolution = 512, 40_075_016.685_578_5 / 2**18 / 256
    x, y = address(LAT, LON, 18)
    west, north = x * 256 * resolution - 20_037_508.342_789_24, 20_037_508.342_789_24 - y * 256 * resolution
    pixels = np.random.default_rng(0).integers(0, 255, (3, side, side), dtype=np.uint8)
    profile = {"driver": "MBTiles", "width": side, "height": side, "count": 3, "dtype": "uint8", "crs": "EPSG:3857"}
    transform = from_origin(west, north, resolution, resolution)
    with rasterio.open(tmp_path / "gdal.mbtiles", "w", **profile, transform=transform, TILE_FORMAT="PNG") as file:
        file.write(pixels)
    tiles, _, source = cut(tmp_path / "gdal.mbtiles")
    assert tiles
    sheet = source._mosaics[0].sheets[0]
    assert sheet.grid.transform.almost_equals(transform, precision=1e-3)
    with sheet.open() as reader:
        patch = reader.read(rasterio.windows.Window(0, 0, side, side), 1, 1).patch
    assert np.array_equal(np.asarray(patch.image.convert("RGBA"))[..., :3], pixels.transpose(1, 2, 0))


def test_runs_and_leaves_of_an_archive_are_followed(tmp_path: Path) -> None:
    one = next(iter(PIECES.values()))
    zooms = {10: dict.fromkeys(((x, y) for x in range(128) for y in range(128)), one), ZOOM: PIECES}
    expected = _pixels(write_mbtiles(tmp_path / "map.mbtiles", {ZOOM: PIECES}))
    assert _pixels(write_pmtiles(tmp_path / "map.pmtiles", zooms)) == expected


@pytest.mark.parametrize("keep", [0, 60, 200, 0.5])
def test_a_truncated_archive_is_refused_or_loses_tiles(tmp_path: Path, keep: float) -> None:
    path = write_pmtiles(tmp_path / "map.pmtiles", {ZOOM: PIECES})
    data = path.read_bytes()
    path.write_bytes(data[: int(keep if keep >= 1 or not keep else keep * len(data))])
    if keep != 0.5:
        with pytest.raises(SourceError, match=r"map\.pmtiles"):
            cut(path)
        return
    tiles, bad, _ = cut(path, footprint_m=60.0)
    assert tiles
    assert {tile.code for tile in bad} <= {"io_error", "image_undecodable", "tile_blank"}
    assert any("The archive ends before" in tile.reason for tile in bad)


def test_vector_tiles_are_no_imagery(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="holds MVT tiles; imagery is PNG"):
        cut(write_pmtiles(tmp_path / "map.pmtiles", {ZOOM: PIECES}, kind=TileType.MVT))
    with pytest.raises(SourceError, match="of the format pbf; imagery is PNG"):
        cut(write_mbtiles(tmp_path / "map.mbtiles", {ZOOM: PIECES}, format="pbf"))


@pytest.mark.parametrize("content", [b"", b"SQLite format 3\0 and no more", b"PK\3\4"])
def test_what_is_no_database_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "map.mbtiles").write_bytes(content)
    with pytest.raises(SourceError, match=r"map\.mbtiles is not an MBTiles file that can be read"):
        cut(tmp_path / "map.mbtiles")


def test_odd_rows_of_a_database_cost_no_more_than_themselves(tmp_path: Path) -> None:
    path = write_mbtiles(tmp_path / "map.mbtiles", {ZOOM: PIECES})
    top = 2**ZOOM - 1
    with closing(sqlite3.connect(path)) as database:
        database.execute(
            "UPDATE tiles SET tile_data = NULL WHERE tile_column = 139001 AND tile_row = ?", (top - 90_001,)
        )
        database.execute("INSERT INTO tiles VALUES (?, 'x', 'y', x'00')", (ZOOM,))
        database.execute("INSERT INTO tiles VALUES (?, -4, ?, x'00')", (ZOOM, 2**40))
        database.commit()
    tiles, bad, _ = cut(path, footprint_m=160.0, stride_m=32.0)
    assert len(tiles) > 20
    assert {tile.code for tile in bad} == {"io_error", "tile_id_invalid"}
    assert len(bad) == 2

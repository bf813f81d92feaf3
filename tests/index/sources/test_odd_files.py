"""What folders of imagery hold besides imagery: each costs a line in the quarantine, or refuses the build, and no more.

Numbers in brackets are rows of the reliability list (G, tile sources).
"""

from __future__ import annotations

import errno
import os
import socket
import sqlite3
import struct
import tarfile
import zipfile
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
import rasterio
from PIL import Image
from rasterio.control import GroundControlPoint
from rasterio.transform import Affine

from index.build import build_index
from index.sources.files import persist, read_inside
from index.sources.folder import FolderSource
from index.sources.opening import open_source
from index.sources.tile_list import LINE_LIMIT, ListedTile, read_list
from index.tiles import BadTile, Tile
from models.encoder import FakeEncoder
from models.errors import GeoreferenceInvalid, NoTiles, PathUnsafe, SourceError, TileUnreadable
from tests.index.made import square_transform, write_tif
from tests.index.sources.tiled import cut, noise_tiles, write_folder, write_mbtiles, write_pmtiles

UTM, HEADER = "EPSG:32633", "file,lat,lon,ground_resolution_m"
ZOOM, X, Y = 18, 139_000, 90_000
PIECES = noise_tiles([(X + dx, Y + dy) for dx in range(5) for dy in range(5)])
MIDDLE = (X + 2, Y + 2)


def _noise(size: int, bands: int = 3) -> np.ndarray:
    return np.random.default_rng(0).integers(1, 255, (bands, size, size), dtype=np.uint8)


def _tif(
    path: Path, size: int = 120, crs: str | None = UTM, transform: Affine | None = None, **options: object
) -> Path:
    path.parent.mkdir(exist_ok=True)
    where = transform or square_transform(UTM, 50.0, 15.0, size, 1.0)
    return write_tif(path, _noise(size), where, crs, **options)


def _codes(found: list[BadTile]) -> set[str]:
    return {bad.code for bad in found}


# 138: there is no source


@pytest.mark.parametrize("name", ["gone", "empty", "a.zip", "a.tar", "a.txt", "a.csv/"])
def test_what_is_no_imagery_is_refused_before_work(tmp_path: Path, name: str) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "a.txt").write_text("nothing")
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:  # 151
        archive.writestr("../../out.tif", b"II*\0")
    with tarfile.open(tmp_path / "a.tar", "w") as tar:
        tar.add(tmp_path / "a.txt")
    with pytest.raises(SourceError):
        cut(tmp_path / name)


@pytest.mark.parametrize("name", ["a.tif", "a.vrt", "a.mbtiles", "a.pmtiles", "a.json", "a.csv"])
def test_a_pipe_is_refused_and_never_waited_for(tmp_path: Path, name: str) -> None:  # 146
    os.mkfifo(tmp_path / name)
    with pytest.raises(SourceError):
        cut(tmp_path / name)


@pytest.mark.parametrize("name", ["a.tif", "a.csv", "metadata.json"])
def test_a_pipe_in_a_folder_is_never_waited_for(tmp_path: Path, name: str) -> None:
    os.mkfifo(tmp_path / name)
    if name == "a.csv":
        with pytest.raises(SourceError, match="holds no imagery"):
            cut(tmp_path)
        return
    write_folder(tmp_path, ZOOM, PIECES) if name == "metadata.json" else _tif(tmp_path / "good.tif")
    tiles, bad, _ = cut(tmp_path)
    assert tiles
    assert _codes(bad) - {"tile_blank"} == ({"path_unsafe"} if name == "a.tif" else set())


def test_a_sheet_that_is_a_link_out_of_its_folder_is_left_out(tmp_path: Path) -> None:
    _tif(tmp_path / "secret" / "far.tif")
    _tif(tmp_path / "sheets" / "good.tif")
    (tmp_path / "sheets" / "link.tif").symlink_to(tmp_path / "secret" / "far.tif")
    (tmp_path / "sheets" / "inside.tif").symlink_to(tmp_path / "sheets" / "good.tif")
    (tmp_path / "sheets" / "loop.tif").symlink_to(tmp_path / "sheets" / "loop.tif")
    tiles, bad, _ = cut(tmp_path / "sheets")
    assert tiles
    assert {(tile.id, tile.code) for tile in bad} == {("link.tif", "path_unsafe"), ("loop.tif", "path_unsafe")}
    assert cut(tmp_path / "sheets" / "inside.tif")[0]


@pytest.mark.parametrize("kind", ["pipe", "socket", "loop", "device", "folder"])
def test_a_tile_of_a_web_map_that_is_no_file_costs_one(tmp_path: Path, kind: str) -> None:
    folder = write_folder(tmp_path / "m", ZOOM, PIECES)
    path = folder / str(ZOOM) / str(MIDDLE[0]) / f"{MIDDLE[1]}.png"
    path.unlink()
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "socket":
        here = Path.cwd()
        os.chdir(path.parent)  # paths of sockets are short
        with socket.socket(socket.AF_UNIX) as bound:
            bound.bind(path.name)
        os.chdir(here)
    elif kind == "folder":
        path.mkdir()
    else:
        path.symlink_to(path if kind == "loop" else "/dev/zero")
    tiles, (bad,), _ = cut(folder, footprint_m=160.0, stride_m=32.0)
    assert len(tiles) > 100
    assert bad.code in ("path_unsafe", "io_error")


# 139, 160: pictures


def test_odd_pictures_of_a_list_are_told_apart(tmp_path: Path) -> None:
    size = {"small.png": (1, 1), "long.png": (20_000, 3), "grey.png": (128, 128), "rgba.png": (200, 180)}
    modes = {"grey.png": "L", "rgba.png": "RGBA"}
    for name, shape in size.items():
        pixels = np.random.default_rng(1).integers(0, 255, (*shape[::-1], 4), dtype=np.uint8)
        Image.fromarray(pixels).convert(modes.get(name, "RGB")).save(tmp_path / name)
    (tmp_path / "bomb.png").write_bytes(
        (tmp_path / "small.png").read_bytes().replace(b"\0\0\0\1\0\0\0\1\x08", b"\0\1\0\0\0\1\0\0\x08")
    )
    (tmp_path / "tiles.csv").write_text("\n".join([HEADER, *(f"{name},50,15,1" for name in [*size, "bomb.png"])]))
    found = {
        bad.id: bad.code for bad in FolderSource(tmp_path, footprint_m=64.0, size_px=64) if isinstance(bad, BadTile)
    }
    assert found.keys() == {"small.png", "long.png", "bomb.png"}
    assert found["bomb.png"] in ("image_too_many_pixels", "image_undecodable", "image_bad_dimensions")


# 141: georeference


@pytest.mark.parametrize(
    ("transform", "message"),
    [
        (Affine(1, 0, 500_000, 0, -1, float("nan")), "nowhere on Earth|no position"),
        (Affine(1, 0, float("inf"), 0, -1, 5_500_000), "nowhere on Earth|no position"),
        (Affine(1, 0, 5e8, 0, -1, 5e8), "nowhere on Earth"),
        (Affine(0, 0, 500_000, 0, 0, 5_500_000), "no position"),
    ],
)
def test_a_georeference_off_the_earth_is_refused(tmp_path: Path, transform: Affine, message: str) -> None:
    with pytest.raises(GeoreferenceInvalid, match=message):
        cut(_tif(tmp_path / "a.tif", transform=transform))


def test_degrees_beyond_the_pole_are_refused(tmp_path: Path) -> None:
    with pytest.raises(GeoreferenceInvalid, match="nowhere on Earth"):
        cut(_tif(tmp_path / "a.tif", crs="EPSG:4326", transform=Affine(1e-5, 0, 9.0, 0, -1e-5, 95.0)))


def test_a_scan_with_control_points_only_is_refused(tmp_path: Path) -> None:
    points = [GroundControlPoint(r, c, 500_000 + c, 5_500_000 - r) for r, c in ((0, 0), (0, 99), (99, 0), (99, 99))]
    path = tmp_path / "a.tif"
    profile = {"driver": "GTiff", "width": 100, "height": 100, "count": 3, "dtype": "uint8", "crs": UTM}
    with rasterio.open(path, "w", gcps=points, **profile) as file:
        file.write(_noise(100))
    with pytest.raises(GeoreferenceInvalid):
        cut(path)


def test_a_local_system_is_refused(tmp_path: Path) -> None:
    with pytest.raises(GeoreferenceInvalid):
        cut(_tif(tmp_path / "a.tif", crs='LOCAL_CS["site",UNIT["metre",1]]'))


def test_rows_that_run_north_are_read_as_they_are(tmp_path: Path) -> None:
    where = square_transform(UTM, 50.0, 15.0, 120, 1.0)
    flipped = write_tif(tmp_path / "f.tif", _noise(120)[:, ::-1], Affine(1, 0, where.c, 0, 1, where.f - 120), UTM)
    upright = cut(_tif(tmp_path / "u.tif"))[0]
    for one, other in zip(cut(flipped)[0], upright, strict=True):
        assert np.abs(one.pixels.astype(int) - other.pixels).max() <= 1


# 142, 143: ids


def test_zooms_that_do_not_exist_are_listed(tmp_path: Path) -> None:
    path = write_mbtiles(tmp_path / "m.mbtiles", {ZOOM: PIECES})
    with closing(sqlite3.connect(path)) as database:
        for zoom in (40, -1, 2**40):
            database.execute("INSERT INTO tiles VALUES (?, 1, 1, x'00')", (zoom,))
        database.commit()
    tiles, bad, _ = cut(path)
    assert tiles
    assert {tile.id for tile in bad if tile.code == "tile_id_invalid"} == {"40", "-1", str(2**40)}


def test_a_tile_that_is_there_twice_is_kept_once_or_refused(tmp_path: Path) -> None:
    same, other = tmp_path / "same.mbtiles", tmp_path / "other.mbtiles"
    for path in (same, other):
        write_mbtiles(path, {ZOOM: PIECES})
        with closing(sqlite3.connect(path)) as database:
            data = PIECES[MIDDLE] if path == same else PIECES[X, Y]
            database.execute("INSERT INTO tiles VALUES (?, ?, ?, ?)", (ZOOM, MIDDLE[0], 2**ZOOM - 1 - MIDDLE[1], data))
            database.commit()
    assert not cut(same, footprint_m=160.0, stride_m=32.0)[1]
    (bad,) = cut(other, footprint_m=160.0, stride_m=32.0)[1]
    assert bad.code == "duplicate_conflict"


def test_two_files_of_one_address_are_a_conflict(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "m", ZOOM, PIECES)
    write_folder(folder, ZOOM, {MIDDLE: PIECES[X, Y]}, suffix=".jpg")
    (bad,) = cut(folder, footprint_m=160.0, stride_m=32.0)[1]
    assert bad.code == "duplicate_conflict"
    assert f"{MIDDLE[1]}.png, {ZOOM}/{MIDDLE[0]}/{MIDDLE[1]}.jpg" in bad.reason


def test_a_row_of_a_list_twice_is_kept_once_and_another_under_its_id_is_bad(tmp_path: Path) -> None:
    for name in "ab":
        Image.fromarray(np.random.default_rng(ord(name)).integers(0, 255, (64, 64, 3), dtype=np.uint8)).save(
            tmp_path / f"{name}.png"
        )
    rows = ["a.png,50,15,1,one", "a.png,50,15,1,one", "b.png,50,15,1,one"]
    (tmp_path / "tiles.csv").write_text("\n".join([f"{HEADER},id", *rows]))
    source = open_source([tmp_path], footprint_m=64.0, size_px=32)
    report = build_index(source, FakeEncoder(), tmp_path / "index", name="a", max_bad_ratio=1.0)
    assert report.count == 1
    assert "duplicate_conflict" in (report.path / "quarantine.csv").read_text()


# 145: the system refuses


def test_a_read_that_fails_once_is_repeated_and_one_that_goes_on_failing_is_told() -> None:
    pauses: list[float] = []

    def failing(times: int, number: int) -> bytes:
        if len(pauses) < times:
            raise OSError(number, os.strerror(number))
        return b"read"

    assert persist(lambda: failing(2, errno.EIO), pauses.append) == b"read"
    assert len(pauses) == 2
    pauses.clear()
    with pytest.raises(OSError, match="Input/output"):
        persist(lambda: failing(9, errno.EIO), pauses.append)
    pauses.clear()
    with pytest.raises(PermissionError):
        persist(lambda: failing(9, errno.EACCES), pauses.append)
    assert not pauses


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_costs_one(tmp_path: Path) -> None:
    (tmp_path / "a.png").touch(0o000)
    with pytest.raises(TileUnreadable, match="Permission denied"):
        read_inside(tmp_path.resolve(), "a.png")


# 148: GeoTIFFs


def test_tens_of_thousands_of_bands_are_no_obstacle(tmp_path: Path) -> None:
    where = square_transform(UTM, 50.0, 15.0, 2, 30.0)
    profile = {"driver": "GTiff", "width": 2, "height": 2, "count": 65_535, "dtype": "uint8", "transform": where}
    with rasterio.open(tmp_path / "a.tif", "w", crs=UTM, interleave="pixel", **profile):
        pass
    assert open_source([tmp_path / "a.tif"], footprint_m=640.0, size_px=64).count >= 1


def test_a_block_that_does_not_fit_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    profile = {"driver": "GTiff", "width": 40_000, "height": 40_000, "count": 3, "dtype": "uint16", "crs": UTM}
    where = square_transform(UTM, 50.0, 15.0, 40_000, 0.5)
    tiles = {"tiled": True, "blockxsize": 39_936, "blockysize": 39_936, "compress": "lzma", "sparse_ok": True}
    with rasterio.open(tmp_path / "bomb.tif", "w", transform=where, bigtiff="yes", **tiles, **profile):
        pass
    _tif(tmp_path / "good.tif")
    tiles_found, (bad,), _ = cut(tmp_path)
    assert tiles_found
    assert bad.code == "source"
    assert "at most 536,870,912 are unpacked at once" in bad.reason


def _many_directories(count: int, loop: bool) -> bytes:
    """A TIFF of `count` images of 8 x 8, the last of which leads to none or back to the first."""
    tags = [
        (256, 3, 8),
        (257, 3, 8),
        (258, 3, 8),
        (259, 3, 1),
        (262, 3, 1),
        (273, 4, 8),
        (277, 3, 1),
        (278, 3, 8),
        (279, 4, 64),
    ]
    step, out = 2 + 12 * len(tags) + 4, [b"II*\0", struct.pack("<I", 8)]
    entries = struct.pack("<H", len(tags)) + b"".join(
        struct.pack("<HHII", tag, kind, 1, value) for tag, kind, value in tags
    )
    for n in range(count):
        after = 8 + (n + 1) * step if n + 1 < count else 8 if loop else 0
        out.append(entries + struct.pack("<I", after))
    return b"".join(out)


@pytest.mark.parametrize("loop", [False, True])
def test_endless_directories_are_refused(tmp_path: Path, loop: bool) -> None:
    (tmp_path / "a.tif").write_bytes(_many_directories(200_000, loop))
    with pytest.raises(SourceError):
        cut(tmp_path / "a.tif")


def test_offsets_beyond_the_end_cost_the_tiles_that_lie_there(tmp_path: Path) -> None:
    path = _tif(tmp_path / "a.tif", 512, BIGTIFF="YES", tiled=True, blockxsize=64, blockysize=64)
    data = bytearray(path.read_bytes())
    with rasterio.open(path) as dataset:
        where = int(
            dataset.tags(1, ns="TIFF").get("BLOCK_OFFSET_7_7") or dataset.get_tag_item("BLOCK_OFFSET_7_7", "TIFF", 1)
        )
    at = data.index(struct.pack("<Q", where))
    data[at : at + 8] = struct.pack("<Q", 2**60)
    path.write_bytes(data)
    tiles, bad, _ = cut(path)
    assert _codes(bad) == {"io_error"}
    assert 0 < len(bad) < len(tiles) / 4


def test_a_zip_by_another_name_is_no_geotiff(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.tif", "w") as archive:
        archive.write(_tif(tmp_path / "b" / "b.tif"), "b.tif")
    with pytest.raises(SourceError, match="is not a GeoTIFF that can be read"):
        cut(tmp_path / "a.tif")


@pytest.mark.parametrize("piece", ["/vsicurl/https://example.org/a.tif", "outer.vrt", "wms.tif"])
@pytest.mark.parametrize("inner", ["inner.vrt", "inner.tif"])
def test_a_mosaic_in_a_mosaic_is_looked_into(tmp_path: Path, piece: str, inner: str) -> None:
    text = "<VRTDataset><VRTRasterBand><SimpleSource><SourceFilename relativeToVRT='1'>{}</SourceFilename>"
    (tmp_path / "outer.vrt").write_text(text.format(inner))
    (tmp_path / inner).write_text(text.format(piece))
    (tmp_path / "wms.tif").write_text(" <GDAL_WMS><Service name='TMS'/></GDAL_WMS>")
    with pytest.raises(SourceError, match=r"must be files on this machine|or of itself|no VRT"):
        cut(tmp_path / "outer.vrt")


# 149: lists


@pytest.mark.parametrize("name", ["=cmd|' /C calc'!A0", "+1", "-1", "@SUM(A1)"])
def test_a_formula_is_no_id(tmp_path: Path, name: str) -> None:
    (tmp_path / "tiles.csv").write_text(f'{HEADER},id\na.png,50,15,1,"{name}"\n')
    ((line, error),) = read_list(tmp_path / "tiles.csv")  # type: ignore[misc]
    assert (line, error.code) == (2, "row_invalid")
    assert "formula" in str(error)


@pytest.mark.parametrize("length", [LINE_LIMIT - 30, LINE_LIMIT, 3 * LINE_LIMIT + 1, 10_000_000])
def test_a_line_without_end_is_passed_over(tmp_path: Path, length: int) -> None:
    (tmp_path / "tiles.csv").write_text(f"{HEADER}\n{'x' * length},50,15,1\ngood.png,50,15,1\n")
    bad, good = read_list(tmp_path / "tiles.csv")
    assert not isinstance(bad, ListedTile)
    assert isinstance(good, ListedTile)


# 150: databases


def test_a_database_without_its_tables_is_refused(tmp_path: Path) -> None:
    for name in ("metadata", "tiles"):
        path = write_mbtiles(tmp_path / f"{name}.mbtiles", {ZOOM: PIECES})
        with closing(sqlite3.connect(path)) as database:
            database.execute(f"DROP TABLE {name}")
        with pytest.raises(SourceError, match="no such table"):
            cut(path)


def test_a_locked_database_is_refused_with_advice(tmp_path: Path) -> None:
    path = write_mbtiles(tmp_path / "m.mbtiles", {ZOOM: PIECES})
    with closing(sqlite3.connect(path, isolation_level=None)) as writer:
        writer.execute("BEGIN EXCLUSIVE")
        with pytest.raises(SourceError, match=r"database is locked.* close what writes to it"):
            cut(path)


def test_a_huge_blob_costs_one_tile(tmp_path: Path) -> None:
    path = write_mbtiles(tmp_path / "m.mbtiles", {ZOOM: PIECES})
    with closing(sqlite3.connect(path)) as database:
        database.execute(
            "UPDATE tiles SET tile_data = zeroblob(20000000) WHERE tile_column = ? AND tile_row = ?",
            (MIDDLE[0], 2**ZOOM - 1 - MIDDLE[1]),
        )
        database.commit()
    (bad,) = cut(path, footprint_m=160.0, stride_m=32.0)[1]
    assert bad.code == "io_error"
    assert "has 20000000 bytes; at most 16777216" in bad.reason


@pytest.mark.parametrize("suffix", [".mbtiles", ".pmtiles"])
def test_damage_in_the_middle_of_an_archive_costs_tiles_or_refuses_it(tmp_path: Path, suffix: str) -> None:
    write = write_mbtiles if suffix == ".mbtiles" else write_pmtiles
    whole = write(tmp_path / f"m{suffix}", {ZOOM: PIECES}).read_bytes()
    rng = np.random.default_rng(0)
    outcomes = set()
    for n in range(16):
        data = bytearray(whole)
        for at in rng.integers(0, min(len(data), 20_000) if n % 2 else len(data), 40):
            data[at] ^= 1 + int(rng.integers(255))
        (tmp_path / f"m{suffix}").write_bytes(data)
        try:
            tiles, bad, _ = cut(tmp_path / f"m{suffix}", footprint_m=160.0, stride_m=64.0)
            outcomes.add("cut" if tiles or bad else "nothing")
        except SourceError:
            outcomes.add("refused")
    assert "nothing" not in outcomes


# 157: nothing is left


def test_a_source_of_bad_tiles_only_publishes_nothing(tmp_path: Path) -> None:
    (tmp_path / "tiles.csv").write_text(f"{HEADER}\ngone.png,50,15,1\n")
    source = open_source([tmp_path / "tiles.csv"], footprint_m=64.0, size_px=32)
    with pytest.raises(NoTiles):
        build_index(source, FakeEncoder(), tmp_path / "index", name="a", max_bad_ratio=1.0)
    assert not (tmp_path / "index" / "CURRENT").exists()


def test_safe_is_told_from_unsafe_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.tif")
    with pytest.raises(PathUnsafe, match="is a pipe"):
        cut(tmp_path / "a.tif")
    assert isinstance(cut(_tif(tmp_path / "b.tif"))[0][0], Tile)

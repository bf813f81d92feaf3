"""What folders of imagery hold besides imagery: each costs a line in the quarantine, or refuses the build, and no more.

Numbers in brackets are rows of the reliability list (G, tile sources).
"""

from __future__ import annotations

import errno
import os
import socket
import sqlite3
import tarfile
import zipfile
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from index.build import build_index
from index.sources.files import persist, read_inside
from index.sources.folder import FolderSource
from index.sources.opening import open_source
from index.sources.tile_list import LINE_LIMIT, ListedTile, read_list
from index.tiles import BadTile, Tile
from models.encoder import FakeEncoder
from models.errors import NoTiles, PathUnsafe, SourceError, TileUnreadable
from tests.index.sources.odd import noise_tif
from tests.index.sources.tiled import cut, noise_tiles, write_folder, write_mbtiles, write_pmtiles

HEADER = "file,lat,lon,ground_resolution_m"
ZOOM, X, Y = 18, 139_000, 90_000
PIECES = noise_tiles([(X + dx, Y + dy) for dx in range(5) for dy in range(5)])
MIDDLE = (X + 2, Y + 2)


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
    write_folder(tmp_path, ZOOM, PIECES) if name == "metadata.json" else noise_tif(tmp_path / "good.tif")
    tiles, bad, _ = cut(tmp_path)
    assert tiles
    assert _codes(bad) - {"tile_blank"} == ({"path_unsafe"} if name == "a.tif" else set())


def test_a_sheet_that_is_a_link_out_of_its_folder_is_left_out(tmp_path: Path) -> None:
    noise_tif(tmp_path / "secret" / "far.tif")
    noise_tif(tmp_path / "sheets" / "good.tif")
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
    assert isinstance(cut(noise_tif(tmp_path / "b.tif"))[0][0], Tile)

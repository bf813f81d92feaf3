from __future__ import annotations

import gzip
import os
import tempfile
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from pmtiles.tile import Compression, TileType, deserialize_directory, tileid_to_zxy, zxy_to_tileid
from pmtiles.writer import Writer

from index.sources.pmtiles_archive import PMTiles
from index.sources.pmtiles_directory import KEPT, Archive, Directory, addresses, varints
from models.errors import SourceError
from tests.index.sources.tiled import png, write_pmtiles

LENGTHS = np.random.default_rng(0).integers(0, 64, 2**18).tolist()


def _packed(*numbers: int) -> bytes:
    out = bytearray()
    for number in numbers:
        while number > 127:
            out.append(number & 127 | 128)
            number >>= 7
        out.append(number)
    return bytes(out)


def test_numbers_are_decoded() -> None:
    numbers = [0, 1, 127, 128, 300, 2**31, 2**62]
    assert varints(_packed(*numbers)).tolist() == numbers
    assert varints(b"").tolist() == []


@pytest.mark.parametrize("data", [b"\x80", b"\1\x80", b"\xff" * 10 + b"\1"])
def test_numbers_without_an_end_are_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match="a directory"):
        varints(data)


def test_a_directory_is_that_of_the_reference() -> None:
    rng = np.random.default_rng(0)
    count = 500
    columns = rng.integers(1, 400, (4, count))
    columns[3, rng.random(count) < 0.7] = 0
    columns[3, 0] = 1
    data = _packed(count, *columns.ravel().tolist())
    found, expected = Directory.of(data), deserialize_directory(gzip.compress(data))
    assert [tuple(row) for row in zip(found.first, found.run, found.length, found.offset, strict=True)] == [
        (e.tile_id, e.run_length, e.length, e.offset) for e in expected
    ]


@pytest.mark.parametrize("zoom", [0, 1, 5, 18, 24])
def test_addresses_are_those_of_the_reference(zoom: int) -> None:
    start, end = zxy_to_tileid(zoom, 0, 0), zxy_to_tileid(zoom + 1, 0, 0)
    numbers = np.random.default_rng(1).integers(start, end, 200)
    assert addresses(numbers, zoom).tolist() == [list(tileid_to_zxy(int(number))[1:]) for number in numbers]


@contextmanager
def _open(path: Path) -> Iterator[Archive]:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        yield Archive(descriptor)
    finally:
        os.close(descriptor)


def _bytes(number: int) -> bytes:
    return number.to_bytes(8, "big") + bytes(LENGTHS[number % len(LENGTHS)])


def _large(path: Path, side: int = 256) -> None:
    """Tiles of different lengths, so that no two are one run; it has many leaves."""
    with path.open("wb") as stream:
        writer = Writer(stream)  # type: ignore[no-untyped-call]
        for number in range(zxy_to_tileid(17, 0, 0), zxy_to_tileid(17, 0, 0) + side * side):
            writer.write_tile(number, _bytes(number))  # type: ignore[no-untyped-call]
        writer.finalize({"tile_type": TileType.PNG, "tile_compression": Compression.NONE}, {})  # type: ignore[no-untyped-call]


def test_every_tile_of_many_leaves_is_found(tmp_path: Path) -> None:
    _large(tmp_path / "a.pmtiles")
    start = zxy_to_tileid(17, 0, 0)
    with _open(tmp_path / "a.pmtiles") as archive:
        for number in range(start, start + 256 * 256, 997):
            assert archive.read(*archive.find(number)) == _bytes(number)
        assert archive.find(start - 1) == (0, 0)
        assert archive.find(start + 256 * 256) == (0, 0)
        assert len(archive._kept) <= KEPT
        runs = list(archive.runs(start + 10, start + 50_000))
    assert len(runs) > 3
    assert sum(int((high - low).sum()) for low, high in runs) == 50_000 - 10


def test_memory_does_not_hold_the_entries(tmp_path: Path) -> None:
    _large(tmp_path / "a.pmtiles", 300)
    tracemalloc.start()
    store = PMTiles.at(tmp_path / "a.pmtiles")
    _, opened = tracemalloc.get_traced_memory()
    assert len(store.listing(17).addresses) == 300 * 300
    _, listed = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert store.zooms == (17,)
    assert opened < 8_000_000
    assert listed < 300 * 300 * 150


def test_a_run_of_more_tiles_than_can_be_held_is_refused(tmp_path: Path) -> None:
    path = write_pmtiles(tmp_path / "a.pmtiles", {24: {(0, 0): png(np.zeros((8, 8, 3), np.uint8))}})
    data = path.read_bytes()
    with _open(path) as archive:
        header = archive.header
        directory = archive.unpacked(header["root_offset"], header["root_length"])
    number = zxy_to_tileid(24, 0, 0)
    assert directory == _packed(1, number, 1, len(data) - header["tile_data_offset"], 1)
    bomb = gzip.compress(_packed(1, number, 2**46, 9, 1))
    new = bytearray(data + bomb)
    new[8:16], new[16:24] = len(data).to_bytes(8, "little"), len(bomb).to_bytes(8, "little")
    path.write_bytes(new)
    with pytest.raises(SourceError, match="more than 134,217,728 tiles at zoom 24"):
        PMTiles.at(path).listing(24)


@pytest.mark.parametrize(
    "packed", [gzip.compress(bytes(1 << 27)), gzip.compress(b"\1\1\1\1\1")[:-9]], ids=["bomb", "cut"]
)
def test_a_directory_that_does_not_unpack_is_refused(packed: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = write_pmtiles(Path(folder) / "a.pmtiles", {3: {(0, 0): png(np.zeros((8, 8, 3), np.uint8))}})
        data = path.read_bytes()
        new = bytearray(data + packed)
        new[8:16], new[16:24] = len(data).to_bytes(8, "little"), len(packed).to_bytes(8, "little")
        path.write_bytes(new)
        with pytest.raises(SourceError, match="cut off, or larger"):
            PMTiles.at(path)

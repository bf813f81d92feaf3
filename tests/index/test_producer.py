from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from index.producer import Prepared, describe_all, prepare, produce
from index.tiles import BadTile, Piece, PieceSource, Tile
from models.encoder import FakeEncoder
from tests.index.made import LAT, LON, Noise, cut_tiffs, square_transform, write_compass

VIEW = FakeEncoder().manifest.aerial
CRS = "EPSG:32632"


class Pieces(Noise):
    """The tiles of Noise in pieces of 7, made by whoever wants them; remembers which threads did."""

    def pieces(self) -> Iterator[Piece]:
        tiles = list(iter(self))
        for first in range(0, len(tiles), 7):
            yield Piece(len(tiles[first : first + 7]), lambda part=tiles[first : first + 7]: self._make(part))  # type: ignore[misc]

    def _make(self, part: list[Tile | BadTile]) -> list[Tile | BadTile]:
        THREADS.add(threading.get_ident())
        return part


THREADS: set[int] = set()


@pytest.mark.parametrize("source", [Noise(bad=(3, 17)), Pieces(bad=(3, 17))])
@pytest.mark.parametrize("workers", [1, 4])
def test_items_come_in_the_order_of_the_source(source: Noise, workers: int) -> None:
    expected = [prepare(number, tile, VIEW, describe_all) for number, tile in enumerate(source)]
    with produce(source, VIEW, ahead=4, workers=workers) as items:
        found = list(items)
    for item, other in zip(found, expected, strict=True):
        if isinstance(item, Prepared) and isinstance(other, Prepared):
            assert (item.tile.id, item.digest) == (other.tile.id, other.digest)
            np.testing.assert_array_equal(item.pixels, other.pixels)
        else:
            assert item == other


def test_pieces_are_made_in_other_threads() -> None:
    THREADS.clear()
    with produce(Pieces(), VIEW, ahead=4, workers=3) as items:
        list(items)
    assert THREADS
    assert threading.get_ident() not in THREADS


def test_whether_a_tile_is_wanted_is_asked_by_its_number_in_the_source() -> None:
    asked: dict[int, str] = {}

    def note(number: int, identifier: str, digest: str) -> bool:  # noqa: ARG001
        asked[number] = identifier
        return False

    with produce(Pieces(bad=(5,)), VIEW, ahead=4, wanted=note, workers=2) as items:
        assert not any(isinstance(item, Prepared) and item.pixels.size for item in items)
    assert asked == {number: f"t{number}" for number in range(60) if number != 5}


class Counting(Noise):
    """Counts the tiles that were asked for, and breaks after some."""

    def __iter__(self) -> Iterator[Tile | BadTile]:
        for number, tile in enumerate(super().__iter__()):
            if number == 40:
                raise RuntimeError("the disk is gone")
            GIVEN.append(number)
            yield tile


GIVEN: list[int] = []


def test_what_a_source_raises_comes_after_its_tiles() -> None:
    found: list[object] = []
    with produce(Counting(), VIEW, ahead=4) as items, pytest.raises(RuntimeError, match="disk is gone"):
        found.extend(items)
    assert len(found) == 40


def test_the_source_is_not_walked_through_further_than_asked() -> None:
    GIVEN.clear()
    with produce(Counting(), VIEW, ahead=4, workers=1) as items:
        next(items)
        threading.Event().wait(0.2)
        assert len(GIVEN) <= 4 + 16 + 2


def test_pieces_of_a_raster_are_its_tiles(tmp_path: Path) -> None:
    transform = square_transform(CRS, LAT, LON, 512, 0.5)
    path = write_compass(tmp_path / "c.tif", CRS, transform, LAT, LON, 512)
    source = cut_tiffs([path], footprint_m=64.0, size_px=32, stride_m=16.0)
    assert isinstance(source, PieceSource)
    pieces = list(source.pieces())
    made = [[tile.id for tile in piece.make()] for piece in pieces]
    assert [len(ids) for ids in made] == [piece.count for piece in pieces]
    assert [one for ids in made for one in ids] == [tile.id for tile in source]

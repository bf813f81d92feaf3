from __future__ import annotations

import numpy as np

from index.sources.tile_set import TileSet

NOT = float("nan")


def _set(*addresses: tuple[int, int], zoom: int = 4) -> TileSet:
    return TileSet.of(np.array(addresses, dtype=np.int64), zoom)


def test_the_box_is_as_small_as_it_can_be() -> None:
    tiles = _set((3, 7), (5, 6), (3, 7))
    assert (tiles.x, tiles.y, tiles.columns, tiles.rows, len(tiles)) == (3, 6, 3, 2, 2)


def test_the_box_may_cross_the_antimeridian() -> None:
    tiles = _set((15, 7), (0, 7), (1, 7))
    assert (tiles.x, tiles.columns) == (15, 3)
    assert tiles.within(0, 0, 3, 1) == [(0, 0), (1, 0), (2, 0)]


def test_a_world_without_a_gap_begins_at_its_edge() -> None:
    tiles = _set(*((x, 0) for x in range(16)))
    assert (tiles.x, tiles.columns) == (0, 16)


def test_places_are_looked_up() -> None:
    tiles = _set((3, 7), (5, 6))
    column = np.array([0.5, 2.5, 2.999, 3.0, -0.1, NOT, 0.0])
    row = np.array([1.5, 0.5, 0.0, 0.0, 1.5, 1.5, 2.0])
    assert tiles.has(column, row).tolist() == [True, True, True, False, False, False, False]


def test_parts_of_the_box_are_searched() -> None:
    tiles = _set((3, 7), (5, 6))
    assert tiles.any_within(1.2, 0.0, 2.1, 0.4)
    assert not tiles.any_within(0.0, 0.0, 1.9, 0.9)
    assert not tiles.any_within(-9.0, -9.0, -1.0, -1.0)
    assert tiles.within(-9.0, -9.0, 9.0, 9.0) == [(2, 0), (0, 1)]

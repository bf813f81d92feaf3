from __future__ import annotations

import numpy as np
import pytest

from index.hilbert import hilbert_distance, hilbert_order
from models.geo import distance_m, offset


def test_the_smallest_curve_is_a_cup() -> None:
    x, y = np.array([0, 0, 1, 1]), np.array([0, 1, 1, 0])
    assert hilbert_distance(x, y, order=1).tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize("order", [1, 2, 3, 5])
def test_every_cell_is_met_once_and_followed_by_a_neighbour(order: int) -> None:
    y, x = np.divmod(np.arange(4**order), 2**order)
    along = hilbert_distance(x, y, order)
    assert sorted(along.tolist()) == list(range(4**order))
    walk = np.argsort(along)
    steps = np.abs(np.diff(x[walk])) + np.abs(np.diff(y[walk]))
    assert (steps == 1).all()


def test_tiles_on_a_grid_follow_each_other_at_one_stride() -> None:
    lat, lon = _grid(32, 16.0, 60.0, 20.0)
    order = hilbert_order(lat, lon)
    assert sorted(order.tolist()) == list(range(len(lat)))
    steps = distance_m(lat[order][1:], lon[order][1:], lat[order][:-1], lon[order][:-1])
    assert np.median(steps) == pytest.approx(16.0, abs=0.1)
    assert np.quantile(steps, 0.9) < 17.0


def test_the_antimeridian_does_not_split_the_order() -> None:
    here = hilbert_order(*_grid(16, 50.0, -17.0, 10.0))
    across = hilbert_order(*_grid(16, 50.0, -17.0, 179.9975))
    assert np.array_equal(here, across)


def test_equal_centres_keep_their_order() -> None:
    assert hilbert_order(np.full(5, 1.0), np.full(5, 2.0)).tolist() == [0, 1, 2, 3, 4]


def test_nothing_has_an_order() -> None:
    assert hilbert_order(np.empty(0), np.empty(0)).tolist() == []


def _grid(side: int, step_m: float, lat: float, lon: float) -> tuple[np.ndarray, np.ndarray]:
    row, column = np.divmod(np.arange(side * side), side)
    return offset(lat, lon, column * step_m, row * step_m)

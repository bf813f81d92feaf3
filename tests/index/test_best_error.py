from __future__ import annotations

import math

import numpy as np
import pytest

from index.planning.best_error import described_share, gaps_m, mean_error_m, worst_error_m
from models.cells import Cells

DRAWS = 60_000


def _drawn_errors_m(stride_m: float, cells: Cells | None) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Distances of places drawn evenly over one stride to the nearest of all positions around."""
    offsets = np.zeros((1, 2)) if cells is None else cells.offsets_m
    reach = 1 + math.ceil(float(np.abs(offsets).max()) / stride_m)
    tiles = np.arange(-reach, reach + 2) * stride_m
    along = np.unique((tiles[:, None] + np.unique(offsets[:, 0])).ravel())
    places = np.random.default_rng(5).uniform(0, stride_m, (DRAWS, 2))
    axes = [np.abs(places[:, axis, None] - along).min(axis=1) for axis in (0, 1)]
    return np.asarray(np.hypot(*axes))


def test_square_cells_have_the_known_mean() -> None:
    assert mean_error_m(36.25) == pytest.approx(13.87, abs=0.005)
    assert mean_error_m(1.0) == pytest.approx((math.sqrt(2) + math.log(1 + math.sqrt(2))) / 6, rel=1e-12)
    assert worst_error_m(10.0) == pytest.approx(math.hypot(5, 5))


@pytest.mark.parametrize(
    ("stride_m", "cells"),
    [
        (36.25, None),
        (32.0, Cells(per_side=5, spacing_m=6.4)),
        (24.0, Cells(per_side=5, spacing_m=6.4)),
        (7.0, Cells(per_side=3, spacing_m=6.4)),
        (90.0, Cells(per_side=3, spacing_m=8.0)),
    ],
)
def test_the_closed_form_agrees_with_places_drawn_at_random(stride_m: float, cells: Cells | None) -> None:
    drawn = _drawn_errors_m(stride_m, cells)
    assert mean_error_m(stride_m, cells) == pytest.approx(drawn.mean(), abs=4 * drawn.std() / math.sqrt(DRAWS))
    assert drawn.max() <= worst_error_m(stride_m, cells)
    assert drawn.max() > 0.95 * worst_error_m(stride_m, cells)


def test_cells_that_continue_each_other_count_by_their_spacing() -> None:
    cells = Cells(per_side=5, spacing_m=6.4)
    assert mean_error_m(32.0, cells) == pytest.approx(mean_error_m(6.4))
    assert described_share(32.0, cells) == 1.0
    assert described_share(64.0, cells) == 0.25


def test_half_the_stride_halves_the_distances_and_cells_on_each_other_gain_nothing() -> None:
    cells = Cells(per_side=5, spacing_m=6.4)
    assert gaps_m(16.0, cells) == pytest.approx([3.2] * 5)
    assert gaps_m(25.6, cells) == pytest.approx([6.4] * 4)


def test_gaps_add_up_to_the_stride() -> None:
    for stride_m in (5.0, 17.3, 31.0, 100.0):
        assert gaps_m(stride_m, Cells(per_side=7, spacing_m=3.3)).sum() == pytest.approx(stride_m)

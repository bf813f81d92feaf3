from __future__ import annotations

import numpy as np
import pytest

from models.background import SAMPLE, background_rows, centre_and_spread


@pytest.mark.parametrize("count", [1, SAMPLE, SAMPLE + 1, 57_600])
def test_rows_are_spread_evenly_and_always_the_same(count: int) -> None:
    rows = background_rows(count)
    assert len(rows) == min(count, SAMPLE)
    assert (np.diff(rows) > 0).all()
    assert (np.diff(rows) <= 2 * -(-count // SAMPLE)).all()
    assert 0 <= rows[0] <= rows[-1] < count
    np.testing.assert_array_equal(rows, background_rows(count))


def test_rows_are_no_comb_that_sees_one_cell_of_every_tile() -> None:
    assert np.bincount(background_rows(25 * SAMPLE) % 25).min() > 100


def test_a_few_right_answers_do_not_move_the_background() -> None:
    drawn = np.random.default_rng(0).normal(0.3, 0.05, (2, 4000)).astype(np.float32)
    drawn[0, :40] = 1.0
    centre, spread = centre_and_spread(drawn)
    assert centre == pytest.approx([0.3, 0.3], abs=0.005)
    assert spread == pytest.approx([0.05, 0.05], abs=0.004)
    assert spread.dtype == np.float32

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from index.describer import Describer, cores, fewest_as_fast, measure_workers
from models.encoder import FakeEncoder


@pytest.mark.parametrize(
    ("rates", "chosen"),
    [
        ({1: 10.0, 2: 19.0, 4: 30.0}, 4),
        ({1: 10.0, 2: 19.0, 4: 19.9}, 2),
        ({1: 10.0, 2: 9.0, 4: 8.0}, 1),
        ({1: 10.0, 2: 10.4, 4: 10.8}, 2),
        ({1: 5.0}, 1),
    ],
)
def test_the_fewest_threads_that_are_about_as_fast_as_any(rates: dict[int, float], chosen: int) -> None:
    assert fewest_as_fast(rates) == chosen


def test_a_measurement_stays_within_the_cores() -> None:
    assert 1 <= measure_workers(FakeEncoder(), batch=1) <= cores()


@pytest.mark.parametrize("batch", [1, 3, 100])
def test_rows_come_in_the_order_of_the_tiles(batch: int) -> None:
    encoder = FakeEncoder()
    tiles = list(np.random.default_rng(0).standard_normal((10, 3, 32, 32)).astype(np.float32))
    with ThreadPoolExecutor(4) as pool:
        rows = Describer(encoder, batch, pool).describe(tiles)
    one_by_one = np.concatenate([encoder.aerial(tile[None])[:, 0] for tile in tiles])
    assert np.allclose(rows, one_by_one, atol=1e-3)

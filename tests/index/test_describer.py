from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from index.describer import Describer
from models.encoder import FakeEncoder


@pytest.mark.parametrize("batch", [1, 3, 100])
def test_rows_come_in_the_order_of_the_tiles(batch: int) -> None:
    encoder = FakeEncoder()
    tiles = list(np.random.default_rng(0).standard_normal((10, 3, 32, 32)).astype(np.float32))
    with ThreadPoolExecutor(4) as pool:
        rows = Describer(encoder, batch, pool).describe(tiles)
    one_by_one = np.concatenate([encoder.aerial(tile[None])[:, 0] for tile in tiles])
    assert np.allclose(rows, one_by_one, atol=1e-3)

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from models.camera import Camera
from models.encoder import FakeEncoder
from models.evaluation.scoring import describe_photo, describe_tiles, score

Pixels = NDArray[np.uint8]
Paint = Callable[[Pixels], Pixels]
FAKE = FakeEncoder()


@pytest.fixture
def palettes() -> Pixels:
    """20 places of 8 sector colours."""
    return np.random.default_rng(0).integers(0, 256, (20, 8, 3), dtype=np.uint8)


def test_tiles_are_described_in_their_order(palettes: Pixels, sector_tile: Paint) -> None:
    tiles = [sector_tile(colours) for colours in palettes]
    gallery = describe_tiles(FAKE, iter(tiles))
    assert gallery.shape == (20, 32)
    np.testing.assert_allclose(gallery[17:18], describe_tiles(FAKE, [tiles[17]]), atol=1e-6)


def test_an_unknown_heading_is_searched_and_answered(palettes: Pixels, sector_tile: Paint, strip_photo: Paint) -> None:
    gallery = describe_tiles(FAKE, map(sector_tile, palettes))
    turned = [strip_photo(np.roll(colours, -(i % 8), axis=0)) for i, colours in enumerate(palettes)]
    scores = score(FAKE, [(photo, Camera("panorama", 360.0)) for photo in turned], gallery)
    assert (scores.similarity.argmax(axis=1) == np.arange(20)).all()
    np.testing.assert_allclose(scores.similarity.diagonal(), 1, atol=1e-4)
    assert scores.heading_deg.diagonal().tolist() == [(i % 8 * 45 + 180) % 360 for i in range(20)]


def test_a_known_heading_is_not_searched(palettes: Pixels, sector_tile: Paint, strip_photo: Paint) -> None:
    gallery = describe_tiles(FAKE, [sector_tile(palettes[0])])
    quarter = strip_photo(palettes[0][2:4])  # looks along 90 to 180 degrees
    right, wrong = (score(FAKE, [(quarter, Camera("panorama", 90.0, heading))], gallery) for heading in (135.0, 315.0))
    assert right.similarity[0, 0] == pytest.approx(1, abs=1e-4)
    assert (right.heading_deg[0, 0], wrong.heading_deg[0, 0]) == (135.0, 315.0)
    assert wrong.similarity[0, 0] < 0.9


def test_a_narrow_photo_is_judged_by_what_it_saw(palettes: Pixels, sector_tile: Paint, strip_photo: Paint) -> None:
    gallery = describe_tiles(FAKE, map(sector_tile, palettes))
    scores = score(FAKE, [(strip_photo(palettes[4][6:8]), Camera("panorama", 90.0))], gallery)
    assert scores.similarity[0].argmax() == 4
    assert scores.similarity[0, 4] == pytest.approx(1, abs=1e-4)
    assert scores.heading_deg[0, 4] == 315.0


def test_a_photo_is_described_by_the_columns_it_saw(palettes: Pixels, strip_photo: Paint) -> None:
    columns, ready = describe_photo(FAKE, strip_photo(palettes[0][:3]), Camera("panorama", 135.0))
    assert columns.shape == (ready.seen, 4) == (3, 4)

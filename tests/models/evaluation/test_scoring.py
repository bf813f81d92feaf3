from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from models.camera import Camera
from models.cells import Cells
from models.columns import mean_cosine_scale, shifts
from models.encoder import FakeEncoder
from models.evaluation.scoring import Photos, Scores, describe_photo, describe_photos, describe_tiles, score

Pixels = NDArray[np.uint8]
Paint = Callable[[Pixels], Pixels]
FAKE, CELLS = FakeEncoder(), Cells(per_side=3, spacing_m=8.0)


def _compare(photos: list[tuple[Pixels, Camera]], gallery: NDArray[np.float32]) -> Scores:
    return score(describe_photos(FAKE, photos), gallery)


@pytest.fixture
def palettes() -> Pixels:
    """20 places of 8 sector colours."""
    return np.random.default_rng(0).integers(0, 256, (20, 8, 3), dtype=np.uint8)


def test_tiles_are_described_in_their_order(palettes: Pixels, sector_tile: Paint) -> None:
    tiles = [sector_tile(colours) for colours in palettes]
    gallery = describe_tiles(FAKE, iter(tiles))
    assert gallery.shape == (20, 1, 32)
    np.testing.assert_allclose(gallery[17:18], describe_tiles(FAKE, [tiles[17]]), atol=1e-6)


def test_an_unknown_heading_is_searched_and_answered(palettes: Pixels, sector_tile: Paint, strip_photo: Paint) -> None:
    gallery = describe_tiles(FAKE, map(sector_tile, palettes))
    turned = [strip_photo(np.roll(colours, -(i % 8), axis=0)) for i, colours in enumerate(palettes)]
    scores = _compare([(photo, Camera("panorama", 360.0)) for photo in turned], gallery)
    assert (scores.similarity.argmax(axis=1) == np.arange(20)).all()
    np.testing.assert_allclose(scores.similarity.diagonal(), 1, atol=1e-4)
    off = (scores.heading_deg.diagonal() - np.arange(20) % 8 * 45 - 180 + 180) % 360 - 180
    assert np.abs(off).max() <= 22.5  # refined within the best column


def test_a_known_heading_is_not_searched(palettes: Pixels, sector_tile: Paint, strip_photo: Paint) -> None:
    gallery = describe_tiles(FAKE, [sector_tile(palettes[0])])
    quarter = strip_photo(palettes[0][2:4])  # looks along 90 to 180 degrees
    right, wrong = (_compare([(quarter, Camera("panorama", 90.0, heading))], gallery) for heading in (135.0, 315.0))
    assert right.similarity[0, 0] == pytest.approx(1, abs=1e-4)
    assert (right.heading_deg[0, 0], wrong.heading_deg[0, 0]) == (135.0, 315.0)
    assert wrong.similarity[0, 0] < 0.9


def test_a_narrow_photo_is_judged_by_what_it_saw(palettes: Pixels, sector_tile: Paint, strip_photo: Paint) -> None:
    gallery = describe_tiles(FAKE, map(sector_tile, palettes))
    scores = _compare([(strip_photo(palettes[4][6:8]), Camera("panorama", 90.0))], gallery)
    assert scores.similarity[0].argmax() == 4
    assert scores.similarity[0, 4] == pytest.approx(1, abs=1e-4)
    assert scores.heading_deg[0, 4] == pytest.approx(315.0, abs=22.5)


def test_a_photo_is_described_by_the_columns_it_saw(palettes: Pixels, strip_photo: Paint) -> None:
    columns, ready = describe_photo(FAKE, strip_photo(palettes[0][:3]), Camera("panorama", 135.0))
    assert columns.shape == (ready.seen, 4) == (3, 4)


def test_scores_are_those_of_every_cell_at_every_turn(palettes: Pixels, strip_photo: Paint) -> None:
    """Photos of several widths, some with a heading, against rows drawn at random: block by block as one by one."""
    gallery = np.random.default_rng(1).standard_normal((700, 5, 32)).astype(np.float32)
    gallery /= np.linalg.norm(gallery, axis=2, keepdims=True)
    headings = (None, 20.0, None, 200.0) * 5
    photos = [
        (strip_photo(colours[: 2 + i % 3]), Camera("panorama", 45.0 * (2 + i % 3), heading))
        for i, (colours, heading) in enumerate(zip(palettes, headings, strict=True))
    ]
    found = _compare(photos, gallery)
    for i, photo in enumerate(photos):
        columns, ready = describe_photo(FAKE, *photo)
        every = gallery @ shifts(columns, 8, ready.firsts).T * mean_cosine_scale(len(columns), 8)  # (N, C, S)
        np.testing.assert_allclose(found.similarity[i], every.max(axis=(1, 2)), atol=1e-5)
        np.testing.assert_array_equal(found.cell[i], every.max(axis=2).argmax(axis=1))


def test_a_photo_finds_the_cell_it_stands_in(palettes: Pixels, sector_tile: Paint, strip_photo: Paint) -> None:
    fake = FakeEncoder(cells=CELLS)
    tile = np.full((32, 32, 3), 255, np.uint8)
    tile[8:32, 8:32] = sector_tile(palettes[3])[4:28, 4:28]  # the cell to the south-east sees 24 x 24 pixels
    gallery = describe_tiles(fake, [np.full_like(tile, 99), tile])
    scores = _compare([(strip_photo(palettes[3]), Camera("panorama", 360.0))], gallery)
    assert scores.similarity[0].argmax() == 1
    assert scores.cell[0, 1] == 8


def test_headings_are_finer_than_a_column() -> None:
    """A tile whose columns change smoothly around the circle, seen by a photo turned by a third of a column."""
    azimuth = 2 * np.pi * np.arange(8) / 8
    tile, photo = (
        np.stack([np.cos(azimuth + by), np.sin(azimuth + by)], axis=1).astype(np.float32).ravel() / 8**0.5
        for by in (0.0, 2 * np.pi / 8 / 3)
    )
    every = (np.arange(8),)
    photos = Photos(8, photo[None], np.array([0]), every, np.array([-180.0]), np.array([1.0]))
    found = score(photos, tile[None, None])
    assert found.heading_deg[0, 0] == pytest.approx(180 + 15, abs=1)

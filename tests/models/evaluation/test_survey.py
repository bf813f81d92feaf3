from __future__ import annotations

import numpy as np
import pytest

from models.background import centre_and_spread
from models.cells import Cells
from models.columns import mean_cosine_scale, shifts
from models.evaluation.gallery import Gallery
from models.evaluation.scoring import Photos
from models.evaluation.survey import Survey, grid_evidence
from tests.models.evaluation.vectors import unit_rows

CELLS = Cells(per_side=3, spacing_m=8.0)
COLUMNS, SEEN, PHOTOS, SIDE = 8, 3, 20, 6


@pytest.fixture(scope="module")
def gallery() -> Gallery:
    """36 tiles of 9 cells at 24 m, of random descriptions."""
    x, y = (number * 24.0 + 12.0 for number in np.divmod(np.arange(SIDE * SIDE, dtype=np.float64), SIDE)[::-1])
    columns = unit_rows(SIDE * SIDE * 9 * COLUMNS, 4, seed=0) / np.float32(COLUMNS**0.5)
    return Gallery(columns.reshape(SIDE * SIDE, 9, -1), x, y, CELLS.offsets_m, 24.0)


@pytest.fixture(scope="module")
def survey(gallery: Gallery) -> Survey:
    """Photo i stands in cell i of tile i and looks from column i % 8 on; each saw three columns, without error."""
    number = np.arange(PHOTOS)
    x, y = gallery.position_m(number, number % 9)
    first = number % COLUMNS
    circle = gallery.rows[number, number % 9].reshape(PHOTOS, COLUMNS, 4)
    seen = np.stack([np.roll(row, -turn, axis=0)[:SEEN] for row, turn in zip(circle, first, strict=True)])
    rows = np.concatenate([seen, np.zeros((PHOTOS, COLUMNS - SEEN, 4))], axis=1) * (COLUMNS / SEEN) ** 0.5
    photos = Photos(
        columns=COLUMNS,
        rows=rows.reshape(PHOTOS, -1).astype(np.float32),
        first=np.zeros(PHOTOS, np.int64),
        turns=(np.arange(COLUMNS),) * PHOTOS,
        left_deg=np.full(PHOTOS, -SEEN * 22.5),
        scale=np.full(PHOTOS, mean_cosine_scale(SEEN, COLUMNS)),
    )
    heading = (first.astype(np.float64) + SEEN / 2) * 45.0 % 360
    return Survey(photos, x, y, heading, np.full(PHOTOS, 135.0))


def test_the_best_cell_is_the_one_the_photo_stands_in(survey: Survey, gallery: Gallery) -> None:
    found = grid_evidence(survey, gallery, keep=5)
    assert (found.similarity.shape, found.gallery_cells, found.spacing_m) == ((PHOTOS, 5), 324, 8.0)
    np.testing.assert_allclose(found.similarity[:, 0], 1, atol=1e-5)
    np.testing.assert_allclose(found.error_m[:, 0], 0, atol=1e-9)
    off = (found.heading_deg[:, 0] - found.true_heading_deg + 180) % 360 - 180
    assert np.abs(off).max() <= 22.5


def test_every_figure_is_that_of_a_full_comparison(survey: Survey, gallery: Gallery) -> None:
    found = grid_evidence(survey, gallery, keep=40)
    cells, scale = gallery.rows.reshape(324, -1), mean_cosine_scale(SEEN, COLUMNS)
    for photo in range(PHOTOS):
        seen = survey.photos.rows[photo].reshape(COLUMNS, 4)[:SEEN]
        peaks = (cells @ shifts(seen, COLUMNS).T).max(axis=1) * scale
        np.testing.assert_allclose(found.similarity[photo], np.sort(peaks)[::-1][:40], atol=1e-5)
        expected = centre_and_spread(peaks)
        assert (found.background_mean[photo], found.background_std[photo]) == pytest.approx(expected, abs=1e-5)


def test_photos_beyond_a_smaller_gallery_are_outside(survey: Survey, gallery: Gallery) -> None:
    found = grid_evidence(survey, gallery.nearest(4, 24.0, 24.0))
    assert found.gallery_cells == 36
    assert found.similarity.shape == (PHOTOS, 36)
    assert np.flatnonzero(found.inside).tolist() == [0, 1, 6, 7]


def test_photos_from_abroad_are_outside_and_keep_their_heading(survey: Survey, gallery: Gallery) -> None:
    found = grid_evidence(survey.abroad(), gallery)
    assert not found.inside.any()
    np.testing.assert_array_equal(found.true_heading_deg, survey.heading_deg)

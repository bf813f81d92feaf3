from __future__ import annotations

import numpy as np
import pytest

from models.bundle import GroundView
from models.camera import Camera
from models.encoder import FakeEncoder
from models.evaluation.occlusion import occlude
from models.preprocess import ground_input

BLACK = np.zeros((150, 200, 3), np.uint8)


@pytest.mark.parametrize("seed", range(20))
def test_one_plain_block_covers_thirty_percent(seed: int) -> None:
    found = occlude(BLACK, seed)
    covered = np.any(found > 0, axis=2)
    assert covered.mean() == pytest.approx(0.3, abs=0.02)
    rows, columns = np.flatnonzero(covered.any(axis=1)), np.flatnonzero(covered.any(axis=0))
    assert covered.sum() == (rows[-1] - rows[0] + 1) * (columns[-1] - columns[0] + 1)
    assert len(np.unique(found[covered], axis=0)) == 1


def test_the_canvas_of_a_panorama_is_covered_as_much() -> None:
    fake = FakeEncoder().manifest
    assert isinstance(fake.ground, GroundView)
    view = fake.ground.model_copy(update={"height_px": 96, "width_px": 384, "margin_px": 0})
    grey, camera = np.full((96, 384, 3), 8, np.uint8), Camera("panorama", 360.0)
    plain = ground_input(grey, camera, view, fake.embedding).pixels
    for seed in range(5):
        covered = ground_input(occlude(grey, seed, wraps=True), camera, view, fake.embedding).pixels
        assert np.any(covered != plain, axis=0).mean() == pytest.approx(0.3, abs=0.02)


def test_seeds_draw_other_blocks_and_leave_the_photo_alone() -> None:
    first, again, other = (occlude(BLACK, seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()
    assert not BLACK.any()


def test_blocks_may_lie_across_the_seam_of_a_panorama() -> None:
    covered = [np.any(occlude(BLACK, seed, wraps=True) > 0, axis=(0, 2)) for seed in range(30)]
    assert any(columns[0] and columns[-1] and not columns.all() for columns in covered)

"""Fits on evidence whose right calibration is known, held to what they promise on fresh evidence."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from models.calibration.check import check
from models.calibration.evidence import fov_nodes, hidden
from models.calibration.fit import calibrate
from models.calibration.model import Calibration
from models.errors import DatasetError
from models.evaluation.evidence import CellEvidence
from tests.models.calibration.simulated import simulate

PHOTOS = 400


def world(photos: int, tiles: int, *, outside: float = 0.0, lift_spread: float = 1.3, seed: int) -> CellEvidence:
    return simulate(photos, tiles, outside=outside, lift=5.0, lift_spread=lift_spread, listed=80, seed=seed)


@cache
def fitted() -> Calibration:
    return calibrate([world(PHOTOS, tiles, outside=0.2, seed=tiles) for tiles in (500, 10_000)])


def test_the_exact_log_ratio_is_found() -> None:
    parts = [world(PHOTOS, tiles, outside=0.2, lift_spread=1.0, seed=tiles) for tiles in (500, 10_000)]
    found = calibrate(parts).fovs[0]
    for z in (3.5, 4.5, 6.0):
        ratio = found.intercept + found.per_similarity * (0.2 + 0.08 * z) + found.per_deviation * min(z, found.knee)
        ratio += found.per_deviation_above * max(0.0, z - found.knee)
        assert ratio == pytest.approx(5.0 * z - 12.5, abs=1.5)


@pytest.mark.parametrize("tiles", [200, 20_000])
def test_promises_hold_at_other_sizes(tiles: int) -> None:
    """Half the fit's photos promise, 400 are asked: within 3 standard errors of both."""
    row = check(world(PHOTOS, tiles, outside=0.1, seed=3), fitted())
    within = 3 * np.sqrt(1 / (0.8 * PHOTOS / 2 * 2) + 1 / row.inside)
    assert row.coverage_68 == pytest.approx(0.68, abs=within * np.sqrt(0.68 * 0.32))
    assert row.coverage_95 == pytest.approx(0.95, abs=within * np.sqrt(0.95 * 0.05))
    assert row.heading_coverage_68 == pytest.approx(0.68, abs=within * np.sqrt(0.68 * 0.32))
    assert row.calibration_error <= 0.07
    assert row.outside_localized_surely is not None
    assert row.outside_localized_surely <= 0.06


def test_a_larger_gallery_makes_it_less_sure() -> None:
    sure = [check(world(200, tiles, seed=4), fitted()).confidence_mean for tiles in (200, 2_000, 20_000)]
    assert sure == sorted(sure, reverse=True)


def test_hiding_a_place_makes_a_photo_from_outside() -> None:
    whole = simulate(50, 200, lift=9.0, blur_m=10.0, seed=5)
    away = hidden(whole)
    assert not away.inside.any()
    assert away.similarity.shape == whole.similarity.shape
    assert (np.diff(away.similarity, axis=1) <= 0).all()
    true_x, true_y = whole.true_x_m[:, None], whole.true_y_m[:, None]
    assert np.hypot(away.x_m - true_x, away.y_m - true_y)[:, 0].min() > 100.0
    assert away.similarity[:, 0].max() < whole.similarity[:, 0].min()


def test_fields_of_view_that_lie_close_are_one_node() -> None:
    parts = [simulate(5, 50, fov_deg=fov) for fov in (70.0, 73.0, 90.0, 360.0)]
    assert fov_nodes(parts) == [71.5, 90.0, 360.0]


def test_too_few_photos_are_refused() -> None:
    with pytest.raises(DatasetError, match="20 or more"):
        calibrate([simulate(10, 200)])

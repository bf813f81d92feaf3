"""Joining galleries, pictures of nothing, and refits on few photos."""

from __future__ import annotations

import numpy as np
import pytest

from models.calibration.check import check
from models.calibration.evidence import rows_of
from models.calibration.joining import GAP_M, assembled, joined, stacked
from models.calibration.model import Calibration, FovCalibration
from models.calibration.nothing import pictures_of_nothing
from models.calibration.refit import LEAST_TO_FIT, refit
from models.calibration.report import promise_lines
from models.errors import DatasetError
from models.evaluation.evidence import CellEvidence
from tests.models.calibration.simulated import simulate

LIFT = 6.0
EXACT = Calibration(
    fovs=(FovCalibration(fov_deg=360, intercept=-(LIFT**2) / 2, per_deviation=LIFT, position_sigma_m=0.5),)
)


def own(photos: int, lift: float = LIFT, seed: int = 0) -> CellEvidence:
    return simulate(photos, 200, lift=lift, listed=60, seed=seed)


def test_joined_galleries_keep_the_best_of_both() -> None:
    home = simulate(20, 50, listed=30, lift_spread=0.1, seed=1)
    away = simulate(20, 150, listed=30, outside=1.0, seed=2)
    both = joined([home, away])
    assert both.gallery_cells == home.gallery_cells + away.gallery_cells
    assert (np.diff(both.similarity, axis=1) <= 0).all()
    pool = np.concatenate([home.similarity, away.similarity], axis=1)
    np.testing.assert_array_equal(both.similarity, -np.sort(-pool, axis=1)[:, :30])
    assert both.inside.all()
    home_side_m = home.gallery_cells**0.5 * home.spacing_m
    assert ((both.x_m > home_side_m + GAP_M).sum(axis=1) > 0).all()
    assert both.error_m[:, 0].max() < 10.0
    np.testing.assert_allclose(both.background_std, home.background_std, rtol=1e-5)


def test_photos_are_taken_from_the_gallery_they_lie_in() -> None:
    one, other = (simulate(30, 100, outside=0.5, seed=seed) for seed in (1, 2))
    found = assembled([one, other])
    from_other = ~one.inside & other.inside
    assert from_other.any()
    np.testing.assert_array_equal(found.x_m, np.where(from_other[:, None], other.x_m, one.x_m))
    np.testing.assert_array_equal(found.inside, one.inside | other.inside)


def test_stacked_parts_have_to_be_alike() -> None:
    assert len(stacked([own(5), own(7, seed=1)])) == 12
    with pytest.raises(DatasetError, match="several sizes"):
        stacked([own(5), simulate(5, 300)])


def test_pictures_of_nothing_are_many_and_the_same_every_time() -> None:
    pictures = pictures_of_nothing(16, seed=1)
    assert {picture.shape for picture in pictures} == {(180, 240, 3)}
    assert len({picture.tobytes() for picture in pictures}) == 16
    assert all(np.array_equal(a, b) for a, b in zip(pictures, pictures_of_nothing(16, seed=1), strict=True))
    assert pictures[1].mean() < 12


def test_few_photos_set_only_what_they_can_promise() -> None:
    found = refit(EXACT, [own(10)])
    fov, made = found.calibration.fovs[0], found.calibration.fovs[0].promises[0]
    assert (found.photos, found.fitted_on, found.promised_by) == (10, 0, 10)
    assert (fov.per_deviation, fov.intercept) == (LIFT, -18.0)
    assert made.clear_level_68 != 0.68
    assert made.clear_level_95 == 0.95  # that takes 19
    lines = promise_lines(found)
    assert any("10 photos promise nothing, 19 are the least" in line for line in lines)


def test_too_few_photos_are_refused() -> None:
    with pytest.raises(DatasetError, match="takes 3"):
        refit(EXACT, [own(2)])


def test_a_refit_follows_photos_of_another_world() -> None:
    """Where similarities say a third of what they said, the old calibration is far too sure; own photos mend it."""
    steep = FovCalibration(fov_deg=360, intercept=-60.0, per_deviation=12.0, position_sigma_m=0.5)
    before, fresh = Calibration(fovs=(steep,)), own(400, lift=4.0, seed=9)
    found = refit(before, [own(300, lift=4.0, seed=8)])
    old, new = check(fresh, before), check(fresh, found.calibration)
    assert old.calibration_error > 0.15
    assert new.calibration_error < 0.08
    assert abs(new.coverage_95 - 0.95) < 0.05
    assert abs(new.coverage_68 - 0.68) < 0.09
    assert found.fitted_on == found.promised_by == 150


def test_a_refit_on_the_same_world_changes_little() -> None:
    found = refit(EXACT, [own(2 * LEAST_TO_FIT, seed=3)]).calibration.fovs[0]
    for z in (4.0, 5.0, 6.0):
        assert found.intercept + found.per_deviation * z == pytest.approx(LIFT * z - 18.0, abs=2.0)


def test_promises_hold_on_average_over_many_operators() -> None:
    """Split conformal: whatever 25 photos an operator has, on average 95 % of the next ones are inside R95 or more."""
    world = own(1500, lift=4.0, seed=5)
    covered = []
    for operator in range(12):
        mine = rows_of(world, np.arange(operator * 25, (operator + 1) * 25))
        covered.append(check(rows_of(world, np.arange(1300, 1500)), refit(EXACT, [mine]).calibration).coverage_95)
    assert np.mean(covered) > 0.93

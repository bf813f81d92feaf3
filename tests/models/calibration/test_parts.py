"""The small parts of the calibration, each against an answer that is known otherwise."""

from __future__ import annotations

import math

import numpy as np
import pytest
from pydantic import ValidationError

from models.calibration.conformal import at_least, beta_quantile, bound, photos_for, photos_needed, promise, rank_for
from models.calibration.kernel import log_density, radii
from models.calibration.model import Calibration, FovCalibration, Promises
from models.calibration.modes import find_modes
from models.calibration.points import arc, mean_heading, spread_points
from models.calibration.prior import RoundPrior
from models.calibration.simplex import minimise


def test_simplex_finds_the_bottom_of_a_bent_valley() -> None:
    found = minimise(
        lambda v: float(100 * (v[1] - v[0] ** 2) ** 2 + (1 - v[0]) ** 2), np.array([-1.2, 1.0]), np.array([0.5, 0.5])
    )
    assert found == pytest.approx([1.0, 1.0], abs=0.01)


def test_normal_kernel_is_the_normal() -> None:
    r = np.array([0.0, 3.0])
    expected = -(r**2) / 8 - math.log(2 * math.pi * 4)
    assert log_density(r, np.array(2.0), np.array(2.0)) == pytest.approx(list(expected))
    assert radii(np.array([0.68, 0.95]), 2.0) == pytest.approx([1.5096, 2.4477], rel=0.01)


@pytest.mark.parametrize("shape", [0.7, 1.0, 2.0, 6.0])
def test_kernels_hold_1_and_have_their_sigma(shape: float) -> None:
    r = np.linspace(0, 200, 200_001)
    ring = 2 * np.pi * r * np.exp(log_density(r, np.array(2.0), np.array(shape))) * (r[1] - r[0])
    assert ring.sum() == pytest.approx(1.0, abs=1e-3)
    assert (ring * r**2).sum() == pytest.approx(8.0, rel=0.01)
    assert 2.0 * radii(np.array([0.5]), shape)[0] == pytest.approx(float(np.interp(0.5, ring.cumsum(), r)), rel=0.02)


@pytest.mark.parametrize(
    ("count", "coverage", "rank"), [(19, 0.95, 19), (18, 0.95, None), (99, 0.95, 95), (3, 0.68, 3)]
)
def test_conformal_rank(count: int, coverage: float, rank: int | None) -> None:
    assert rank_for(count, coverage) == rank
    assert bound(np.arange(count, 0.0, -1.0), coverage) == rank


def test_conformal_numbers_of_photos() -> None:
    assert (photos_needed(0.95), photos_needed(0.68), photos_needed(0.9)) == (19, 3, 9)
    few, many = promise(19, 0.95), promise(1000, 0.95)
    assert few is not None
    assert many is not None
    assert few.low == pytest.approx(0.05 ** (1 / 19), abs=1e-6)  # the largest of 19 uniforms
    assert [many.low, many.high] == pytest.approx([0.938, 0.960], abs=0.002)
    assert promise(5, 0.95) is None
    needed = photos_for(0.95, 0.03)
    assert 100 < needed < 200
    assert photos_for(0.68, 0.03) == pytest.approx(0.68 * 0.32 * (1.645 / 0.03) ** 2, rel=0.1)


def test_beta_quantiles_and_binomial_tails() -> None:
    assert at_least(2, 3, 0.5) == pytest.approx(0.5)
    assert beta_quantile(0.5, 3, 3) == pytest.approx(0.5)
    assert beta_quantile(0.3, 1, 1) == pytest.approx(0.3)


def test_conformal_coverage_is_beta_whatever_the_scores() -> None:
    rng = np.random.default_rng(0)
    covered = [bound(rng.uniform(size=39), 0.95) for _ in range(4000)]  # coverage of the bound is the bound itself
    assert np.mean([c for c in covered if c is not None]) == pytest.approx(38 / 40, abs=0.002)


def test_cells_on_two_hills_are_two_places() -> None:
    x = np.array([0.0, 6.4, 12.8, 200.0, 206.4])
    share = np.array([0.1, 0.2, 0.1, 0.25, 0.3])
    assert find_modes(x, np.zeros(5), share).tolist() == [1, 1, 1, 0, 0]


def test_cells_beyond_the_climb_join_what_is_near() -> None:
    x = np.concatenate([np.zeros(200), [5.0, 900.0]])
    share = np.concatenate([np.full(200, 1 / 200), [1e-9, 1e-9]])
    assert find_modes(x, np.zeros(202), share)[[0, 200, 201]].tolist() == [0, 0, 1]


def test_circles_of_one_normal_cell() -> None:
    points = spread_points(np.array([3.0]), np.array([4.0]), np.array([1.0]), 0.0, 10.0, 2.0, 1e6)
    circles = points.around(3.0, 4.0)
    assert circles.radius(0.68) == pytest.approx(15.1, rel=0.05)
    assert circles.within(15.1) == pytest.approx(0.68, abs=0.04)
    assert points.share.sum() == pytest.approx(1.0)


def test_what_is_not_listed_lies_anywhere() -> None:
    points = spread_points(np.array([0.0]), np.array([0.0]), np.array([0.5]), 0.5, 1.0, 2.0, math.pi * 1000**2)
    circles = points.around(0.0, 0.0)
    assert circles.within(100.0) == pytest.approx(0.505, abs=0.01)
    assert circles.radius(0.75) == pytest.approx(707, rel=0.05)


def test_headings() -> None:
    assert mean_heading(np.array([350.0, 20.0]), np.array([0.5, 0.5])) == pytest.approx(5.0)
    away, held = arc(np.array([10.0]), np.array([0.8]), 0.2, 2.0, 10.0)
    assert np.interp(0.68, held, away) < 6.0
    assert np.interp(0.9, held, away) == pytest.approx(90.0, abs=3.0)


@pytest.mark.parametrize("sigma_m", [None, 20.0])
def test_a_prior_on_a_full_grid_shares_out_1(sigma_m: float | None) -> None:
    x, y = (v.ravel() for v in np.meshgrid(np.arange(-200, 201, 4.0), np.arange(-200, 201, 4.0)))
    assert np.exp(RoundPrior(sigma_m, 150.0).log_share(x, y, 4.0)).sum() == pytest.approx(1.0, abs=0.02)


def test_a_prior_half_off_the_index_is_half_outside() -> None:
    x, y = (v.ravel() for v in np.meshgrid(np.arange(2.0, 201, 4.0), np.arange(-200, 201, 4.0)))
    assert np.exp(RoundPrior(20.0, 150.0).log_share(x, y, 4.0)).sum() == pytest.approx(0.5, abs=0.02)


def test_promises_are_interpolated_over_the_logarithm_of_the_area() -> None:
    small, large = Promises(area_m2=1e5, clear_level_68=0.6), Promises(area_m2=1e7, clear_level_68=0.8)
    fov = FovCalibration(fov_deg=90, intercept=-10, per_deviation=4, position_sigma_m=3, promises=(small, large))
    found = Calibration(fovs=(fov,)).at(np.full(4, 90.0), np.array([1e4, 1e5, 1e6, 1e9]))
    assert found.clear_level_68 == pytest.approx([0.6, 0.6, 0.7, 0.8])
    assert found.per_deviation.tolist() == [4.0] * 4
    with pytest.raises(ValidationError, match="areas have to rise"):
        FovCalibration(fov_deg=90, intercept=-10, per_deviation=4, position_sigma_m=3, promises=(large, small))


def test_parameters_are_interpolated_and_held_at_the_ends() -> None:
    def node(fov_deg: float, sigma_m: float) -> FovCalibration:
        return FovCalibration(fov_deg=fov_deg, intercept=-10, per_deviation=4, position_sigma_m=sigma_m)

    calibration = Calibration(fovs=(node(90, 10), node(360, 1)))
    assert calibration.at(np.array([60.0, 90.0, 225.0, 360.0]), 1e6).position_sigma_m == pytest.approx([10, 10, 5.5, 1])
    assert calibration.at(200.0, 1e6).position_sigma_m.shape == ()
    with pytest.raises(ValidationError, match="rise"):
        Calibration(fovs=(node(360, 1), node(90, 10)))
    assert Calibration.model_validate_json(calibration.model_dump_json()) == calibration

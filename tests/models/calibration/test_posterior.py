from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from models.calibration.estimate import Estimate, Ground, estimate
from models.calibration.model import Calibration, FovCalibration, Promises
from models.calibration.posterior import log_heading_gain, posterior
from models.calibration.prior import RoundPrior

Floats = NDArray[np.float64]
MEAN, SPREAD, SPACING_M = 0.2, 0.1, 6.4
LIFT = 6.0
PLAIN = Calibration(
    probability_outside=0.05,
    fovs=(FovCalibration(fov_deg=360, intercept=-(LIFT**2) / 2, per_deviation=LIFT, position_sigma_m=2.0),),
)


def ask(
    z: Floats,
    x_m: Floats,
    y_m: Floats | None = None,
    *,
    gallery_cells: int | None = None,
    prior: RoundPrior | None = None,
    calibration: Calibration = PLAIN,
    heading_deg: Floats | None = None,
) -> Estimate:
    y_m = np.zeros(len(x_m)) if y_m is None else y_m
    cells = gallery_cells or len(z)
    parameters = calibration.at(np.array([360.0]), cells * SPACING_M**2)
    found = posterior(
        (MEAN + SPREAD * z)[None],
        np.array([MEAN]),
        np.array([SPREAD]),
        parameters,
        calibration.probability_outside,
        gallery_cells=cells,
        log_prior=None if prior is None else prior.log_share(x_m, y_m, SPACING_M)[None],
    )
    return estimate(found, 0, parameters, Ground(x_m, y_m, heading_deg, cells, SPACING_M), calibration)


def line(count: int, step_m: float = 100.0) -> Floats:
    return np.arange(count, dtype=np.float64) * step_m


def test_probabilities_are_bayes_rule_by_hand() -> None:
    z = np.array([7.0, 6.0, 0.0, -1.0])
    ratio = np.exp(LIFT * z - LIFT**2 / 2) / 4
    whole = 0.95 * ratio.sum() + 0.05
    found = ask(z, line(4))
    assert [place.probability for place in found.places] == pytest.approx(list(0.95 * ratio / whole))
    assert found.probability_outside == pytest.approx(0.05 / whole)


def test_one_clear_place_is_localized() -> None:
    found = ask(np.array([9.0, 1.0, 0.0]), line(3), gallery_cells=3)
    assert found.status == "localized"
    assert found.confidence > 0.99
    assert found.radius_m_68 < found.radius_m_95 < 10.0


def test_two_equal_places_are_ambiguous_with_a_half_each() -> None:
    found = ask(np.array([9.0, 9.0, 0.0, 0.0]), line(4))
    assert found.status == "ambiguous"
    assert [round(place.probability, 3) for place in found.places[:2]] == [0.5, 0.5]
    assert found.confidence == pytest.approx(0.5, abs=0.01)
    assert found.radius_m_95 == pytest.approx(100.0, abs=10.0)


@pytest.mark.parametrize("cells", [400, 40_000])
def test_even_scores_tell_nothing(cells: int) -> None:
    rng = np.random.default_rng(1)
    found = ask(np.zeros(400), *rng.uniform(0, 2000, (2, 400)), gallery_cells=cells)
    assert found.status == "no_match"
    assert found.confidence < 0.05


def test_even_scores_near_a_prior_are_no_match_either() -> None:
    x, y = (v.ravel() for v in np.meshgrid(np.arange(-20, 21) * SPACING_M, np.arange(-20, 21) * SPACING_M))
    found = ask(np.zeros(len(x)), x, y, prior=RoundPrior(5.0, 40.0))
    assert found.status == "no_match"


def test_best_of_pure_background_is_not_localized() -> None:
    rng = np.random.default_rng(2)
    z = -np.sort(-rng.normal(size=20_000))[:200]
    found = ask(z, *rng.uniform(0, 1000, (2, 200)), gallery_cells=20_000)
    assert found.status != "localized"
    assert found.confidence < 0.5


def test_a_product_of_normals() -> None:
    """Log ratios that fall as a parabola are a normal; times a normal prior they give the product of both."""
    step = np.arange(-30, 31) * SPACING_M
    x, y = (v.ravel() for v in np.meshgrid(step, step))
    picture_m, prior_m, apart_m = 20.0, 30.0, 26.0
    z = 8.0 - ((x - apart_m) ** 2 + y**2) / (2 * picture_m**2) / LIFT
    sharp = Calibration(fovs=(PLAIN.fovs[0].model_copy(update={"position_sigma_m": 0.01}),), probability_outside=0.01)
    found = ask(z, x, y, prior=RoundPrior(prior_m, 1000.0), calibration=sharp)
    gain = prior_m**2 / (prior_m**2 + picture_m**2)
    assert found.places[0].x_m == pytest.approx(gain * apart_m, abs=1.0)
    variance = gain * picture_m**2
    east, cross, _, north = found.covariance_m2
    assert [east, north] == pytest.approx([variance, variance], rel=0.12)
    assert abs(cross) < 1.0
    assert found.radius_m_95 / found.radius_m_68 == pytest.approx(1.62, abs=0.1)
    assert found.radius_m_68 == pytest.approx(math.sqrt(variance * -2 * math.log(0.32)), rel=0.1)


def test_a_prior_decides_between_two_equal_places() -> None:
    found = ask(np.array([8.0, 8.0]), np.array([5.0, 205.0]), prior=RoundPrior(30.0, 400.0))
    assert found.places[0].x_m == 5.0
    assert found.places[0].probability > 0.9


def test_unlisted_cells_share_what_they_may() -> None:
    rng = np.random.default_rng(3)
    z = -np.sort(-rng.normal(size=10_000))
    x, y = rng.uniform(0, 1000, (2, 10_000))
    whole = ask(z, x, y)
    part = ask(z[:2000], x[:2000], y[:2000], gallery_cells=10_000)
    assert part.probability_outside == pytest.approx(whole.probability_outside, rel=0.05)


def test_cells_that_are_not_listed_keep_their_share_of_a_prior() -> None:
    rng = np.random.default_rng(4)
    z, prior = -np.sort(-rng.normal(size=10_000)), RoundPrior(200.0, 2000.0)
    x, y = rng.uniform(-320, 320, (2, 10_000))
    share = prior.log_share(x, y, SPACING_M)
    parameters, mean, spread = PLAIN.at(np.array([360.0]), 1e6), np.array([MEAN]), np.array([SPREAD])

    def outside(listed: int) -> float:
        unlisted = float(np.exp(share[listed:]).sum())
        similarity = (MEAN + SPREAD * z[:listed])[None]
        found = posterior(
            similarity, mean, spread, parameters, 0.05,
            gallery_cells=10_000, log_prior=share[None, :listed], unlisted_share=unlisted,
        )  # fmt: skip
        return float(np.exp(found.log_outside[0]))

    assert outside(500) == pytest.approx(outside(10_000), rel=0.05)


def test_twice_as_dense_a_gallery_gives_the_same_answer() -> None:
    """Every cell doubled, as by half the spacing along one axis: places keep their probabilities."""
    z = np.array([8.0, 7.5, 2.0, 1.0])
    once, twice = ask(z, line(4)), ask(np.repeat(z, 2), np.repeat(line(4), 2))
    probabilities = [[place.probability for place in found.places[:2]] for found in (once, twice)]
    assert probabilities[0] == pytest.approx(probabilities[1])


def test_heading_is_that_of_the_best_place_across_north() -> None:
    headings = np.array([358.0, 4.0, 180.0])
    found = ask(np.array([8.0, 8.0, 1.0]), np.array([0.0, 6.4, 300.0]), heading_deg=headings)
    assert found.places[0].heading_deg == pytest.approx(1.0)
    assert found.heading_accuracy_deg_68 is not None
    assert 3.0 < found.heading_accuracy_deg_68 < 8.0


def test_without_headings_none_is_answered() -> None:
    found = ask(np.array([8.0, 1.0]), line(2))
    assert found.heading_accuracy_deg_68 is None
    assert found.places[0].heading_deg is None


@pytest.mark.parametrize(("step", "status"), [(-0.01, "localized"), (0.01, "ambiguous")])
def test_what_photos_from_outside_reach_too_is_not_called_localized(step: float, status: str) -> None:
    z = np.array([5.5, 4.9])
    near = ask(z, line(2)).confidence
    assert 0.6 < near < 0.98
    promises = (Promises(localized_from=near + step),)
    strict = Calibration(fovs=(PLAIN.fovs[0].model_copy(update={"promises": promises}),))
    assert ask(z, line(2), calibration=strict).status == status


@pytest.mark.parametrize(("tried", "gain"), [(1, 8.0), (4, 4.0), (24, 1.0), (23, 1.0)])
def test_a_known_heading_makes_a_cell_worth_more(tried: int, gain: float) -> None:
    assert math.exp(log_heading_gain(tried, 24)) == pytest.approx(gain)


def test_one_column_gains_nothing() -> None:
    assert log_heading_gain(1, 1) == 0.0

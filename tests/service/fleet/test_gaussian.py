"""Normals on the plane against closed forms."""

from __future__ import annotations

import math

import numpy as np
import pytest

from service.fleet.gaussian import (
    chi2_quantile,
    chi2_tail,
    log_density,
    mahalanobis2,
    product,
    radius_holding,
    round_covariance,
    round_radius,
    round_sigma,
    share_within,
)

ROUND = round_covariance(3.0)
LONG = np.array([[90.0, 40.0], [40.0, 30.0]])


def test_r95_is_1_62_of_r68() -> None:
    assert round_radius(7.0, 0.95) / round_radius(7.0, 0.68) == pytest.approx(1.6215, abs=1e-4)


@pytest.mark.parametrize("level", [0.393469340287, 0.5, 0.68, 0.95, 0.999])
def test_percentiles_convert_exactly(level: float) -> None:
    assert round_radius(round_sigma(12.0, level), level) == pytest.approx(12.0, abs=1e-12)
    assert 1.0 - chi2_tail(chi2_quantile(level)) == pytest.approx(level, abs=1e-12)
    assert float(radius_holding(ROUND, level)) == pytest.approx(round_radius(3.0, level), abs=1e-9)


@pytest.mark.parametrize("level", [0.1, 0.68, 0.95, 0.9999])
def test_radius_of_a_line_is_that_of_one_dimension(level: float) -> None:
    """P(|x| <= r) = erf(r / (s sqrt 2))."""
    radius = float(radius_holding(np.diag([16.0, 0.0]), level))
    assert math.erf(radius / (4.0 * math.sqrt(2.0))) == pytest.approx(level, abs=1e-6)


def test_share_of_an_ellipse_is_that_of_a_polar_sum() -> None:
    """Summed over 2,000 by 400 rings and angles of the circle itself."""
    radius = np.linspace(0, 15.0, 2001)
    middle, turn = (radius[1:] + radius[:-1]) / 2, 2 * np.pi * np.arange(400) / 400
    points = np.stack([np.outer(middle, np.cos(turn)), np.outer(middle, np.sin(turn))], axis=-1)
    held = (np.exp(log_density(points, LONG)) * middle[:, None]).sum() * (15.0 / 2000) * (2 * np.pi / 400)
    assert float(share_within(LONG, 15.0)) == pytest.approx(held, abs=1e-6)
    assert float(share_within(LONG, float(radius_holding(LONG, 0.77)))) == pytest.approx(0.77, abs=1e-9)


def test_product_adds_information() -> None:
    mean_a, mean_b = np.array([1.0, 2.0]), np.array([5.0, -3.0])
    mean, covariance = product(mean_a, LONG, mean_b, ROUND)
    both = np.linalg.inv(np.linalg.inv(LONG) + np.linalg.inv(ROUND))
    assert covariance == pytest.approx(both, abs=1e-12)
    assert mean == pytest.approx(both @ (np.linalg.inv(LONG) @ mean_a + np.linalg.inv(ROUND) @ mean_b), abs=1e-12)


def test_product_broadcasts_over_cells() -> None:
    cells = np.array([[0.0, 0.0], [8.0, 1.0]])
    means, covariance = product(np.zeros(2), LONG, cells, ROUND)
    assert means[1] == pytest.approx(product(np.zeros(2), LONG, cells[1], ROUND)[0])
    assert covariance.shape == (2, 2)


def test_mahalanobis_is_in_standard_deviations() -> None:
    assert float(mahalanobis2(np.array([6.0, 3.0]), np.diag([9.0, 1.0]))) == pytest.approx(4.0 + 9.0)

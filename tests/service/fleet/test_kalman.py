"""The smoother against one dense least-squares problem, written down independently."""

from __future__ import annotations

import math
from datetime import UTC, datetime

import numpy as np
import pytest

from service.fleet.fix import Fix
from service.fleet.kalman import Chain, log_likelihood, smooth
from service.fleet.motion import SIZE, Movement, chain_of

START = datetime(2026, 6, 1, tzinfo=UTC)


def chain(seconds: list[float]) -> Chain:
    """Fixes with speed, course and without, of different accuracies, some at the same time."""
    rng = np.random.default_rng(1)
    fixes = [
        Fix(k, "van", START, 52.5, 13.4, 5.0 + 3 * k, 68, 30.0 * k if k % 2 else None, 6.0 if k % 3 else 0.0)
        for k in range(len(seconds))
    ]
    xy = rng.normal(0, 20, (len(seconds), 2))
    left_out = np.zeros(len(seconds), np.bool_)
    return chain_of(fixes, xy, np.array(seconds), left_out, Movement())


def dense(made: Chain) -> tuple[np.ndarray, np.ndarray]:
    """Information matrix and vector of all states at once, by adding each term's square."""
    steps = len(made.vector)
    matrix, vector = np.zeros((steps * SIZE, steps * SIZE)), made.vector.ravel().copy()
    first = np.linalg.inv(made.first_covariance)
    matrix[:SIZE, :SIZE] += first
    vector[:SIZE] += first @ made.first
    for k in range(steps):
        own = slice(k * SIZE, (k + 1) * SIZE)
        matrix[own, own] += made.information[k]
        if k:
            terms = np.hstack([-made.transition[k], np.eye(SIZE)])
            both = slice((k - 1) * SIZE, (k + 1) * SIZE)
            matrix[both, both] += terms.T @ np.linalg.inv(made.noise[k]) @ terms
    return matrix, vector


@pytest.mark.parametrize("seconds", [[0.0, 1.0, 2.5, 3.0, 10.0, 11.0], [0.0, 30.0, 31.0]])
def test_smoother_is_batch_least_squares(seconds: list[float]) -> None:
    made = chain(seconds)
    matrix, vector = dense(made)
    found, covariance = smooth(made), np.linalg.inv(matrix)
    assert found.mean.ravel() == pytest.approx(covariance @ vector, abs=1e-9, rel=1e-9)
    for k in range(len(seconds)):
        own = slice(k * SIZE, (k + 1) * SIZE)
        assert found.covariance[k] == pytest.approx(covariance[own, own], abs=1e-9, rel=1e-8)


def test_fixes_of_one_time_are_one_state() -> None:
    found = smooth(chain([0.0, 5.0, 5.0, 9.0]))
    assert found.mean[1] == pytest.approx(found.mean[2], abs=1e-9)
    assert found.covariance[1] == pytest.approx(found.covariance[2], abs=1e-9)


def test_likelihood_is_the_density_of_what_was_measured() -> None:
    """One step: z ~ N(first, P + sigma^2), and the velocity beside it."""
    fix = Fix(0, "van", START, 52.5, 13.4, 15.0, 68)
    movement = Movement()
    made = chain_of([fix], np.array([[3.0, -2.0]]), np.zeros(1), np.zeros(1, np.bool_), movement)
    variance = made.first_covariance[0, 0] + fix.sigma_m**2
    assert log_likelihood(made) == pytest.approx(-math.log(2 * math.pi * variance), abs=1e-9)


def test_likelihood_falls_where_a_fix_surprises() -> None:
    fixes = [Fix(k, "van", START, 52.5, 13.4, 15.0, 68, None, 0.0) for k in range(3)]
    at = [np.array([[0.0, 0.0], [x, 0.0], [0.0, 0.0]]) for x in (1.0, 60.0)]
    calm, wild = (log_likelihood(chain_of(fixes, xy, np.arange(3.0), np.zeros(3, np.bool_), Movement())) for xy in at)
    assert calm > wild + 10.0

"""Mixtures against what can be reckoned by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from service.fleet.gaussian import radius_holding, round_covariance
from service.fleet.mixture import Mixture, mixture_of

ONE = Mixture(np.ones(1), np.array([[3.0, 0.0]]), np.diag([4.0, 25.0])[None])
TWO = Mixture(np.array([0.25, 0.75]), np.array([[-300.0, 0.0], [100.0, 0.0]]), np.stack([round_covariance(5.0)] * 2))


def test_moments_of_two_parts() -> None:
    mean, covariance = TWO.moments()
    assert mean == pytest.approx([0.0, 0.0])
    assert covariance == pytest.approx(np.diag([25.0 + 0.25 * 300**2 + 0.75 * 100**2, 25.0]))


def test_tail_of_one_part_is_closed() -> None:
    assert ONE.tail(np.array([7.0, 5.0])) == pytest.approx(math.exp(-(4.0 + 1.0) / 2))


def test_tail_of_the_lesser_of_two_parts_holds_what_is_no_denser() -> None:
    """At the peak of the part of 0.25 lie all of it and what of the other lies below a third of its peak."""
    assert TWO.tail(np.array([-300.0, 0.0])) == pytest.approx(0.25 + 0.75 / 3, abs=0.02)


def test_tail_far_from_everything_is_small() -> None:
    far = np.array([100.0 + 5.0 * 6.0, 0.0])
    assert TWO.tail(far) == pytest.approx(math.exp(-18.0) * (0.75 + 0.75), rel=0.3)


def test_circles_hold_what_a_normal_does() -> None:
    away, held = ONE.around(3.0, 0.0)
    assert float(np.interp(0.68, held, away)) == pytest.approx(float(radius_holding(ONE.covariance[0], 0.68)), rel=0.05)


def test_parts_of_nothing_are_dropped() -> None:
    few = mixture_of(np.array([2.0, 1e-9]), np.zeros((2, 2)), np.stack([np.eye(2)] * 2), 1e-6)
    assert few.weight.tolist() == [1.0]

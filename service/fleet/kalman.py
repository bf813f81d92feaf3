"""A linear-normal chain: Kalman's filter forwards, the smoother of Rauch, Tung and Striebel backwards.

What is measured at a step is held as information, L = H' R^-1 H and h = H' R^-1 z, so that measurements of any shape,
and none, add up. S is the size of the state, N the steps.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Chain:
    """x_0 ~ N(first, first_covariance), x_k = F_k x_(k-1) + N(0, Q_k); number 0 of F and Q is not used.

    Attributes:
        transition, noise: (N, S, S). information: (N, S, S). vector: (N, S).
    """

    first: Floats
    first_covariance: Floats
    transition: Floats
    noise: Floats
    information: Floats
    vector: Floats

    def with_more(self, information: Floats, vector: Floats) -> Chain:
        """Measure more at each step."""
        return replace(self, information=self.information + information, vector=self.vector + vector)


@dataclass(frozen=True, slots=True)
class Smoothed:
    """What all measurements say of each step: means (N, S) and covariances (N, S, S)."""

    mean: Floats
    covariance: Floats


def smooth(chain: Chain) -> Smoothed:
    """Give every step's state given all measurements, before and after it.

    Source: Rauch, Tung and Striebel (AIAA Journal 1965); Sarkka, Bayesian Filtering and Smoothing, th. 4.2 and 8.2.
    """
    steps, size = chain.vector.shape
    means, covariances = np.empty((steps, size)), np.empty((steps, size, size))
    foreseen, foreseen_covariances = np.empty((steps, size)), np.empty((steps, size, size))
    mean, covariance, one = chain.first, chain.first_covariance, np.eye(size)
    for k in range(steps):
        if k:
            step = chain.transition[k]
            mean, covariance = step @ mean, step @ covariance @ step.T + chain.noise[k]
        foreseen[k], foreseen_covariances[k] = mean, covariance
        information = chain.information[k]
        covariance = _even(np.linalg.solve(one + covariance @ information, covariance))
        mean = mean + covariance @ (chain.vector[k] - information @ mean)
        means[k], covariances[k] = mean, covariance
    gains = np.linalg.solve(foreseen_covariances[1:], chain.transition[1:] @ covariances[:-1]).swapaxes(1, 2)
    for k in range(steps - 2, -1, -1):
        gain = gains[k]
        means[k] += gain @ (means[k + 1] - foreseen[k + 1])
        covariances[k] = _even(covariances[k] + gain @ (covariances[k + 1] - foreseen_covariances[k + 1]) @ gain.T)
    return Smoothed(means, covariances)


def _even(matrix: Floats) -> Floats:
    return (matrix + matrix.T) / 2.0

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
        log_scale: what the measurements' densities hold besides, -(z' R^-1 z + log det 2 pi R) / 2, summed.
    """

    first: Floats
    first_covariance: Floats
    transition: Floats
    noise: Floats
    information: Floats
    vector: Floats
    log_scale: float = 0.0

    def with_more(self, information: Floats, vector: Floats) -> Chain:
        """Measure more at each step."""
        return replace(self, information=self.information + information, vector=self.vector + vector)


@dataclass(frozen=True, slots=True)
class Smoothed:
    """What all measurements say of each step: means (N, S) and covariances (N, S, S)."""

    mean: Floats
    covariance: Floats


@dataclass(frozen=True, slots=True)
class _Filtered:
    """Means (N, S) and covariances (N, S, S), before each step's measurements and after them."""

    foreseen: Floats
    foreseen_covariance: Floats
    mean: Floats
    covariance: Floats


def smooth(chain: Chain) -> Smoothed:
    """Give every step's state given all measurements, before and after it.

    Source: Rauch, Tung and Striebel (AIAA Journal 1965); Sarkka, Bayesian Filtering and Smoothing, th. 8.2.
    """
    known = _filter(chain)
    means, covariances = known.mean.copy(), known.covariance.copy()
    carried = chain.transition[1:] @ covariances[:-1]
    gains = np.linalg.solve(known.foreseen_covariance[1:], carried).swapaxes(1, 2)
    for k in range(len(means) - 2, -1, -1):
        gain = gains[k]
        means[k] += gain @ (means[k + 1] - known.foreseen[k + 1])
        less = covariances[k + 1] - known.foreseen_covariance[k + 1]
        covariances[k] = _even(covariances[k] + gain @ less @ gain.T)
    return Smoothed(means, covariances)


def log_likelihood(chain: Chain) -> float:
    """Log density of all measurements under the chain (prediction error decomposition; Sarkka, th. 12.3).

    A step adds h'm - m'Lm / 2 + a'P a / 2 - log det(I + P- L) / 2, a = h - L m, m and P- foreseen, P after it.
    """
    known = _filter(chain)
    expected = np.einsum("kij,kj->ki", chain.information, known.foreseen)
    amiss = chain.vector - expected
    grown = np.eye(chain.vector.shape[1]) + known.foreseen_covariance @ chain.information
    terms = (
        np.einsum("ki,ki->k", chain.vector - expected / 2.0, known.foreseen)
        + np.einsum("ki,kij,kj->k", amiss, known.covariance, amiss) / 2.0
        - np.linalg.slogdet(grown)[1] / 2.0
    )
    return float(terms.sum()) + chain.log_scale


def _filter(chain: Chain) -> _Filtered:
    """Source: Kalman (1960); Sarkka, th. 4.2, the update in the form of information."""
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
    return _Filtered(foreseen, foreseen_covariances, means, covariances)


def _even(matrix: Floats) -> Floats:
    return (matrix + matrix.T) / 2.0

"""Normal distributions on the plane: accuracies at any percentile, products, distances; closed forms where there are.

Covariances are (2, 2), square metres, east then north.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
NODES, HALVINGS = 128, 40
"""Of the quadrature over a quarter turn; the integrand is periodic, so the midpoint rule converges geometrically."""
TURN = np.pi / 2.0 * (np.arange(NODES) + 0.5) / NODES


def chi2_quantile(level: float) -> float:
    """Quantile of a chi-square of two degrees of freedom: F(x) = 1 - exp(-x / 2)."""
    return -2.0 * math.log1p(-level)


def chi2_tail(x: float) -> float:
    """Probability that a chi-square of two degrees of freedom exceeds x."""
    return math.exp(-x / 2.0)


def round_sigma(radius_m: float, level: float) -> float:
    """Standard deviation along each axis of the round normal of which a circle holds `level`, in (0, 1)."""
    return radius_m / math.sqrt(chi2_quantile(level))


def round_radius(sigma_m: float, level: float) -> float:
    """Radius of the circle that holds `level` of a round normal (Rayleigh's quantile): R95 = 1.62 R68."""
    return sigma_m * math.sqrt(chi2_quantile(level))


def share_within(covariance: Floats, radius_m: Floats | float) -> Floats:
    """Share of normals, (...,), that lies within circles around their means.

    With the ellipse's own angle t, the squared radius at it is (a cos^2 t + b sin^2 t) chi^2_2, so
    P = 1 - mean over t of exp(-r^2 / (2 (a cos^2 t + b sin^2 t))), a and b the variances along the axes.

    Source: the definite quadratic form of Imhof (Biometrika 1961) with two terms, in the finite form of Craig (1991).
    """
    narrow, wide = _variances(covariance)
    return _share(narrow, wide, np.asarray(radius_m, np.float64))


def radius_holding(covariance: Floats, level: float) -> Floats:
    """Radii (...,) of the circles around the means that hold `level` of normals; the inverse of `share_within`."""
    narrow, wide = _variances(covariance)
    low, high = np.sqrt(narrow * chi2_quantile(level)), np.sqrt(wide * chi2_quantile(level))
    for _ in range(HALVINGS):
        middle = (low + high) / 2.0
        is_less = _share(narrow, wide, middle) < level
        low, high = np.where(is_less, middle, low), np.where(is_less, high, middle)
    found: Floats = (low + high) / 2.0
    return found


def _share(narrow: Floats, wide: Floats, radius_m: Floats) -> Floats:
    spread = np.maximum(wide[..., None] * np.cos(TURN) ** 2 + narrow[..., None] * np.sin(TURN) ** 2, 1e-300)
    found: Floats = -np.expm1(-(radius_m[..., None] ** 2) / (2.0 * spread)).mean(axis=-1)
    return found


def _variances(covariance: Floats) -> tuple[Floats, Floats]:
    """Along the shorter and the longer axis."""
    values = np.maximum(np.linalg.eigvalsh(covariance), 0.0)
    return values[..., 0], values[..., 1]


def mahalanobis2(apart: Floats, covariance: Floats) -> Floats:
    """Squared distance in standard deviations, (...,), of vectors (..., 2) under covariances (..., 2, 2)."""
    inverse = inverse_2(covariance)
    found: Floats = np.einsum("...i,...ij,...j->...", apart, inverse, apart)
    return found


def log_density(apart: Floats, covariance: Floats) -> Floats:
    """Log of a normal's density per square metre, (...,), at vectors (..., 2) from its mean."""
    (a, b), (c, d) = np.moveaxis(covariance, (-2, -1), (0, 1))
    found: Floats = -mahalanobis2(apart, covariance) / 2.0 - np.log(a * d - b * c) / 2.0 - math.log(2.0 * math.pi)
    return found


def product(mean_a: Floats, covariance_a: Floats, mean_b: Floats, covariance_b: Floats) -> tuple[Floats, Floats]:
    """Mean (..., 2) and covariance (..., 2, 2) of the normalised product of two normals; arrays broadcast.

    In the gain form, K = A (A + B)^-1, mean = a + K (b - a), covariance = (I - K) A (I - K)' + K B K', which stays
    symmetric and positive whatever the rounding (Joseph).
    """
    gain = covariance_a @ inverse_2(covariance_a + covariance_b)
    rest = np.eye(2) - gain
    mean: Floats = mean_a + np.einsum("...ij,...j->...i", gain, mean_b - mean_a)
    across = np.swapaxes
    covariance: Floats = rest @ covariance_a @ across(rest, -1, -2) + gain @ covariance_b @ across(gain, -1, -2)
    return mean, covariance


def inverse_2(matrix: Floats) -> Floats:
    """(..., 2, 2) inverses."""
    (a, b), (c, d) = np.moveaxis(matrix, (-2, -1), (0, 1))
    adjoint = np.stack([np.stack([d, -b], axis=-1), np.stack([-c, a], axis=-1)], axis=-2)
    found: Floats = adjoint / (a * d - b * c)[..., None, None]
    return found


def round_covariance(sigma_m: float) -> Floats:
    """(2, 2) of a round normal."""
    return np.eye(2) * sigma_m**2

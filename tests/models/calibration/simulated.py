"""Evidence whose right calibration is known: background similarities are normal, the true cell's lies higher."""

from __future__ import annotations

from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from models.evaluation.evidence import CellEvidence

MEAN, SPREAD = 0.2, 0.08
SPACING_M = 6.4
Floats = NDArray[np.float64]
_inverse = np.vectorize(NormalDist().inv_cdf, otypes=[np.float64])


def simulate(
    photos: int,
    tiles: int,
    *,
    lift: float = 6.0,
    lift_spread: float = 1.0,
    outside: float = 0.0,
    listed: int = 200,
    cells_a_tile: int = 25,
    spacing_m: float = SPACING_M,
    blur_m: float = 0.0,
    heading_error_deg: float = 3.0,
    fov_deg: float = 360.0,
    seed: int = 0,
) -> CellEvidence:
    """Draw evidence by the order statistics of a gallery that is never made.

    The cell a photo stands in scores z ~ N(lift, lift_spread), every other one N(0, 1), independently; so with a
    spread of 1 the log likelihood ratio is lift * z - lift^2 / 2 exactly. The photo stands anywhere in its cell; with
    `blur_m`, neighbours rise too, by a bump of that width.
    """
    rng = np.random.default_rng(seed)
    cells = tiles * cells_a_tile
    side = int(np.sqrt(cells))
    cells = side * side
    listed = min(listed, cells)
    uniform = np.cumsum(rng.exponential(size=(photos, listed)), axis=1)
    uniform /= uniform[:, -1:] + rng.gamma(cells + 1 - listed, size=(photos, 1))
    z = _inverse(1.0 - np.minimum(uniform, 1.0 - 1e-12))
    where = rng.integers(0, cells, (photos, listed))
    true = rng.integers(0, cells, photos)
    is_inside = rng.random(photos) >= outside
    heading = rng.uniform(0, 360, (photos, listed))
    true_heading = rng.uniform(0, 360, photos)
    offset = rng.uniform(-0.5, 0.5, (photos, 2)) * spacing_m
    true_x, true_y = (true % side) * spacing_m + offset[:, 0], (true // side) * spacing_m + offset[:, 1]

    reach = round(2 * blur_m / spacing_m)
    steps = np.array([(i, j) for i in range(-reach, reach + 1) for j in range(-reach, reach + 1)])
    top = rng.normal(lift, lift_spread, photos)
    x = (true[:, None] % side + steps[:, 0]) * spacing_m
    y = (true[:, None] // side + steps[:, 1]) * spacing_m
    if reach:
        away = np.hypot(x - true_x[:, None], y - true_y[:, None])
        own = top[:, None] * np.exp(-((away / blur_m) ** 2) / 2) + rng.normal(0, 0.5, away.shape)
    else:
        own = top[:, None]
    own = np.where(is_inside[:, None], own, -50.0)
    z = np.concatenate([z, own], axis=1)
    own_heading = (true_heading[:, None] + rng.normal(0, heading_error_deg, own.shape)) % 360.0
    order = np.argsort(-z, axis=1, kind="stable")[:, :listed]

    def sorted_(values: Floats) -> Floats:
        return np.take_along_axis(values, order, axis=1)

    nowhere = np.where(is_inside, 0.0, np.nan)
    return CellEvidence(
        similarity=(MEAN + SPREAD * sorted_(z)).astype(np.float32),
        x_m=sorted_(np.concatenate([(where % side) * spacing_m, x], axis=1)),
        y_m=sorted_(np.concatenate([(where // side) * spacing_m, y], axis=1)),
        heading_deg=sorted_(np.concatenate([heading, own_heading], axis=1)),
        background_mean=np.full(photos, MEAN, np.float32),
        background_std=np.full(photos, SPREAD, np.float32),
        true_x_m=true_x + nowhere,
        true_y_m=true_y + nowhere,
        true_heading_deg=true_heading,
        fov_deg=np.full(photos, fov_deg),
        gallery_cells=cells,
        spacing_m=spacing_m,
    )

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from models.evaluation.corruptions.frost import frost

BLACK = np.zeros((224, 448, 3), dtype=np.float32)


def _ice(severity: int, seed: int = 0) -> NDArray[np.float32]:
    return frost(BLACK, severity, np.random.default_rng(seed))


@pytest.mark.parametrize(("severity", "most"), [(1, 0.4), (5, 0.75)])
def test_ice_is_no_whiter_than_its_weight_and_bluish(severity: int, most: float) -> None:
    ice = _ice(severity)
    assert 0.75 * most < ice[..., 2].max() <= most
    assert (ice[..., 0] <= ice[..., 1]).all()
    assert (ice[..., 1] <= ice[..., 2]).all()


def test_the_picture_behind_dims() -> None:
    white = frost(np.ones_like(BLACK), 5, np.random.default_rng(0))
    assert np.abs(white - _ice(5) - 0.6).max() < 1e-5


def test_the_same_window_freezes_over() -> None:
    window = [_ice(severity)[..., 2] / weight for severity, weight in ((1, 0.4), (5, 0.75))]
    assert window[1].mean() > 1.2 * window[0].mean()
    assert np.corrcoef(window[0].ravel(), window[1].ravel())[0, 1] > 0.4


def test_ice_is_feathers_and_not_clouds() -> None:
    ice = _ice(3)[..., 2]
    assert np.abs(np.diff(ice, axis=1)).mean() > 0.2 * ice.std()


def test_a_larger_picture_has_as_much_ice() -> None:
    large = frost(np.zeros((672, 1344, 3), dtype=np.float32), 4, np.random.default_rng(0))
    assert large.mean() == pytest.approx(_ice(4).mean(), rel=0.1)

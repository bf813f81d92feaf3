"""Another style is another mean and another spread of each channel over a picture, and nothing else."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from models.training.restyle import restyle

PACKED = ((3, 4), (2, 6))
BATCH, PARTS = 40, 5


def _features() -> Tensor:
    torch.manual_seed(5)
    style = 1 + torch.rand(BATCH, 1, sum(c * v for c, v in PACKED))
    return torch.randn(BATCH, PARTS, style.shape[2]) * style + 3 * style


def _channels(features: Tensor) -> list[Tensor]:
    """(B, values over a picture) of every channel."""
    channels, start = [], 0
    for count, values in PACKED:
        for _ in range(count):
            channels.append(features[..., start : start + values].flatten(1))
            start += values
    return channels


def test_a_channel_is_stretched_and_moved_as_a_whole() -> None:
    before, after = _features(), _features()
    restyle(after, PACKED, 1.0, np.random.default_rng(1))
    for old, new in zip(_channels(before), _channels(after), strict=True):
        gain = new.std(1) / old.std(1)
        moved = (old - old.mean(1, keepdim=True)) * gain[:, None] + new.mean(1, keepdim=True)
        torch.testing.assert_close(new, moved, atol=1e-4, rtol=0)
        assert gain.std() > 0.01
        shift = new.mean(1) - old.mean(1)
        assert 0.7 < shift.std() / old.mean(1).std() < 1.3  # noise as large as the pictures differ


def test_only_a_share_of_the_pictures_changes_and_the_same_ones_again() -> None:
    before, once, again = _features(), _features(), _features()
    restyle(once, PACKED, 0.5, np.random.default_rng(2))
    restyle(again, PACKED, 0.5, np.random.default_rng(2))
    changed = (once != before).flatten(1).any(1)
    assert 10 <= int(changed.sum()) <= 30
    assert bool((once != before).flatten(1).all(1)[changed].all())
    torch.testing.assert_close(once, again, atol=0, rtol=0)


def test_pictures_of_one_style_keep_it() -> None:
    features = _features()[:1].expand(BATCH, -1, -1).clone()
    before = features.clone()
    restyle(features, PACKED, 1.0, np.random.default_rng(3))
    torch.testing.assert_close(features, before, atol=1e-4, rtol=0)


def test_a_channel_without_spread_stays_finite() -> None:
    features = torch.ones(BATCH, PARTS, sum(c * v for c, v in PACKED))
    features[: BATCH // 2] = 2.0
    restyle(features, PACKED, 1.0, np.random.default_rng(4))
    assert bool(torch.isfinite(features).all())

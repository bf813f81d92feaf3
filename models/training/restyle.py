"""The style of stem features, made uncertain: how a channel is, on the whole, over a picture, is drawn anew.

Mean and spread of a channel over a picture tell light, season, sensor and materials more than what stands where. A
network that has seen them vary relies on them less.

Source: Li et al., Uncertainty Modeling for Out-of-Distribution Generalization (ICLR 2022): both are moved by Gaussian
noise as large as they differ within the batch.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

Packed = Sequence[tuple[int, int]]
"""Channels and the values of each, in the order in which features are packed."""
FLOOR = 1e-3
"""Spread under which a channel counts as the same all over a picture."""


def restyle(features: Tensor, packed: Packed, share: float, rng: np.random.Generator) -> None:
    """Change, in place, the style of some pictures.

    Args:
        features: (B, n, K) packed stem features; n parts of a picture share its style.
        packed: what K is made of.
        share: of the pictures that get another style.
        rng: of which ones, and of their styles.
    """
    chosen = torch.from_numpy(np.flatnonzero(rng.random(len(features)) < share))
    start = 0
    for channels, values in packed:
        part = torch.unflatten(features[..., start : start + channels * values], 2, (channels, values))
        start += channels * values
        mean, spread = part.mean((1, 3)), part.std((1, 3)) + FLOOR  # (B, C)
        noise = torch.from_numpy(rng.standard_normal((2, len(chosen), channels), np.float32))
        new_mean = mean[chosen] + noise[0] * mean.std(0)
        gain = (1 + noise[1] * spread.std(0) / spread[chosen]).clamp(min=0)
        moved = (part[chosen] - mean[chosen, None, :, None]) * gain[:, None, :, None] + new_mean[:, None, :, None]
        part[chosen] = moved

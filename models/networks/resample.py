"""Antialiased resampling inside a network, so that it can be exported: two products with constant matrices."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn


def triangle_matrix(from_px: int, to_px: int) -> Tensor:
    """Weights (to_px, from_px), float64, of a bilinear filter that widens with the scale when it shrinks.

    Rows sum to one. Where nothing shrinks it is plain bilinear interpolation, and the identity between equal sizes.

    Source: the triangle filter of Pillow's `Image.resize(..., BILINEAR)`.
    """
    scale = from_px / to_px
    centre = (np.arange(to_px)[:, None] + 0.5) * scale
    distance = np.abs(np.arange(from_px)[None] + 0.5 - centre) / max(scale, 1.0)
    weights = np.maximum(1 - distance, 0.0)
    return torch.from_numpy(weights / weights.sum(1, keepdims=True))


class Antialiased(nn.Module):
    """Resample square images (B, C, S, S) to (B, C, T, T) as Pillow does, without rounding to whole grey levels.

    Args:
        from_px: S.
        to_px: T.
    """

    matrix: Tensor

    def __init__(self, from_px: int, to_px: int) -> None:
        super().__init__()
        self.register_buffer("matrix", triangle_matrix(from_px, to_px).float(), persistent=False)

    def forward(self, pixels: Tensor) -> Tensor:
        return self.matrix @ pixels @ self.matrix.T

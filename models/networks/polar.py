"""SAFA's polar transform: a north-up tile redrawn along rays from its centre, so that it resembles a panorama.

Row 0 is the rim of the tile, the last row its centre. Column 0 looks south, w / 4 west, w / 2 north, 3 w / 4 east.

Source: Shi et al., Spatial-Aware Feature Aggregation (NeurIPS 2019), section 3.1, with the sampling of its code.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn


def polar_transform(image: NDArray[np.generic], height: int, width: int) -> NDArray[np.float64]:
    """Redraw a square image.

    Args:
        image: (S, S, C), any real dtype.
        height, width: of the result, pixels.

    Returns:
        (height, width, C) float64 in the image's own range; bilinear over four neighbours, those outside count 0.
    """
    index, weight = _neighbours(image.shape[0], height, width)
    flat = image.reshape(-1, image.shape[2]).astype(np.float64)
    drawn: NDArray[np.float64] = (flat[index] * weight[..., None]).sum(0)
    return drawn.reshape(height, width, -1)


class PolarView(nn.Module):
    """The same for pixels (B, C, S, S) -> (B, C, height, width) inside a graph.

    Neighbours outside count 0 in the space of the pixels: the mean colour, if they are normalised. None is outside
    while the tile has at least twice as many pixels a side as the result has rows.

    Args:
        size_px: S.
        height, width: of the result, pixels.
    """

    index: Tensor
    weight: Tensor

    def __init__(self, size_px: int, height: int, width: int) -> None:
        super().__init__()
        self.shape = (height, width)
        index, weight = _neighbours(size_px, height, width)
        self.register_buffer("index", torch.from_numpy(index.ravel()), persistent=False)
        self.register_buffer(
            "weight", torch.from_numpy(weight.astype(np.float32)).reshape(4, height, width), persistent=False
        )

    def forward(self, pixels: Tensor) -> Tensor:
        batch, channels = pixels.shape[:2]
        neighbours = pixels.flatten(2)[:, :, self.index].reshape(batch, channels, 4, *self.shape)
        return (neighbours * self.weight).sum(2)


def _neighbours(size: int, height: int, width: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Flat pixel index and weight of the four neighbours of every output pixel: (4, height * width) each."""
    radius = size / 2 * (height - 1 - np.arange(height)[:, None]) / height
    angle = 2 * math.pi * np.arange(width)[None] / width
    row, column = (size / 2 + radius * np.cos(angle)).ravel(), (size / 2 - radius * np.sin(angle)).ravel()
    top, left = row.astype(np.int64), column.astype(np.int64)
    index, weight = [], []
    for down in (0, 1):
        for right in (0, 1):
            y, x = top + down, left + right
            inside = (y >= 0) & (y < size) & (x >= 0) & (x < size)
            share = np.abs(1 - down - (row - top)) * np.abs(1 - right - (column - left))
            index.append(np.where(inside, y * size + x, 0))
            weight.append(np.where(inside, share, 0.0))
    return np.stack(index), np.stack(weight)

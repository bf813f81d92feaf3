"""Places and photos of them for the losses: columns by construction."""

from __future__ import annotations

import math

import torch
from torch import Tensor

W, E = 8, 6


def places(count: int, positions: int) -> Tensor:
    """(count, positions, W, E) columns of random places, unit over W * E."""
    columns = torch.randn(count, positions, W, E, generator=torch.Generator().manual_seed(0))
    return torch.nn.functional.normalize(columns, dim=-1) / math.sqrt(W)


def seen(place: Tensor, shift: int, width: int) -> Tensor:
    """Photos (B, w, E) of places (B, W, E) whose first column looks along tile column `shift`."""
    return place.roll(-shift, dims=1)[:, :width] * math.sqrt(W / width)

"""Losses over photos and camera positions: which tile, where in it, which way.

A tile is described at P positions, the first close to the camera. A photo's likelihood over all positions of all tiles
should be a small hill around the true place, so that nearby positions share the mass by their distance and everything
else is pushed away: other tiles at their most favourable heading, and far positions of the same tile.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from models.losses import correlate, heading_cross_entropy

NEAR_M = 12.0
"""Positions of the true tile closer than this are compared at the true heading, others at their best."""
FLOOR = 1e-6
NOT_ASKED = -1e4
"""Similarity of what is no negative: none of the mass falls on it, and zero times it is zero."""


@dataclass(frozen=True, slots=True)
class Remembered:
    """Descriptions that tiles had in earlier steps, each near its own camera: negatives without a gradient.

    Source of the idea: Wang et al., Cross-Batch Memory (CVPR 2020).
    """

    columns: Tensor
    """(M, W, E), unit norm over W * E."""
    negative: Tensor
    """(B, M) bool: which of them a photo is to be told apart from."""

    def to(self, device: torch.device) -> Remembered:
        return Remembered(self.columns.to(device), self.negative.to(device))


def spatial_loss(
    ground: Tensor,
    aerial: Tensor,
    shift: Tensor,
    away_m: Tensor,
    scale: Tensor,
    *,
    sigma_m: float,
    smoothing: float,
    heading_weight: float,
    remembered: Remembered | None = None,
) -> Tensor:
    """Cross-entropy over places, both ways, and over headings in the true place.

    Args:
        ground: (B, w, E) columns of photos, unit norm over w * E.
        aerial: (B, P, W, E) columns of the tiles at P positions, unit norm over W * E; row i belongs to photo i.
        shift: (B,) true shifts in columns, real-valued in [0, W).
        away_m: (B, P) distance of each position from the camera; the first is the one that counts as the place when
            a tile looks for its photo.
        scale: inverse temperature.
        sigma_m: spread of the wanted likelihood, a Gaussian of the distance.
        smoothing: share of the target spread over everything.
        heading_weight: of the heading.
        remembered: more tiles for a photo to be told apart from.

    Returns:
        Scalar.
    """
    batch, positions, total = aerial.shape[:3]
    correlation = correlate(ground, aerial.flatten(0, 1)).reshape(batch, batch, positions, total)  # (B, B, P, W)
    rows = torch.arange(batch, device=ground.device)
    own = correlation[rows, rows]  # (B, P, W)
    best = correlation.amax(-1)
    mine = torch.eye(batch, dtype=torch.bool, device=ground.device)[:, :, None]
    held = torch.where(away_m < NEAR_M, at_shift(own, shift), best[rows, rows])
    similarity = torch.where(mine, held[:, None], best) * scale  # (B, B, P)

    weight = torch.exp(-away_m.square() / (2 * sigma_m**2)) + FLOOR
    wanted = torch.where(mine, (weight / weight.sum(1, keepdim=True))[:, None], similarity.new_zeros(()))
    count = batch * positions
    offered, wanted = similarity.flatten(1), wanted.flatten(1) * (1 - smoothing) + smoothing / count
    if remembered is not None and len(remembered.columns):
        others = correlate(ground, remembered.columns).amax(-1) * scale  # (B, M)
        offered = torch.cat([offered, others.masked_fill(~remembered.negative, NOT_ASKED)], dim=1)
        wanted = F.pad(wanted, (0, others.shape[1]))
    forward = F.cross_entropy(offered, wanted)
    backward = F.cross_entropy(similarity[:, :, 0].T, rows, label_smoothing=smoothing)
    heading = heading_cross_entropy(own[:, 0], shift % total, scale)
    return (forward + backward) / 2 + heading_weight * heading


def at_shift(curve: Tensor, shift: Tensor) -> Tensor:
    """(B, P, W) similarities by shift -> (B, P) at real-valued shifts (B,): the better of the two columns around."""
    total = curve.shape[2]
    low = shift.floor().long() % total
    below, above = (index[:, None, None].expand(-1, curve.shape[1], 1) for index in (low, (low + 1) % total))
    return torch.maximum(curve.gather(2, below), curve.gather(2, above))[..., 0]

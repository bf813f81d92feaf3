"""Loss over photos, camera positions and headings at once: which pose a photo was taken in.

Every position of every tile is an answer at each of its W headings, and all of them compete in one cross-entropy: the
true place turned wrongly is as wrong as a strange place, and every wrong heading of a strange tile is pushed away by
its share of the mass, not only the most favourable one.
"""

from __future__ import annotations

import torch
from torch import Tensor

from models.losses import correlate, heading_cross_entropy, heading_target
from models.spatial_loss import FLOOR, NEAR_M, NOT_ASKED, Remembered


def pose_loss(
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
    """Cross-entropy over poses, of photos among poses and of tiles among photos.

    Args:
        ground: (B, w, E) columns of photos, unit norm over w * E.
        aerial: (B, P, W, E) columns of the tiles at P positions, unit norm over W * E; row i belongs to photo i.
        shift: (B,) true shifts in columns, real-valued in [0, W): the two shifts around share the target.
        away_m: (B, P) distance of each position from the camera; the first is the one that counts as the place when
            a tile looks for its photo.
        scale: inverse temperature.
        sigma_m: spread of the wanted likelihood, a Gaussian of the distance up to NEAR_M.
        smoothing: share of the target spread over all poses of the batch.
        heading_weight: of the cross-entropy of the heading alone, in the true place.
        remembered: more tiles for a photo to be told apart from, at every heading.

    Returns:
        Scalar.
    """
    batch, positions, total = aerial.shape[:3]
    logits = correlate(ground, aerial.flatten(0, 1)).reshape(batch, batch, positions, total) * scale  # (B, B, P, W)
    rows = torch.arange(batch, device=ground.device)
    weight = torch.exp(-away_m.square() / (2 * sigma_m**2)) * (away_m < NEAR_M) + FLOOR
    heading = heading_target(shift % total, total)  # (B, W)
    pose = (weight / weight.sum(1, keepdim=True))[:, :, None] * heading[:, None]  # (B, P, W)

    mass = torch.logsumexp(logits.flatten(1), 1)
    if remembered is not None and len(remembered.columns):
        others = torch.logsumexp(correlate(ground, remembered.columns) * scale, 2)  # (B, M)
        others = others.masked_fill(~remembered.negative, NOT_ASKED)
        mass = torch.logsumexp(torch.cat([mass[:, None], others], dim=1), 1)
    forward = mass - _wanted((logits[rows, rows] * pose).sum((1, 2)), logits.mean((1, 2, 3)), smoothing)

    first = logits[:, :, 0]  # (B photos, B tiles, W)
    found = _wanted((first[rows, rows] * heading).sum(1), first.mean((0, 2)), smoothing)
    backward = torch.logsumexp(first.transpose(0, 1).flatten(1), 1) - found
    alone = heading_cross_entropy(first[rows, rows], shift % total, 1.0)
    return (forward.mean() + backward.mean()) / 2 + heading_weight * alone


def _wanted(right: Tensor, mean: Tensor, smoothing: float) -> Tensor:
    """Give the logit that a smoothed target expects: mostly that of the right answer, a little of all of them."""
    return (1 - smoothing) * right + smoothing * mean

"""Pair sets of north-aligned panoramas with one tile each, centred on the camera: CVUSA and CVACT."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from models.datasets.pairset import PairSet, Positions


def aligned_pairs(
    name: str,
    ground: Sequence[Path],
    aerial: Sequence[Path],
    positions: Positions | None,
) -> PairSet:
    """Pair `ground[i]` with `aerial[i]`; the panoramas' centre columns look north."""
    count = len(ground)
    return PairSet(
        name=name,
        ground=tuple(ground),
        aerial=tuple(aerial),
        positive=np.arange(count),
        semi_positive=np.empty((count, 0), dtype=np.int64),
        heading_deg=np.zeros(count),
        fov_deg=np.full(count, 360.0),
        positions=positions,
    )

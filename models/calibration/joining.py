"""The evidence of a larger gallery from that of its parts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from models.errors import DatasetError
from models.evaluation.evidence import PER_CELL, PER_PHOTO, CellEvidence

GAP_M = 200.0


def joined(parts: Sequence[CellEvidence]) -> CellEvidence:
    """Lay galleries side by side and keep the best cells of all.

    Args:
        parts: the same photos, row by row, against one gallery each. A photo's place is in the gallery of the first
            part or nowhere; galleries are laid as squares on a square, 200 m apart, so no place is near another's.

    Returns:
        As many cells a photo as the first part lists. The background is that of the mixture: the mean of the centres
        by size, and the spreads within and between.
    """
    first = parts[0]
    cells = {name: np.concatenate([getattr(part, name) for part in parts], axis=1) for name in PER_CELL}
    side_m = max(np.sqrt(part.gallery_cells) * part.spacing_m for part in parts) + GAP_M
    across = int(np.ceil(np.sqrt(len(parts))))
    for name, steps in (("x_m", np.arange(len(parts)) % across), ("y_m", np.arange(len(parts)) // across)):
        moved = [getattr(part, name) + step * side_m for part, step in zip(parts, steps, strict=True)]
        cells[name] = np.concatenate(moved, axis=1)
    listed = max(part.similarity.shape[1] for part in parts)
    order = np.argsort(-cells["similarity"], axis=1, kind="stable")[:, :listed]
    size = np.array([part.gallery_cells for part in parts], dtype=np.float64)
    weight = (size / size.sum())[:, None]
    centre = np.stack([part.background_mean for part in parts]).astype(np.float64)
    spread = np.stack([part.background_std for part in parts]).astype(np.float64)
    mean = (weight * centre).sum(axis=0)
    variance = (weight * (spread**2 + (centre - mean) ** 2)).sum(axis=0)
    best: dict[str, Any] = {name: np.take_along_axis(values, order, axis=1) for name, values in cells.items()}
    return replace(
        first,
        **best,
        background_mean=mean.astype(np.float32),
        background_std=np.sqrt(variance).astype(np.float32),
        gallery_cells=int(size.sum()),
    )


def assembled(parts: Sequence[CellEvidence]) -> CellEvidence:
    """Take every photo from the first of several galleries of one size that it lies inside, else from the first."""
    chosen = np.stack([part.inside for part in parts]).argmax(axis=0)
    whole = stacked(parts)
    rows = chosen * len(parts[0]) + np.arange(len(parts[0]))
    kept: dict[str, Any] = {name: getattr(whole, name)[rows] for name in (*PER_CELL, *PER_PHOTO)}
    return replace(whole, **kept)


def stacked(parts: Sequence[CellEvidence]) -> CellEvidence:
    """Put the photos of parts below each other: other photos, galleries of one size.

    Raises:
        DatasetError: the galleries differ in size or spacing, or as many cells are not listed.
    """
    first = parts[0]
    if len({(part.gallery_cells, part.spacing_m, part.similarity.shape[1]) for part in parts}) > 1:
        raise DatasetError("Evidence of galleries of several sizes cannot be put together.")
    rows: dict[str, Any] = {
        name: np.concatenate([getattr(part, name) for part in parts]) for name in (*PER_CELL, *PER_PHOTO)
    }
    return replace(first, **rows)


def nowhere(evidence: CellEvidence) -> CellEvidence:
    """The same photos as photos from outside."""
    gone = np.full(len(evidence), np.nan)
    return replace(evidence, true_x_m=gone, true_y_m=gone)

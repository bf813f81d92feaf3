"""Shape evidence for a fit: photos by field of view, halves, and photos whose own place is hidden from them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from models.evaluation.evidence import PER_CELL, PER_PHOTO, CellEvidence

HIDDEN_M = 100.0
"""Cells this near share much of what a photo sees with its true place."""
AREA_NODE = 1.5
FOV_NODE = 1.15
"""Fields of view within this factor of each other are fitted together."""


def rows_of(evidence: CellEvidence, rows: NDArray[np.bool_] | NDArray[np.int64]) -> CellEvidence:
    """Keep some photos."""
    return replace(evidence, **{name: getattr(evidence, name)[rows] for name in (*PER_CELL, *PER_PHOTO)})


def hidden(evidence: CellEvidence, within_m: float = HIDDEN_M) -> CellEvidence:
    """Take every inside photo's surroundings out of the gallery, which makes it a photo from outside.

    The cells taken away become copies of the last one listed, as the next below it would have come up.
    """
    part = rows_of(evidence, evidence.inside)
    near = part.error_m <= within_m
    near[:, -1] = False
    cells = {}
    for name in PER_CELL:
        values = getattr(part, name)
        cells[name] = np.where(near, values[:, -1:], values)
    order = np.argsort(-cells["similarity"], axis=1, kind="stable")
    cells = {name: np.take_along_axis(values, order, axis=1) for name, values in cells.items()}
    nowhere = np.full(len(part), np.nan)
    return replace(part, **cells, true_x_m=nowhere, true_y_m=nowhere)


def best_cells(evidence: CellEvidence, count: int) -> CellEvidence:
    """Keep the `count` best cells of every photo."""
    return replace(evidence, **{name: getattr(evidence, name)[:, :count] for name in PER_CELL})


def fov_nodes(parts: Sequence[CellEvidence]) -> list[float]:
    """Fields of view to fit at: the medians of groups that lie close together."""
    values = np.sort(np.concatenate([part.fov_deg for part in parts]))
    starts = np.flatnonzero(np.append(True, values[1:] > values[:-1] * FOV_NODE))
    return [round(float(np.median(group)), 3) for group in np.split(values, starts[1:])]


def area_m2(evidence: CellEvidence) -> float:
    """Ground that the cells of the gallery stand for."""
    return evidence.gallery_cells * evidence.spacing_m**2


def area_nodes(parts: Sequence[CellEvidence]) -> list[float]:
    """Sizes of galleries to promise at: the largest of groups that lie within a factor of 1.5."""
    areas = sorted({area_m2(part) for part in parts if part.inside.any()}, reverse=True)
    nodes: list[float] = []
    for area in areas:
        if not nodes or nodes[-1] > AREA_NODE * area:
            nodes.append(area)
    return nodes[::-1]


def nearest_area(area: float, nodes: Sequence[float]) -> float:
    return min(nodes, key=lambda node: abs(np.log(node / area)))


def of_node(evidence: CellEvidence, node: float, nodes: Sequence[float]) -> CellEvidence:
    """Keep photos whose nearest node this is."""
    gap = np.abs(np.log(evidence.fov_deg[:, None] / np.asarray(nodes)))
    return rows_of(evidence, gap.argmin(axis=1) == list(nodes).index(node))

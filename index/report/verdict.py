"""Will it work here? What twins mean for somebody who wants to locate photos."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from index.report.aliasing import Twins
from index.table import TileTable
from models.geo import distance_m

Bools = NDArray[np.bool_]
FEW, MOST = 0.15, 0.5
"""Shares of places with a twin: up to the first photos of sample cities were hardly ever lost, above the second one in
five and more (docs/planning.md)."""
CLOSE = 0.75


@dataclass(frozen=True, slots=True)
class Judged:
    """How far M tiles can be told from all that are far away."""

    is_twin: Bools
    """(M,) A far tile is at least as alike as the ground a step beside the camera."""
    is_close: Bools
    """(M,) Not a twin, but three quarters of the way from a far tile's usual similarity to that."""
    known: Bools
    """(M,) There are far tiles at all."""

    @property
    def twin_share(self) -> float:
        return float(self.is_twin.sum() / max(1, self.known.sum()))

    @property
    def close_share(self) -> float:
        return float(self.is_close.sum() / max(1, self.known.sum()))


@dataclass(frozen=True, slots=True)
class Pair:
    """Two places that look alike."""

    row: int
    twin: int
    similarity: float
    distance_m: float
    turn_deg: float


def judge(twins: Twins) -> Judged:
    """Hold each tile's twin against the ground beside it.

    Where nothing lies beside a tile, half-way from its usual similarity to 1 stands for that.
    """
    known, beside = ~np.isnan(twins.similarity), _beside(twins)
    with np.errstate(invalid="ignore"):
        is_twin = known & (twins.similarity >= beside)
        close = twins.typical + CLOSE * (beside - twins.typical)
        return Judged(is_twin, known & ~is_twin & (twins.similarity >= close), known)


def likeness(twins: Twins) -> NDArray[np.float64]:
    """Say how far each tile's twin goes from the usual similarity of far tiles, 0, to that of the ground beside it, 1.

    `judge` calls a tile with 1 a twin, with `CLOSE` and more close. NaN without a twin.
    """
    beside = _beside(twins)
    with np.errstate(invalid="ignore", divide="ignore"):
        share = (twins.similarity - twins.typical).astype(np.float64) / (beside - twins.typical)
        reached = twins.similarity >= beside  # where the ground beside is no more alike than any, that is so too
    return np.where(np.isnan(twins.similarity), np.nan, np.where(reached, 1.0, np.clip(share, 0.0, 1.0)))


def _beside(twins: Twins) -> NDArray[np.float64]:
    return np.where(np.isnan(twins.beside), (1 + twins.typical) / 2, twins.beside).astype(np.float64)


def most_confusable(twins: Twins, tiles: TileTable, most: int = 12) -> list[Pair]:
    """Give the most similar pairs, best first; pairs that join the same two neighbourhoods are listed once."""
    kept: list[Pair] = []
    order = np.argsort(-np.where(twins.twin < 0, -np.inf, twins.similarity), kind="stable")
    for number in order[: int((twins.twin >= 0).sum())].tolist():
        row, twin = int(twins.rows[number]), int(twins.twin[number])
        if any(_same_ends(tiles, (row, twin), (pair.row, pair.twin), twins.far_m) for pair in kept):
            continue
        metres = distance_m(tiles.lat[row], tiles.lon[row], tiles.lat[twin], tiles.lon[twin])
        kept.append(Pair(row, twin, float(twins.similarity[number]), float(metres), float(twins.turn_deg[number])))
        if len(kept) == most:
            break
    return kept


def _same_ends(tiles: TileTable, mine: tuple[int, int], other: tuple[int, int], reach_m: float) -> bool:
    def near(a: int, b: int) -> bool:
        return bool(distance_m(tiles.lat[a], tiles.lon[a], tiles.lat[b], tiles.lon[b]) <= reach_m)

    straight = near(mine[0], other[0]) and near(mine[1], other[1])
    return straight or (near(mine[0], other[1]) and near(mine[1], other[0]))


def headline(views: Sequence[tuple[Twins, Judged]]) -> str:
    """Answer in a few words, for each width of view."""
    return " ".join(_answer(twins, judged) for twins, judged in views)


def _answer(twins: Twins, judged: Judged) -> str:
    who = "Panoramas" if twins.fov_deg >= 360 else f"Photos {twins.fov_deg:.0f}° wide"
    if not judged.known.any():
        return f"{who}: nobody can say, as no two tiles lie far enough apart."
    if judged.twin_share <= FEW:
        return f"{who}: yes, as far as the ground goes; few places have a twin elsewhere."
    if judged.twin_share <= MOST:
        return f"{who}: mostly; some places have a twin elsewhere."
    return f"{who}: not without a rough position; most places have a twin elsewhere."


def sentence(twins: Twins, judged: Judged) -> str:
    """Say in one sentence how many places have a twin."""
    view = "whole" if twins.fov_deg >= 360 else f"{twins.fov_deg:.0f}° wide, looking north, east, south or west"
    return (
        f"Of {int(judged.known.sum()):,} places, seen {view}, {int(judged.is_twin.sum()):,} ({judged.twin_share:.1%}) "
        f"have a twin and {int(judged.is_close.sum()):,} more ({judged.close_share:.1%}) come close to having one."
    )


def meaning(far_m: float, step_m: float) -> str:
    """Say what a twin is to somebody who wants to locate photos."""
    return (
        f"A twin is a place more than {far_m:g} m away that is at least as alike as the ground {step_m:g} m beside the "
        f"camera: a photo tells the two apart by no more than two spots so close together, and the less it sees the "
        f"more often it takes the wrong one. A position known to {far_m / 2:g} m (GPS, say) settles it."
    )


def caution(count: int, total: int) -> str:
    """Say what the figures do not hold for."""
    sample = "" if count == total else f" {count:,} of {total:,} tiles, evenly spread, stand for all."
    return (
        "Tiles are compared with tiles here: this is what the ground allows the best of photos, not what your photos "
        "reach. To measure that, locate photos of known place: skyfix evaluate --pairs." + sample
    )

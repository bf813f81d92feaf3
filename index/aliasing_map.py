"""Where the places of an index look alike: found when it is built, for a bounded sample of tiles, kept for people.

The judgement is that of `skyfix index report` (index/report/verdict.py), on its bins (index/report/grid.py).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from index.aliasing_file import VALUES, AliasingMap, Alike, worse
from index.bundle import Index
from index.gallery import cell_spacing_m
from index.report.aliasing import Int64s, Twins, find_twins, step_m
from index.report.grid import Grid
from index.report.verdict import judge, likeness

WHOLE_DEG, NARROW_DEG = 360.0, 90.0
FAR_M = 150.0
"""As in the report: or the side of a tile, where that is more."""
MOST_SAMPLED = 1024
"""Tiles, so that the file stays at some tens of kilobytes."""
COMPARISONS = 4_000_000
"""Of a sampled tile with a described position, for each view: some seconds."""
COMPARISONS_A_TILE = 4_800
"""More than `COMPARISONS` where an index is large, as its building takes longer too: a small share of that."""
Floats = NDArray[np.float64]


def make_aliasing(index: Index) -> AliasingMap | None:
    """Compare a sample of tiles with all that lie far away, seen whole and, where there are headings, by 90°.

    A tile's value is how far its most similar far place goes from what far places usually have, 0, to what the ground
    a step beside the camera has, 1: the judgement of the report as a number (`index.report.verdict.likeness`). By 90°
    tile after tile looks another way. Goes through the vectors once for each view, a block at a time.

    Returns:
        The map; None where no two tiles lie far apart.
    """
    far_m = max(FAR_M, index.manifest.footprint_m)
    rows = sampled_rows(len(index), index.cell_count)
    whole = find_twins(index, rows, far_m, WHOLE_DEG)
    has_headings = index.manifest.embedding.columns > 1
    narrow = find_twins(index, rows, far_m, NARROW_DEG) if has_headings else None
    known = np.flatnonzero(judge(whole).known)
    if not known.size:
        return None
    lat, lon = index.tiles.lat, index.tiles.lon
    beside_m = cell_spacing_m(index) * index.cell_count**0.5
    grid = Grid.over(lat, lon, beside_m * (len(index) / len(rows)) ** 0.5)
    bins = grid.bins(lat[rows], lon[rows])
    lats, lons = grid.centres(bins)
    values, narrow_values = _values(whole), None if narrow is None else _values(narrow)
    kept: dict[int, Alike] = {}
    for number in known.tolist():
        seen, by_90 = float(values[number]), None if narrow_values is None else float(narrow_values[number])
        twins = whole if narrow is None or by_90 is None or seen >= by_90 else narrow
        twin, place = int(twins.twin[number]), int(bins[number])
        ends = float(lats[number]), float(lons[number]), seen, by_90, float(lat[twin]), float(lon[twin])
        kept[place] = worse(Alike(*ends, grid.bin_m), kept.get(place))
    return AliasingMap(
        far_m=far_m,
        step_m=step_m(index),
        sampled=len(known),
        tiles=len(index),
        bin_m=grid.bin_m,
        squares=tuple(kept[number] for number in sorted(kept)),
    )


def sampled_rows(count: int, cells: int) -> Int64s:
    """Give rows, rising and evenly spread over the order of the index, as many as the work allows."""
    wanted = min(MOST_SAMPLED, max(COMPARISONS // (count * cells), COMPARISONS_A_TILE // cells, 1))
    return np.unique(np.linspace(0, count - 1, min(wanted, count)).astype(np.int64))


def _values(twins: Twins) -> Floats:
    """(M,) likeness to two decimals; only what is judged a twin is 1."""
    found = np.round(likeness(twins), VALUES)
    return np.where(judge(twins).is_twin, 1.0, np.minimum(found, 1.0 - 10.0**-VALUES))

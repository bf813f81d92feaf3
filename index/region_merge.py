"""Hits of several members made one list; the same ground in two of them counts once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from index.hits import CellHits, Hits, Int64s
from models.geo import Floats, distance_m

SAME_M = 1.5
"""Tiles of one id whose centres lie no farther apart are the same ground twice."""


@dataclass(frozen=True, slots=True)
class Found:
    """What one member answered, with rows as the region numbers them."""

    hits: Hits
    ids: Sequence[str]
    lat: Floats
    lon: Floats
    """Of each hit's tile; all three empty where no other member may hold the same ground."""


def same_ground(ids: Sequence[str], lat: Floats, lon: Floats) -> Int64s:
    """Number tiles: (n,) the place of the first of them that is the same ground, by id and centre."""
    first = np.arange(len(ids))
    known: dict[str, list[int]] = {}
    for place, name in enumerate(ids):
        others = known.setdefault(name, [])
        for other in others:
            if distance_m(lat[place], lon[place], lat[other], lon[other]) <= SAME_M:
                first[place] = other
                break
        else:
            others.append(place)
    return first


def best_tiles(parts: Sequence[Found], k: int) -> Hits:
    """Give the k best tiles of all parts; of the same ground twice, the better description."""
    hits, ground = _joined(parts)
    kept = _kept(hits, ground, k)
    return Hits(hits.rows[kept], hits.similarity[kept], hits.shift[kept], hits.cells[kept])


def best_cells(parts: Sequence[Found], k: int) -> CellHits:
    """Give the k best cells of all parts; of the same cell twice, the better description."""
    hits, ground = _joined(parts)
    kept = _kept(hits, ground * (int(hits.cells.max(initial=0)) + 1) + hits.cells, k)
    return CellHits(hits.rows[kept], hits.cells[kept], hits.similarity[kept], hits.shift[kept])


def _joined(parts: Sequence[Found]) -> tuple[Hits, Int64s]:
    """Put hits one after another, and give for each the first row of its ground."""
    names = ("rows", "similarity", "shift", "cells")
    joined = Hits(*(np.concatenate([getattr(part.hits, name) for part in parts]) for name in names))
    ground = joined.rows.copy()
    shared = np.concatenate([np.full(len(part.hits), len(part.ids) > 0) for part in parts])
    if shared.any():
        ids = [name for part in parts for name in part.ids]
        lat, lon = (np.concatenate([getattr(part, name) for part in parts]) for name in ("lat", "lon"))
        rows, first, back = np.unique(joined.rows[shared], return_index=True, return_inverse=True)
        same = same_ground([ids[place] for place in first.tolist()], lat[first], lon[first])
        ground[shared] = rows[same][back]
    return joined, ground


def _kept(hits: Hits, group: Int64s, k: int) -> Int64s:
    """Places of the best entry of each group, then of the k best of these: falling similarity, ties by row."""
    order = np.lexsort((hits.shift, hits.cells, hits.rows, -hits.similarity))
    _, first = np.unique(group[order], return_index=True)
    kept: Int64s = order[np.sort(first)[:k]]
    return kept

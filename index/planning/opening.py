"""One source at many strides, opened once: reading what lies in a folder can take longer than any plan of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from index.sources.opening import open_source
from index.sources.tile_folder import Scheme
from index.sources.tile_list import is_list
from index.tiles import TileSource
from models.cells import Cells

OpenAt = Callable[[float | None], TileSource]
"""Gives the source at a stride; None leaves it to the source."""


def opener(
    paths: Sequence[Path],
    *,
    footprint_m: float,
    size_px: int,
    cells: Cells | None = None,
    zoom: int | None = None,
    scheme: Scheme | None = None,
) -> OpenAt:
    """Open imagery for a planner; arguments and errors are those of `open_source`."""
    if any(is_list(path) or not path.exists() for path in paths):
        return lambda stride_m: open_source(
            paths, footprint_m=footprint_m, size_px=size_px, stride_m=stride_m, zoom=zoom, scheme=scheme
        )
    # rasterio and its like are needed only by these sources, and a serving install has none of them
    from index.sources.cut import CutSource
    from index.sources.pictures import Wish, open_pictures

    found = open_pictures(paths, Wish(footprint_m, size_px, zoom, scheme))
    return lambda stride_m: CutSource(
        found.usable,
        footprint_m=footprint_m,
        size_px=size_px,
        stride_m=stride_m,
        cells=cells,
        refused=found.refused,
        remarks=found.remarks,
    )

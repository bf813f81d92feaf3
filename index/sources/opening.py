"""From what an operator points at to a source of tiles."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from index.sources.folder import FolderSource
from index.sources.tile_list import is_list
from index.tiles import DATE, TileSource
from models.cells import Cells
from models.errors import SourceError, UsageError

if TYPE_CHECKING:
    from index.sources.tile_folder import Scheme


def open_source(
    paths: Sequence[Path],
    *,
    footprint_m: float,
    size_px: int,
    stride_m: float | None = None,
    cells: Cells | None = None,
    captured: str | None = None,
    zoom: int | None = None,
    scheme: Scheme | None = None,
) -> TileSource:
    """Open imagery to cut tiles from (see pictures.py), or tiles that come ready cut with a CSV.

    Args:
        paths: several only of imagery to cut; kinds may be mixed.
        footprint_m, size_px: side of a tile, in metres and in pixels of the encoder's input.
        stride_m, captured: of imagery to cut only.
        cells: camera positions that the model describes in each tile; imagery is laid out for them.
        zoom: of tiles of a web map; when None the one whose resolution fits.
        scheme: order of rows in a folder of such tiles; when None what the folder says of itself, else xyz.

    Raises:
        UsageError: the paths do not go together, or an option is for imagery to cut and they are none.
        SourceError: of the kind that says what is wrong.
    """
    if captured is not None and not DATE.fullmatch(captured):
        raise UsageError(f"{captured!r} is no capture date; write 2025, 2025-06 or 2025-06-30.")
    for path in paths:
        if not path.exists():
            raise SourceError(f"{path} does not exist.")
    if not any(is_list(path) for path in paths):
        return _cut(paths, footprint_m, size_px, stride_m, cells, captured, zoom, scheme)
    if len(paths) != 1:
        raise UsageError("Several sources must all be imagery to cut; tiles with a CSV go into an index of their own.")
    if any(option is not None for option in (stride_m, captured, zoom, scheme)):
        raise UsageError(
            "A stride, an overlap, a capture date, a zoom or a scheme goes with imagery to cut; "
            "listed tiles come ready cut."
        )
    return FolderSource(paths[0], footprint_m=footprint_m, size_px=size_px)


def _cut(
    paths: Sequence[Path],
    footprint_m: float,
    size_px: int,
    stride_m: float | None,
    cells: Cells | None,
    captured: str | None,
    zoom: int | None,
    scheme: Scheme | None,
) -> TileSource:
    # rasterio and its like are needed only by these sources, and a serving install has none of them
    from index.sources.cut import CutSource
    from index.sources.pictures import Wish, open_pictures

    found = open_pictures(paths, Wish(footprint_m, size_px, zoom, scheme))
    return CutSource(
        found.usable,
        footprint_m=footprint_m,
        size_px=size_px,
        stride_m=stride_m,
        cells=cells,
        captured=captured,
        refused=found.refused,
        remarks=found.remarks,
    )

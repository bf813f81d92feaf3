"""From what an operator points at to a source of tiles."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from index.sources.folder import FolderSource
from index.tiles import DATE, TileSource
from models.cells import Cells
from models.errors import SourceError, UsageError

TIFF_SUFFIXES = (".tif", ".tiff")


def open_source(
    paths: Sequence[Path],
    *,
    footprint_m: float,
    size_px: int,
    stride_m: float | None = None,
    cells: Cells | None = None,
    captured: str | None = None,
) -> TileSource:
    """Open GeoTIFFs, a folder of GeoTIFFs, a folder of tiles with a CSV, or that CSV.

    Args:
        paths: several only of GeoTIFFs.
        footprint_m, size_px: side of a tile, in metres and in pixels of the encoder's input.
        stride_m, captured: of GeoTIFFs only.
        cells: camera positions that the model describes in each tile; GeoTIFFs are laid out for them.

    Raises:
        UsageError: the paths do not go together, or an option is for GeoTIFFs and they are none.
        SourceError: of the kind that says what is wrong.
    """
    if captured is not None and not DATE.fullmatch(captured):
        raise UsageError(f"{captured!r} is no capture date; write 2025, 2025-06 or 2025-06-30.")
    for path in paths:
        if not path.exists():
            raise SourceError(f"{path} does not exist.")
    tiffs = _tiffs(paths)
    if tiffs:
        # rasterio and pyproj are needed only by this source, and a serving install has neither
        from index.sources.geotiff import GeoTiffSource

        return GeoTiffSource(
            tiffs, footprint_m=footprint_m, size_px=size_px, stride_m=stride_m, cells=cells, captured=captured
        )
    if len(paths) != 1:
        raise UsageError("Several sources must all be GeoTIFFs (.tif, .tiff).")
    if stride_m is not None or captured is not None:
        raise UsageError("A stride, an overlap or a capture date goes with GeoTIFFs; listed tiles come ready cut.")
    return FolderSource(paths[0], footprint_m=footprint_m, size_px=size_px)


def _tiffs(paths: Sequence[Path]) -> list[Path]:
    """The GeoTIFFs meant by the paths; none if they mean something else."""
    if len(paths) == 1 and paths[0].is_dir() and not any(paths[0].glob("*.csv")):
        return sorted(path for path in paths[0].iterdir() if path.suffix.lower() in TIFF_SUFFIXES)
    return list(paths) if all(path.suffix.lower() in TIFF_SUFFIXES for path in paths) else []

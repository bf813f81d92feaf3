"""Which values of a raster are its colours, and how they become eight-bit RGB."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rasterio.enums import ColorInterp, Resampling
from rasterio.errors import RasterioError
from rasterio.io import DatasetReader

from models.errors import SourceError

RGB = (ColorInterp.red, ColorInterp.green, ColorInterp.blue)
OVERVIEW_PX = 1024
DARK_PERCENT, BRIGHT_PERCENT = 2.0, 98.0


@dataclass(frozen=True, slots=True)
class Colours:
    """Eight-bit values are taken as they are; wider ones are stretched linearly."""

    bands: tuple[int, ...]
    """Red, green and blue, or one band of grey or palette; counted from 1."""
    palette: NDArray[np.uint8] | None = None
    """(256, 3) RGB."""
    black: float = 0.0
    white: float = 255.0
    """Values that become 0 and 255; the same for all bands, which keeps the hue."""

    def to_rgb(self, values: NDArray[Any]) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
        """Give (H, W, 3) RGB and (H, W) whether each pixel is a number, from (bands, H, W)."""
        if self.palette is not None:
            return self.palette[values[0]], np.ones(values.shape[1:], dtype=np.bool_)
        finite = np.isfinite(values).all(axis=0)
        if values.dtype != np.uint8:
            share = (np.nan_to_num(values.astype(np.float32)) - self.black) / (self.white - self.black)
            values = np.rint(np.clip(share, 0.0, 1.0) * 255.0).astype(np.uint8)
        return np.broadcast_to(values.transpose(1, 2, 0), (*values.shape[1:], 3)), np.asarray(finite)


def choose_colours(path: Path, dataset: DatasetReader) -> Colours:
    """Take the bands marked red, green and blue; else the first three that are not alpha; else the first as grey.

    Values other than eight-bit ones (16-bit, float) are stretched from the 2nd to the 98th percentile of an overview
    of the whole file.

    Raises:
        SourceError: the values are no colours, or the file is damaged.
    """
    marks = dataset.colorinterp
    kinds = {np.dtype(kind) for kind in dataset.dtypes}
    if any(kind.kind not in "uif" for kind in kinds):
        raise SourceError(f"{path} holds {dataset.dtypes[0]} values, which are no colours. Use 8 or 16 bit RGB.")
    if marks[0] == ColorInterp.palette:
        return Colours((1,), _palette(path, dataset))
    plain = [band for band, mark in enumerate(marks, start=1) if mark != ColorInterp.alpha]
    if not plain:
        raise SourceError(f"{path} has an alpha band and no colours.")
    bands = tuple(marks.index(mark) + 1 for mark in RGB) if set(RGB) <= set(marks) else tuple(plain[:3])
    bands = bands if len(bands) == 3 else bands[:1]
    if dataset.dtypes[bands[0] - 1] == "uint8":
        return Colours(bands)
    return Colours(bands, None, *_stretch(path, dataset, bands))


def _palette(path: Path, dataset: DatasetReader) -> NDArray[np.uint8]:
    if dataset.dtypes[0] != "uint8":
        raise SourceError(f"{path} has a palette of {dataset.dtypes[0]}. Expand it with `gdal_translate -expand rgb`.")
    table = np.zeros((256, 3), dtype=np.uint8)
    for value, colour in dataset.colormap(1).items():
        table[value] = colour[:3]
    return table


def _stretch(path: Path, dataset: DatasetReader, bands: tuple[int, ...]) -> tuple[float, float]:
    step = max(1, math.ceil(max(dataset.width, dataset.height) / OVERVIEW_PX))
    shape = (math.ceil(dataset.height / step), math.ceil(dataset.width / step))
    try:
        values = dataset.read(bands, out_shape=(len(bands), *shape), resampling=Resampling.nearest)
        valid = dataset.dataset_mask(out_shape=shape) > 0
    except RasterioError as error:
        raise SourceError(f"{path} is damaged: {error}. Copy it again.") from error
    seen = values[:, valid & np.isfinite(values).all(axis=0)]
    if not seen.size:
        raise SourceError(f"{path} holds no imagery: every pixel is nodata.")
    black, white = (float(value) for value in np.percentile(seen, (DARK_PERCENT, BRIGHT_PERCENT)))
    return black, max(white, black + 1e-6)

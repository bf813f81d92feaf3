"""Pictures of noise on the ground, good in themselves, for tests of sources that are not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from rasterio.transform import Affine

from tests.index.made import square_transform, write_tif

UTM = "EPSG:32633"


def noise(size: int, bands: int = 3) -> np.ndarray:
    return np.random.default_rng(0).integers(1, 255, (bands, size, size), dtype=np.uint8)


def noise_tif(
    path: Path, size: int = 120, crs: str | None = UTM, transform: Affine | None = None, **options: object
) -> Path:
    path.parent.mkdir(exist_ok=True)
    where = transform or square_transform(UTM, 50.0, 15.0, size, 1.0)
    return write_tif(path, noise(size), where, crs, **options)

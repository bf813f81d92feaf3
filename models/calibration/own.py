"""Evidence from one's own photos: each has an aerial image, and all of those are the gallery."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from models.camera import Camera
from models.datasets.pairset import PairSet
from models.encoder import Encoder
from models.errors import DatasetError
from models.evaluation.embeddings import read_tile
from models.evaluation.evidence import CellEvidence
from models.evaluation.gallery import Gallery
from models.evaluation.queries import show
from models.evaluation.scoring import describe_photos, describe_tiles
from models.evaluation.settings import Settings
from models.evaluation.survey import Survey, grid_evidence
from models.geo import enu_m


def own_gallery(
    encoder: Encoder, pairs: PairSet, footprint_m: float | None = None, ground_resolution_m: float | None = None
) -> Gallery:
    """Describe the tiles, in metres around the middle of the photos.

    Args:
        encoder: the model.
        pairs: photos with positions.
        footprint_m: ground that is cut out of the aerial images; the bundle's when None.
        ground_resolution_m: metres a pixel of the images for which the pairs do not say.

    Raises:
        DatasetError: a photo has no position.
        ImageError: a file that is no usable picture.
    """
    positions = pairs.positions
    if positions is None or np.isnan(positions.ground).any():
        raise DatasetError(f"{pairs.name}: a calibration needs lat and lon of every photo.")
    view = encoder.manifest.aerial
    side_m = footprint_m or view.footprint_m
    settings = Settings(footprint_m=side_m, ground_resolution_m=ground_resolution_m)
    rows = describe_tiles(encoder, (read_tile(pairs, row, settings) for row in range(len(pairs.aerial))))
    cells = view.cells_over(side_m)
    x_m, y_m = enu_m(positions.aerial[:, 0], positions.aerial[:, 1], *_middle(pairs))
    return Gallery(rows, x_m, y_m, np.zeros((1, 2)) if cells is None else cells.offsets_m, side_m)


def own_evidence(encoder: Encoder, pairs: PairSet, gallery: Gallery, fov_deg: float | None = None) -> CellEvidence:
    """Hold the photos against the tiles with unknown heading; panoramas are cut to `fov_deg` where it is given."""
    if pairs.positions is None:
        raise DatasetError(f"{pairs.name}: a calibration needs lat and lon of every photo.")
    settings = Settings(orientation="unknown", fov_deg=fov_deg)
    fov_of: list[float] = []

    def shown(index: int) -> tuple[NDArray[np.uint8], Camera]:
        seen = show(pairs, index, settings, encoder.manifest)
        fov_of.append(seen.camera.fov_deg)
        return seen.pixels, seen.camera

    photos = describe_photos(encoder, map(shown, range(len(pairs))))
    x_m, y_m = enu_m(pairs.positions.ground[:, 0], pairs.positions.ground[:, 1], *_middle(pairs))
    return grid_evidence(Survey(photos, x_m, y_m, pairs.heading_deg, np.array(fov_of)), gallery)


def _middle(pairs: PairSet) -> tuple[float, float]:
    if pairs.positions is None:
        return 0.0, 0.0
    lat, lon = np.median(pairs.positions.ground, axis=0)
    return float(lat), float(lon)

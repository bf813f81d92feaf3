"""Evidence from sample cities: what a gallery says about photos taken in it, beside it, or in another city.

home, abroad = (CityBenchmark.render(seed, places=1000, extent_m=1500.0) for seed in (3001, 3002))
gallery = home.grid(encoder, stride_m=32.0)
survey, strangers = (Survey.take(encoder, city, Setting(90.0, "unknown")) for city in (home, abroad))
whole = grid_evidence(survey, gallery)
small = grid_evidence(survey, gallery.nearest(500, 750.0, 750.0))     # photos beyond these tiles are outside
outside = grid_evidence(strangers.abroad(), gallery)
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from models.background import background_rows, centre_and_spread
from models.columns import refine_shift, turned
from models.correlation import Spectra
from models.encoder import Encoder
from models.evaluation.benchmark import CityBenchmark
from models.evaluation.evidence import CellEvidence
from models.evaluation.gallery import Gallery
from models.evaluation.photographs import Setting
from models.evaluation.scoring import Float32s, Floats, Int64s, Photos

KEEP = 512


@dataclass(frozen=True, slots=True)
class Survey:
    """The photos of a city under one setting, described, and where and which way they were taken."""

    photos: Photos
    x_m: Floats
    y_m: Floats
    heading_deg: Floats
    fov_deg: Floats
    """(Q,) each, in the frame of the city."""

    @classmethod
    def take(cls, encoder: Encoder, city: CityBenchmark, setting: Setting) -> Survey:
        fov_deg = np.full(len(city.x_m), setting.fov_deg)
        return cls(city.describe(encoder, setting), city.x_m, city.y_m, city.heading_deg, fov_deg)

    def abroad(self) -> Survey:
        """The same photos, to be held against a gallery of another city, where they have no place."""
        nowhere = np.full(len(self.x_m), np.nan)
        return replace(self, x_m=nowhere, y_m=nowhere)


def grid_evidence(survey: Survey, gallery: Gallery, keep: int = KEEP) -> CellEvidence:
    """Give every photo's `keep` best cells of a gallery; see `CellEvidence` for the arrays.

    Args:
        survey: photos; those that no tile covers (`Gallery.covers`) count as taken outside.
        gallery: a grid, whole or a part of one, so that one rendering serves several sizes.
        keep: K, at most the number of cells.
    """
    photos, size = survey.photos, gallery.rows.shape[2]
    cells = gallery.rows.reshape(-1, size)
    spectra, sample = Spectra.of(cells, photos.columns), background_rows(len(cells))
    best = np.empty((len(photos), min(keep, len(cells))), np.int64)
    similarity, heading = np.empty(best.shape, np.float32), np.empty(best.shape)
    centre, spread = np.empty(len(photos), np.float32), np.empty(len(photos), np.float32)
    for members, turns in photos.groups():
        blocks = spectra.curves(photos.rows[members], turns)
        peaks = np.concatenate([curves.max(axis=0) for _, curves in blocks], axis=1)  # (B, N * C)
        centre[members], spread[members] = centre_and_spread(peaks[:, sample])
        for photo, peak in zip(members.tolist(), peaks, strict=True):
            best[photo] = _largest(peak, best.shape[1])
            curve = cells[best[photo]] @ turned(photos.rows[photo], turns, photos.columns).T  # (K, S)
            similarity[photo] = peak[best[photo]]
            heading[photo] = photos.heading_deg(photo, refine_shift(curve, turns, photos.columns))
    x, y = gallery.position_m(*np.divmod(best, len(gallery.offsets_m)))
    inside = gallery.covers(survey.x_m, survey.y_m)
    return CellEvidence(
        similarity=similarity * photos.scale[:, None].astype(np.float32),
        x_m=x,
        y_m=y,
        heading_deg=heading,
        background_mean=centre * photos.scale.astype(np.float32),
        background_std=spread * photos.scale.astype(np.float32),
        true_x_m=np.where(inside, survey.x_m, np.nan),
        true_y_m=np.where(inside, survey.y_m, np.nan),
        true_heading_deg=survey.heading_deg,
        fov_deg=survey.fov_deg,
        gallery_cells=gallery.cells,
        spacing_m=gallery.spacing_m,
    )


def _largest(values: Float32s, count: int) -> Int64s:
    """Indices of the largest values, falling; equal ones in their order."""
    kept = np.sort(np.argpartition(-values, count - 1)[:count])
    return kept[np.argsort(-values[kept], kind="stable")]

"""The sample-city benchmark: places of a city never trained on, seen from above and from the street.

Two galleries. *Centre*: one tile a place, the camera in its middle, which the protocol gives away: only the middle cell
of each tile is compared. *Grid*: tiles at a fixed stride over the whole city, the camera anywhere; all cells are
compared, a tile is as similar as its best one, and a hit is a tile whose centre lies within half a stride east-west and
north-south. The position error is measured from the best tile's best cell, the heading on the tile that is nearest.
Everything is drawn from the city's seed, so a figure can be had again.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from models.encoder import Encoder
from models.evaluation.gallery import Gallery
from models.evaluation.metrics import heading_error_deg, hit_ranks, ranks, recall
from models.evaluation.photographs import Photo, Setting, photograph_places
from models.evaluation.scoring import Photos, Scores, describe_photos, describe_tiles, score
from models.provenance import Accuracy
from models.sample_city import AerialView as CityFromAbove
from models.sample_city import Appearance, City, draw_places

HEADING_TOLERANCE_DEG = 15.0
EVALUATION_STREAM = 77
Floats = NDArray[np.float64]
Pixels = NDArray[np.uint8]


@dataclass
class CityBenchmark:
    """One city and its places; photos are rendered when first asked for and kept."""

    city: City
    seed: int
    x_m: Floats
    y_m: Floats
    heading_deg: Floats
    _photos: dict[Setting, list[Photo]] = field(default_factory=dict)

    @classmethod
    def render(cls, seed: int, places: int, extent_m: float, min_separation_m: float = 18.0) -> CityBenchmark:
        city = City.generate(seed, extent_m)
        rng = np.random.default_rng([EVALUATION_STREAM, seed])
        chosen = draw_places(city, places, rng, min_separation_m)
        return cls(city, seed, chosen.x_m, chosen.y_m, rng.uniform(0, 360, len(chosen.x_m)))

    def score(self, encoder: Encoder, settings: Sequence[Setting], stride_m: float | None = None) -> list[Accuracy]:
        """Measure a row of the table for every setting.

        Args:
            encoder: the model.
            settings: fields of view and orientations.
            stride_m: None for the centre gallery, otherwise the grid's stride in metres.
        """
        gallery = self.centres(encoder) if stride_m is None else self.grid(encoder, stride_m)
        return [
            self.summarise(score(self.describe(encoder, setting), gallery.rows), setting, gallery, stride_m)
            for setting in settings
        ]

    def compare(self, encoder: Encoder, setting: Setting) -> Scores:
        """Every photo of a setting against the centre gallery; photo i belongs to tile i."""
        return score(self.describe(encoder, setting), self.centres(encoder).rows)

    def describe(self, encoder: Encoder, setting: Setting) -> Photos:
        """Describe the photo of every place, in their order."""
        return describe_photos(encoder, self._photographs(setting))

    def take_photos(
        self, setting: Setting, seen_at: Callable[[Appearance], Appearance] = lambda moment: moment
    ) -> list[Photo]:
        """Render the photo of every place, in their order, without keeping it; `seen_at` as in `photograph_places`."""
        place = self.x_m, self.y_m, self.heading_deg
        return photograph_places(self.city, setting, *place, [EVALUATION_STREAM, self.seed, 3], seen_at=seen_at)

    def centres(self, encoder: Encoder) -> Gallery:
        """Describe one tile a place, by its middle cell."""
        return self._gallery(encoder, self.x_m, self.y_m, 0.0).middle()

    def grid(self, encoder: Encoder, stride_m: float) -> Gallery:
        """Describe tiles at a stride over the whole city, with all cells; rows from south to north, each from the west.

        The outermost centres may lie beyond the edge, so that every place has a tile that is right.
        """
        line = (np.arange(math.ceil(self.city.extent_m / stride_m - 1e-9)) + 0.5) * stride_m
        x, y = np.meshgrid(line, line)
        return self._gallery(encoder, x.ravel(), y.ravel(), stride_m)

    def _gallery(self, encoder: Encoder, x: Floats, y: Floats, stride_m: float) -> Gallery:
        rows = describe_tiles(encoder, self._tiles(x, y, encoder))
        return Gallery(rows, x, y, encoder.manifest.aerial.cell_offsets_m, stride_m)

    def summarise(self, scores: Scores, setting: Setting, gallery: Gallery, stride_m: float | None) -> Accuracy:
        """Turn the scores of a setting against a gallery into a row of the table; `stride_m` as in `score`."""
        queries = np.arange(len(self.x_m))
        dx, dy = gallery.x_m[None] - self.x_m[:, None], gallery.y_m[None] - self.y_m[:, None]
        if stride_m is None:
            rank, protocol = ranks(scores.similarity, queries), "sample-city-centre"
        else:
            right = (np.abs(dx) <= stride_m / 2) & (np.abs(dy) <= stride_m / 2)
            rank, protocol = hit_ranks(scores.similarity, right), f"sample-city-grid-{stride_m:g}m"
        shares = recall(rank, len(gallery))
        best = scores.similarity.argmax(axis=1)
        x, y = gallery.position_m(best, scores.cell[queries, best])
        error_m = np.hypot(x - self.x_m, y - self.y_m)
        off = heading_error_deg(scores.heading_deg[queries, np.hypot(dx, dy).argmin(axis=1)], self.heading_deg)
        searched = setting.orientation == "unknown" and np.unique(scores.heading_deg).size > 1
        return Accuracy(
            protocol=f"{protocol}, seed {self.seed}",
            gallery=len(gallery),
            queries=len(queries),
            fov_deg=setting.fov_deg,
            orientation=setting.orientation,
            recall_at_1=shares.recall_at_1,
            recall_at_5=shares.recall_at_5,
            recall_at_10=shares.recall_at_10,
            recall_at_1_percent=shares.recall_at_1_percent,
            median_error_m=None if stride_m is None else float(np.median(error_m)),
            heading_within_15_deg=float((off <= HEADING_TOLERANCE_DEG).mean()) if searched else None,
            heading_median_deg=float(np.median(off)) if searched else None,
        )

    def _tiles(self, x: Floats, y: Floats, encoder: Encoder) -> Iterator[Pixels]:
        view = encoder.manifest.aerial
        picture = CityFromAbove(self.city, Appearance.draw(np.random.default_rng([EVALUATION_STREAM, self.seed, 2])))
        for east, north in zip(x, y, strict=True):
            yield picture.tile(float(east), float(north), view.footprint_m, view.size_px)

    def _photographs(self, setting: Setting) -> list[Photo]:
        if setting not in self._photos:
            self._photos[setting] = self.take_photos(setting)
        return self._photos[setting]

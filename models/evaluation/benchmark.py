"""The sample-city benchmark: places of a city never trained on, seen from above and from the street.

Two galleries. *Centre*: one tile a place, the camera in its middle. *Grid*: tiles at a fixed stride over the whole
city, the camera anywhere; a hit is a tile whose centre lies within half a stride east-west and north-south.
Everything is drawn from the city's seed, so a figure can be had again.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from models.bundle import Accuracy
from models.camera import Camera
from models.encoder import Encoder
from models.evaluation.metrics import heading_error_deg, hit_ranks, ranks, recall
from models.evaluation.photographs import Setting, photograph_places
from models.evaluation.scoring import Scores, describe_tiles, score
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
    _photos: dict[Setting, list[tuple[Pixels, Camera]]] = field(default_factory=dict)

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
        x, y = (self.x_m, self.y_m) if stride_m is None else self._grid(stride_m)
        gallery = describe_tiles(encoder, self._tiles(x, y, encoder))
        return [
            self._summarise(score(encoder, self._photographs(setting), gallery), setting, x, y, stride_m)
            for setting in settings
        ]

    def compare(self, encoder: Encoder, setting: Setting) -> Scores:
        """Every photo of a setting against the centre gallery; photo i belongs to tile i."""
        gallery = describe_tiles(encoder, self._tiles(self.x_m, self.y_m, encoder))
        return score(encoder, self._photographs(setting), gallery)

    def _summarise(self, scores: Scores, setting: Setting, x: Floats, y: Floats, stride_m: float | None) -> Accuracy:
        queries = np.arange(len(self.x_m))
        dx, dy = x[None] - self.x_m[:, None], y[None] - self.y_m[:, None]
        error_m = np.hypot(dx, dy)
        if stride_m is None:
            rank, protocol = ranks(scores.similarity, queries), "sample-city-centre"
        else:
            right = (np.abs(dx) <= stride_m / 2) & (np.abs(dy) <= stride_m / 2)
            rank, protocol = hit_ranks(scores.similarity, right), f"sample-city-grid-{stride_m:g}m"
        shares = recall(rank, len(x))
        best = scores.similarity.argmax(axis=1)
        off = heading_error_deg(scores.heading_deg[queries, error_m.argmin(axis=1)], self.heading_deg)
        searched = setting.orientation == "unknown" and np.unique(scores.heading_deg).size > 1
        return Accuracy(
            protocol=f"{protocol}, seed {self.seed}",
            gallery=len(x),
            queries=len(queries),
            fov_deg=setting.fov_deg,
            orientation=setting.orientation,
            recall_at_1=shares.recall_at_1,
            recall_at_5=shares.recall_at_5,
            recall_at_10=shares.recall_at_10,
            recall_at_1_percent=shares.recall_at_1_percent,
            median_error_m=None if stride_m is None else float(np.median(error_m[queries, best])),
            heading_within_15_deg=float((off <= HEADING_TOLERANCE_DEG).mean()) if searched else None,
        )

    def _grid(self, stride_m: float) -> tuple[Floats, Floats]:
        line = np.arange(stride_m / 2, self.city.extent_m, stride_m)
        x, y = np.meshgrid(line, line)
        return x.ravel(), y.ravel()

    def _tiles(self, x: Floats, y: Floats, encoder: Encoder) -> Iterator[Pixels]:
        view = encoder.manifest.aerial
        picture = CityFromAbove(self.city, Appearance.draw(np.random.default_rng([EVALUATION_STREAM, self.seed, 2])))
        for east, north in zip(x, y, strict=True):
            yield picture.tile(float(east), float(north), view.footprint_m, view.size_px)

    def _photographs(self, setting: Setting) -> list[tuple[Pixels, Camera]]:
        if setting not in self._photos:
            seed = [EVALUATION_STREAM, self.seed, 3]
            self._photos[setting] = photograph_places(self.city, setting, self.x_m, self.y_m, self.heading_deg, seed)
        return self._photos[setting]

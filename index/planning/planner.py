"""From a source and a model to a plan: both are measured once, then any stride is arithmetic."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np

from index.planning.best_error import described_share, mean_error_m, worst_error_m
from index.planning.opening import OpenAt
from index.planning.plan import Imagery, Option, Plan, Speed
from index.planning.sample import measure_encoder, take_sample
from index.planning.sizes import Sizes, measure_table, possible
from index.planning.strides import all_strides, check_budget, coarsest_reaching, finest_within, shown_strides
from index.stores.profiles import Profile
from index.tiles import MOST_ENLARGEMENT, Bounds
from models.encoder import Encoder
from models.errors import UsageError
from models.geo import metres_per_degree

SLICES = 256


class Planner:
    """Measures a source and a model once, then says what any stride would give.

    Args:
        open_at: the source.
        encoder: with its aerial view.
        seconds: for each of the two measurements.
        workers: runs of the network at once; the number of cores when None.
        profile: what rows are searched by, for budgets.

    Raises:
        SourceError: the imagery cannot be used, for example because it is too coarse.
        NoTiles: none of its tiles can be used.
    """

    def __init__(
        self,
        open_at: OpenAt,
        encoder: Encoder,
        *,
        seconds: float,
        workers: int | None = None,
        profile: Profile = "exact",
    ) -> None:
        self._source, self._encoder, self._profile = open_at(None), encoder, profile
        view, usual_m = encoder.manifest.aerial, self._source.stride_m
        self._cells = view.cells_over(self._source.footprint_m)
        self._sample = take_sample(self._source, view, seconds)
        described = measure_encoder(encoder, self._sample.inputs, seconds, workers)
        self._speed = Speed(self._sample.tiles_per_s, described)
        table = measure_table(self._sample.tiles[0], usual_m or self._source.footprint_m)
        self._sizes = Sizes(view.cell_count, encoder.manifest.embedding.size, *table)
        self._count = cache(lambda stride_m: (self._source if stride_m is None else open_at(stride_m)).count)

    def plan(
        self, strides: Sequence[float] = (), budget_bytes: float | None = None, error_m: float | None = None
    ) -> Plan:
        """Lay out strides, and choose one.

        Args:
            strides: the only ones to look at; those around the usual one when empty.
            budget_bytes: room for the index: the finest stride that fits is chosen.
            error_m: mean error that a perfect retriever may have: the coarsest stride that reaches it is chosen.

        Raises:
            PlanImpossible: no stride does. UsageError: both were given, or a stride of tiles that come ready cut.
        """
        if budget_bytes is not None and error_m is not None:
            raise UsageError("Give --budget or --error, not both.")
        usual_m = self._source.stride_m
        if usual_m is None:
            chosen = self._choose_ready_cut(strides, budget_bytes, error_m)
            return self._plan((self.option(None),), chosen)
        footprint_m = self._source.footprint_m
        candidates = sorted(set(strides)) or all_strides(usual_m, footprint_m)
        shown = sorted(set(strides), reverse=True) or shown_strides(usual_m, footprint_m)
        chosen = None
        if budget_bytes is not None:
            stride_m = finest_within(budget_bytes, candidates, self._bytes, self._cells)
            chosen = self.option(stride_m)
        elif error_m is not None:
            chosen = self.option(coarsest_reaching(error_m, candidates, self._cells))
        return self._plan(tuple(self.option(stride_m) for stride_m in shown), chosen)

    def option(self, stride_m: float | None) -> Option:
        """Say what an index at one stride costs; None is that of the source."""
        tiles, cells = self._count(stride_m), self._cells
        return Option(
            stride_m=stride_m,
            tiles=tiles,
            bytes={profile: self._sizes.index_bytes(tiles, profile) for profile in possible(self._sizes.values)},
            build_bytes=self._sizes.build_bytes(tiles),
            embed_s=tiles / self._speed.described,
            build_s=self._speed.seconds(tiles),
            mean_error_m=None if stride_m is None else mean_error_m(stride_m, cells),
            worst_error_m=None if stride_m is None else worst_error_m(stride_m, cells),
            described_share=1.0 if stride_m is None else described_share(stride_m, cells),
        )

    def _bytes(self, stride_m: float | None) -> int:
        return self._sizes.index_bytes(self._count(stride_m), self._profile)

    def _choose_ready_cut(
        self, strides: Sequence[float], budget_bytes: float | None, error_m: float | None
    ) -> Option | None:
        if strides or error_m is not None:
            raise UsageError(
                f"{self._source.name} come ready cut: their distance is what it is, so there is no stride to choose "
                "and no error to reach. Only --budget can be answered."
            )
        if budget_bytes is None:
            return None
        check_budget(budget_bytes, self._bytes(None), "these tiles")
        return self.option(None)

    def _covered_km2(self, most_km2: float | None) -> float | None:
        """Tiles times the ground of each, which is no more than the box around all."""
        if self._source.stride_m is None:
            return None
        covered = self._count(None) * self._source.stride_m**2 / 1e6
        return covered if most_km2 is None else min(covered, most_km2)

    def _plan(self, options: tuple[Option, ...], chosen: Option | None) -> Plan:
        source, view, sample = self._source, self._encoder.manifest.aerial, self._sample
        resolution_m = [tile.ground_resolution_m for tile in sample.tiles]
        wanted_m = source.footprint_m / view.size_px
        box = None if source.bounds is None else box_km2(source.bounds)
        return Plan(
            source=source.name,
            model=self._encoder.manifest.title,
            footprint_m=source.footprint_m,
            cells=self._cells,
            area_km2=self._covered_km2(box),
            box_km2=box,
            imagery=Imagery(min(resolution_m), max(resolution_m), wanted_m, wanted_m * MOST_ENLARGEMENT),
            speed=self._speed,
            sampled=len(sample.tiles),
            sampled_bad=len(sample.bad),
            usual_stride_m=source.stride_m,
            options=options,
            chosen=chosen,
            notices=source.notices,
        )


def box_km2(box: Bounds) -> float:
    """Give the area of a box on the ellipsoid."""
    lat = box.south + (np.arange(SLICES) + 0.5) * (box.north - box.south) / SLICES
    north_m, east_m = metres_per_degree(lat)
    return float((north_m * east_m).mean() * (box.north - box.south) * box.width_deg / 1e6)

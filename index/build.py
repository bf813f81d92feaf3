"""Building an index: a source's tiles in, one published generation out."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from index.gathering import Progress
from index.imagery import ImageryWish
from index.job import BATCH, MAX_BAD_RATIO, BuildReport, Order, Run, run_job
from index.manifest import NAME_PATTERN, IndexManifest, SearchProfile
from index.stores.profiles import Profile
from index.table import TileTable
from index.tiles import TileSource, union
from index.workspace import Settings
from models.encoder import CUDA, Encoder
from models.errors import UsageError

__all__ = ["BATCH", "MAX_BAD_RATIO", "BuildReport", "Progress", "Run", "build_index"]


def build_index(
    source: TileSource,
    encoder: Encoder,
    out: Path,
    *,
    name: str,
    attribution: str | None = None,
    licence: str = "",
    profile: Profile = "exact",
    thumbnails: bool = False,
    batch: int | None = None,
    workers: int | None = None,
    max_bad_ratio: float | None = None,
    on_progress: Callable[[Progress], None] | None = None,
    run: Run | None = None,
) -> BuildReport:
    """Embed every tile of a source and publish the result as the next generation of an index.

    The same source, encoder and batch give the same vectors, table and probes, byte for byte, however often the build
    was interrupted and run again.

    Args:
        source: tiles; bad ones are listed in the index's quarantine.csv and left out.
        encoder: the model.
        out: the index folder; created, or given one generation more.
        name: of the index: letters, digits, dot, underscore, hyphen.
        attribution: of the imagery; None takes the source's own.
        licence: of the imagery.
        profile: how the index will be searched.
        thumbnails: keep pictures of the imagery, for the page of the service.
        batch, workers, max_bad_ratio, on_progress: instead of those of `run`, where given.
        run: how to go about it.

    Raises:
        As `run_job`, and UsageError for a name that is none.
    """
    if not re.fullmatch(NAME_PATTERN, name):
        raise UsageError(f"{name!r} cannot name an index: use letters, digits, dot, underscore and hyphen.")
    credit = source.attribution if attribution is None else attribution
    said = {"batch": batch, "workers": workers, "max_bad_ratio": max_bad_ratio, "on_progress": on_progress}
    chosen: dict[str, Any] = {key: value for key, value in said.items() if value is not None}
    run = replace(run or Run(), **chosen)
    wanted = None if profile == "exact" else SearchProfile(kind=profile)

    def describe(table: TileTable, generation: int, created: str) -> IndexManifest:
        return describe_index(source, encoder, table, generation, created).model_copy(
            update={"name": name, "attribution": credit, "licence": licence, "profile": wanted}
        )

    settings: Settings = {"job": "build", "name": name, "attribution": credit, "licence": licence}
    if wanted is not None:
        settings["profile"] = wanted.kind
    if thumbnails:
        settings["thumbnails"] = True
    settings |= source_settings(source) | model_settings(encoder, run)
    wish = ImageryWish() if thumbnails else None
    return run_job(lambda: Order(settings, source, encoder, describe, source.footprint_m, imagery=wish), out, run)


def source_settings(source: TileSource) -> Settings:
    """What tells one source from another without reading it; a resumed job holds every tile against it besides."""
    return {
        "source": source.name,
        "tiles": source.count,
        "bounds": None if source.bounds is None else list(source.bounds),
        "footprint_m": source.footprint_m,
        "stride_m": source.stride_m,
    }


def model_settings(encoder: Encoder, run: Run) -> Settings:
    """What else decides the bytes of an index."""
    return {
        "model": f"{encoder.manifest.title} {encoder.sha256}",
        "preprocessing": encoder.manifest.preprocessing_sha256,
        "batch": run.batch or ("measured" if encoder.provider == CUDA else BATCH),
        "shard_tiles": run.shard_tiles,
    }


def describe_index(
    source: TileSource, encoder: Encoder, table: TileTable, generation: int, created: str
) -> IndexManifest:
    """Say what the rows are; the rest is up to the caller."""
    model = encoder.manifest
    return IndexManifest(
        name="index",
        generation=generation,
        created=created,
        model_sha256=encoder.sha256,
        model_title=model.title,
        model_label=model.label,
        preprocessing_sha256=model.preprocessing_sha256,
        embedding=model.embedding,
        cells=model.aerial.cells_over(source.footprint_m),
        count=len(table),
        footprint_m=source.footprint_m,
        stride_m=source.stride_m,
        ground_resolution_m=float(np.median(table.ground_resolution_m)),
        bounds=source.bounds or union(table.bounds(row) for row in range(len(table))),
        source=source.name,
        attribution="",
    )

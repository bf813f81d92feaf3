"""The index job: tiles in, one published generation out."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from index.harvest import Describer, Harvest
from index.manifest import NAME_PATTERN, IndexManifest
from index.producer import Prepared, produce
from index.publish import lock_root, next_generation, publish, write_quarantine
from index.table import TileTable
from index.tiles import Bounds, TileSource, union
from models.encoder import Encoder
from models.errors import NoTiles, TooManyBadTiles, UsageError

BATCH = 1
"""On a CPU larger batches do not pay (`make bench` prints the ratio)."""
GROUP_TILES = 64
"""Tiles handed out to the workers together; fewer leave them waiting for each other."""
MAX_BAD_RATIO = 0.01
REFUSED = "refused-tiles.csv"


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a build has come; `total` is an estimate."""

    indexed: int
    quarantined: int
    total: int


@dataclass(frozen=True, slots=True)
class BuildReport:
    """What a build published."""

    path: Path
    """The folder of the new generation."""
    title: str
    count: int
    quarantined: int
    seconds: float
    tiles_per_s: float
    bounds: Bounds
    notices: tuple[str, ...]


def build_index(
    source: TileSource,
    encoder: Encoder,
    out: Path,
    *,
    name: str,
    attribution: str | None = None,
    licence: str = "",
    batch: int = BATCH,
    workers: int | None = None,
    max_bad_ratio: float = MAX_BAD_RATIO,
    on_progress: Callable[[Progress], None] | None = None,
) -> BuildReport:
    """Embed every tile of a source and publish the result as the next generation of an index.

    The same source, encoder and batch give the same vectors, table and probes, byte for byte.

    Args:
        source: tiles; bad ones are listed in the index's quarantine.csv and left out.
        encoder: the model.
        out: the index folder; created, or given one generation more.
        name: of the index: letters, digits, dot, underscore, hyphen.
        attribution: of the imagery; None takes the source's own.
        licence: of the imagery.
        batch: tiles in one run of the network.
        workers: runs at once; the number of cores when None.
        max_bad_ratio: share of bad tiles that is put up with; see `Harvest.check`.
        on_progress: called every few batches.

    Raises:
        NoTiles: nothing good was found. TooManyBadTiles: more than `max_bad_ratio`. OutputError: `out` cannot be
        written to, or another builder is at work there. Nothing is published by any failure; after the first two
        the bad tiles are listed in `out`/refused-tiles.csv.
    """
    if not re.fullmatch(NAME_PATTERN, name):
        raise UsageError(f"{name!r} cannot name an index: use letters, digits, dot, underscore and hyphen.")
    started = time.monotonic()
    with lock_root(out):
        harvest = Harvest()
        try:
            with ThreadPoolExecutor(workers or os.cpu_count() or 1, "describe") as pool:
                _collect(source, harvest, Describer(encoder, batch, pool), max_bad_ratio, on_progress)
        except (NoTiles, TooManyBadTiles):
            write_quarantine(out / REFUSED, harvest.bad)
            raise
        vectors, table = harvest.sorted(source.footprint_m)
        manifest = _describe(source, encoder, table, name, next_generation(out))
        credit = source.attribution if attribution is None else attribution
        manifest = manifest.model_copy(
            update={"quarantined": len(harvest.bad), "attribution": credit, "licence": licence}
        )
        path = publish(out, manifest, vectors, table, harvest.bad)
        (out / REFUSED).unlink(missing_ok=True)
    seconds = time.monotonic() - started
    return BuildReport(
        path=path,
        title=manifest.title,
        count=len(vectors),
        quarantined=len(harvest.bad),
        seconds=round(seconds, 3),
        tiles_per_s=round(len(vectors) / seconds, 1),
        bounds=manifest.bounds,
        notices=source.notices,
    )


def _collect(
    source: TileSource,
    harvest: Harvest,
    describer: Describer,
    max_bad_ratio: float,
    on_progress: Callable[[Progress], None] | None,
) -> None:
    """Stream a source through the encoder; stop early once the bad tiles can no longer be few enough."""
    waiting: list[Prepared] = []
    expected = source.count

    def flush() -> None:
        if waiting:
            harvest.embed(waiting, describer)
            waiting.clear()
        if on_progress is not None:
            on_progress(Progress(len(harvest.tiles), len(harvest.bad), expected))

    group = max(GROUP_TILES, 2 * describer.batch)
    with produce(source, describer.encoder.manifest.aerial, ahead=2 * group) as items:
        for item in items:
            prepared = harvest.admit(item)
            if prepared is None:
                harvest.check(max_bad_ratio, expected=expected)
                continue
            waiting.append(prepared)
            if len(waiting) == group:
                flush()
        flush()
    harvest.check_some()
    harvest.check(max_bad_ratio)


def _describe(source: TileSource, encoder: Encoder, table: TileTable, name: str, generation: int) -> IndexManifest:
    """Say what the rows are; the rest is up to the caller."""
    model = encoder.manifest
    return IndexManifest(
        name=name,
        generation=generation,
        created=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
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

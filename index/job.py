"""The index job: gather shards, put them together, publish. Killed at any moment, it goes on where it was."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Protocol

import numpy as np

from index.assembly import Assembly, Part, assemble
from index.bundle import open_index, resolve_generation
from index.describer import Describer, cores, row_shape
from index.engines.describing import Describing, Engine
from index.gathering import Gathering, Known, Nothing, Pace, Place, Progress
from index.generations import KEEP, collect_generations
from index.harvest import Tally
from index.imagery import ImageryWish, finest_zoom, paint_all
from index.manifest import Imagery, IndexManifest, read_index_manifest
from index.measuring import Way, measure
from index.publish import lock_root, next_generation, point_to, publish, write_quarantine
from index.table import TileTable
from index.tiles import BadTile, Bounds, TileSource
from index.workspace import Settings, Workspace
from models.disk import DISK, Disk
from models.encoder import CUDA, Encoder
from models.errors import DiskFull, NoTiles, TooManyBadTiles

BATCH = 1
"""On a CPU larger batches do not pay (`make bench` prints the ratio)."""
MAX_BAD_RATIO = 0.01
SHARD_TILES = 4096
MEASURE_FROM = 512
"""Tiles from which a measurement of threads is worth its time."""
REFUSED = "refused-tiles.csv"
ROOM = 1.3
"""Free space wanted, as a multiple of what is expected to be written."""
TILE_BYTES = 600
"""A tile's entry in a shard and in the table, generously."""


@dataclass(frozen=True, slots=True)
class Run:
    """How a job goes about its work. Nothing here but `batch` has an influence on what is published.

    With batches of more than one, rows may differ in the last bit between a build and an update that both hold them.
    """

    batch: int | None = None
    """Tiles in one run of the network; when None 1 on a CPU, on a GPU what was measured when the job began."""
    workers: int | None = None
    """Runs of the network at once; measured when None."""
    engine: Engine | None = None
    """Who describes tiles in place of this process."""
    max_bad_ratio: float = MAX_BAD_RATIO
    """Share of bad tiles that is put up with; see `Tally.check`."""
    shard_tiles: int = SHARD_TILES
    """Tiles after which what is done is kept."""
    keep: int = KEEP
    """Generations that are left in the index folder."""
    restart: bool = False
    """Throw unfinished work away."""
    on_progress: Callable[[Progress], None] | None = None
    stopped: Callable[[], bool] | None = None
    """Asked between tiles whether to stop."""
    disk: Disk = DISK


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be made of which tiles."""

    settings: Settings
    """Whatever decides the result, for the journal."""
    source: TileSource | None
    """Tiles to walk through; None if all are at hand."""
    encoder: Encoder | None
    """What describes them."""
    describe: Callable[[TileTable, int, str], IndexManifest]
    """(table, generation, time of creation) -> manifest, but for the files and the count of bad tiles."""
    footprint_m: float
    kept: Sequence[Part] = ()
    """Tiles that are taken over without being looked at."""
    kept_bad: Sequence[BadTile] = ()
    taken: dict[str, Place] = field(default_factory=dict)
    """Where the kept tiles are, by id."""
    known: Known = field(default_factory=Nothing)
    """Rows that may be taken over."""
    current: Current | None = None
    """The generation that stays where nothing would change."""
    imagery: ImageryWish | None = None
    """Pictures of the imagery that shall be kept."""


class Current(Protocol):
    """A published generation."""

    @property
    def folder(self) -> Path: ...

    def is_same(self, assembly: Assembly, bad: Sequence[BadTile], manifest: IndexManifest) -> bool:
        """Whether a generation of this would hold what this one does."""


@dataclass(frozen=True, slots=True)
class BuildReport:
    """What a build published."""

    path: Path
    """The folder of the new generation, or of the one that stays."""
    title: str
    count: int
    quarantined: int
    seconds: float
    tiles_per_s: float
    """Of the tiles described now."""
    bounds: Bounds
    notices: tuple[str, ...]
    resumed: int = 0
    """Tiles that were not described now: of an interrupted run, or taken over from the old generation."""
    way: Way = field(default_factory=lambda: Way(1))
    """How the network was run."""
    unchanged: bool = False
    """Whether nothing was published, as a new generation would have been the same as the current one."""


def run_job(make_order: Callable[[], Order], root: Path, run: Run) -> BuildReport:
    """Make and publish the next generation of an index, or finish the one that was begun.

    Args:
        make_order: says what is to be made; called when nobody else can change the index any more.
        root: the index folder.
        run: how.

    Raises:
        OutputBusy: another builder is at work in `root`. OutputUnfinished: the unfinished work there is another job's.
        NoTiles: nothing good was found. TooManyBadTiles: more than `run.max_bad_ratio`. In both cases the bad tiles
            are listed in `root`/refused-tiles.csv.
        DiskFull: there is no room. OutputUnwritable: `root` cannot be written to.
        SourceChanged, SourceUnavailable, JobStopped: see Gathering. ExecutorUnavailable, WorkerRefused: see Engine.
        Nothing is published by any failure.
    """
    started, done = time.monotonic(), _Done()
    with lock_root(root, run.disk):
        order = make_order()
        fresh = {"generation": next_generation(root), "created": _now(), "batch": _choose_batch(order, run)}
        work = Workspace(root, order.settings, fresh, run.disk, run.restart)
        target = root / f"gen-{work.begun['generation']}"
        try:
            if not target.exists():
                done = _gather(order, work, root, run)
                target = _publish(order, work, done, root, run.disk)
        except BaseException:
            if not work.shards:  # there is nothing that a next run could use
                with suppress(OSError):
                    work.discard()
            raise
        unchanged = order.current is not None and target == order.current.folder
        if not unchanged:
            open_index(target, load="map")
            point_to(root, target.name, run.disk)
        if (root / REFUSED).exists():
            run.disk.remove(root / REFUSED)
        work.discard()
        collect_generations(root, run.keep, run.disk)
    manifest = read_index_manifest(target)
    seconds = time.monotonic() - started
    return BuildReport(
        path=target,
        title=manifest.title,
        count=manifest.count,
        quarantined=manifest.quarantined,
        seconds=round(seconds, 3),
        tiles_per_s=round(done.described / seconds, 1),
        bounds=manifest.bounds,
        notices=() if order.source is None else order.source.notices,
        resumed=manifest.count - done.described,
        way=done.way,
        unchanged=unchanged,
    )


@dataclass(slots=True)
class _Done:
    """What came of walking through the source."""

    tally: Tally = field(default_factory=Tally)
    described: int = 0
    way: Way = field(default_factory=lambda: Way(1))


def _gather(order: Order, work: Workspace, root: Path, run: Run) -> _Done:
    done, encoder = _Done(), order.encoder
    _check_room(order, work, root, run.disk)
    if order.source is None or encoder is None:
        return done
    batch = int(work.begun.get("batch", run.batch or BATCH))
    with _describing(order.source, encoder, batch, run) as (describer, done.way):
        pace = Pace(batch, done.way.workers, run.shard_tiles, run.max_bad_ratio, run.on_progress, run.stopped)
        gathering = Gathering(order.source, describer, work, order.known, order.taken, pace)
        try:
            done.tally = gathering.run()
            if not order.kept:
                done.tally.check_some()
        except (NoTiles, TooManyBadTiles) as error:
            write_quarantine(root / REFUSED, gathering.tally.bad, run.disk)
            if isinstance(error, NoTiles):
                work.discard()
            raise
    done.described = gathering.described
    return done


@contextmanager
def _describing(source: TileSource, encoder: Encoder, batch: int, run: Run) -> Iterator[tuple[Describing, Way]]:
    """Give what describes, and how it is run."""
    if run.engine is not None:
        with run.engine.open(encoder, batch) as (describer, workers):
            yield describer, Way(workers, batch=batch)
        return
    way = Way(run.workers or cores(), batch=batch)
    if run.workers is None and source.count >= MEASURE_FROM:
        way, encoder = measure(encoder, batch)
    with ThreadPoolExecutor(way.workers, "describe") as pool:
        yield Describer(encoder, batch, pool), way


def _choose_batch(order: Order, run: Run) -> int:
    """Measured on a GPU only: it decides the last bits of rows, and is kept for as long as the job is not done."""
    encoder, source = order.encoder, order.source
    if run.batch or encoder is None or source is None or encoder.provider != CUDA or run.engine is not None:
        return run.batch or BATCH
    return measure(encoder, workers=run.workers)[0].batch if source.count >= MEASURE_FROM else BATCH


def _publish(order: Order, work: Workspace, done: _Done, root: Path, disk: Disk) -> Path:
    """Publish what was gathered, unless it is what the current generation holds; give the folder of either."""
    parts: list[Part] = [part for part in (*order.kept, *work.shards) if len(part.tiles)]
    if not parts:
        raise NoTiles("No tile would be left in the index.")
    assembly = assemble(parts, order.footprint_m)
    bad = [*order.kept_bad, *done.tally.bad]
    manifest = order.describe(assembly.table, work.begun["generation"], work.begun["created"])
    manifest = manifest.model_copy(update={"quarantined": len(bad)})
    current = order.current
    if current is not None and current.folder == resolve_generation(root) and current.is_same(assembly, bad, manifest):
        return current.folder
    paint = None if order.imagery is None else partial(_paint, order, order.imagery, assembly.table, disk)
    return publish(root, manifest, assembly, bad, disk, paint)


def _paint(order: Order, wish: ImageryWish, table: TileTable, disk: Disk, path: Path) -> Imagery | None:
    """Walk through the source once more, for people's eyes; what was kept keeps the pictures of before."""
    zoom = wish.previous_zoom
    if zoom is None:
        resolution_m = float(np.median(table.ground_resolution_m))
        seen_m = order.footprint_m / order.encoder.manifest.aerial.size_px if order.encoder else 0.0
        zoom = finest_zoom(float(np.median(table.lat)), resolution_m, seen_m)
    if order.source is None:
        return paint_all((), (), wish, zoom, path, disk)
    return paint_all(order.source, set(table.id), wish, zoom, path, disk, order.source.bounds)


def _check_room(order: Order, work: Workspace, root: Path, disk: Disk) -> None:
    """Raise DiskFull unless the shards that are missing and the generation will probably fit."""
    expected = 0 if order.source is None else order.source.count
    missing = max(0, expected - sum(shard.items for shard in work.shards))
    kept = sum(len(part.tiles) for part in order.kept)
    row_bytes = TILE_BYTES + 2 * math.prod(row_shape(order.encoder) if order.encoder else order.kept[0].rows.shape[1:])
    needed = int(ROOM * row_bytes * (missing + expected + kept))
    free = disk.free_bytes(root)
    if free < needed:
        raise DiskFull(
            f"{root} has {free / 1e6:,.3f} MB free; {expected + kept} tiles need about {needed / 1e6:,.3f} MB while "
            "the index is built. Free some room, choose another disk, or larger strides."
        )


def _now() -> str:
    """RFC 3339, UTC; SOURCE_DATE_EPOCH stands in for the clock where a build is to be had again to the byte."""
    epoch = os.environ.get("SOURCE_DATE_EPOCH", "")
    when = datetime.fromtimestamp(int(epoch), UTC) if epoch.isdigit() else datetime.now(UTC)
    return when.strftime("%Y-%m-%dT%H:%M:%SZ")

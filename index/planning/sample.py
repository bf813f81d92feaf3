"""A short measurement on this machine: how fast tiles are cut from a source, and how fast a network describes them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from index.describer import cores
from index.tiles import BadTile, Tile, TileSource, check_not_blank
from models.bundle import AerialView
from models.encoder import Encoder
from models.errors import NoTiles, TileBlank
from models.preprocess import aerial_input

MOST_TILES, LEAST_TILES = 4096, 9
KEPT_TILES = 16
"""With their pixels, for the network."""
NO_PIXELS: NDArray[np.uint8] = np.empty((0, 0, 3), dtype=np.uint8)
Float32s = NDArray[np.float32]
Clock = Callable[[], float]


@runtime_checkable
class SpreadSource(Protocol):
    """A source that can give tiles from all over its imagery."""

    def spread(self) -> Iterator[Tile | BadTile]: ...


@dataclass(slots=True)
class Sample:
    """Some tiles of a source."""

    tiles: list[Tile] = field(default_factory=list)
    """Without their pixels."""
    inputs: list[Float32s] = field(default_factory=list)
    """(1, 3, S, S) each, normalised, of the first few."""
    bad: list[BadTile] = field(default_factory=list)
    tiles_per_s: float | None = None
    """Read, cut and scaled, by one thread; None where the source has one tile."""

    def take(self, tile: Tile | BadTile, view: AerialView) -> None:
        if isinstance(tile, BadTile):
            self.bad.append(tile)
            return
        try:
            check_not_blank(tile.pixels)
        except TileBlank as error:
            self.bad.append(BadTile(tile.id, error.code, str(error)))
            return
        pixels = aerial_input(tile.pixels, view)
        if len(self.inputs) < KEPT_TILES:
            self.inputs.append(pixels[None])
        self.tiles.append(replace(tile, pixels=NO_PIXELS, seen=None))


def take_sample(source: TileSource, view: AerialView, seconds: float, clock: Clock = time.monotonic) -> Sample:
    """Cut tiles until the time is up and some were seen, or at most a few thousand: from all over the imagery.

    Sources that cannot say which those are give their first ones. The first tile also pays for opening files and
    reading a block of them, so the clock starts after it.

    Raises:
        NoTiles: none of them is good.
    """
    sample, seen, started, elapsed = Sample(), 0, 0.0, 0.0
    for seen, tile in enumerate(
        islice(source.spread() if isinstance(source, SpreadSource) else source, MOST_TILES), start=1
    ):
        sample.take(tile, view)
        if seen == 1:
            started = clock()
            continue
        elapsed = clock() - started
        if sample.tiles and seen >= LEAST_TILES and elapsed >= seconds:
            break
    if not sample.tiles:
        first = f"{sample.bad[0].id}: {sample.bad[0].reason}" if sample.bad else "it is empty."
        raise NoTiles(f"None of {seen} tiles of the source can be indexed. {first}")
    sample.tiles_per_s = None if seen == 1 else (seen - 1) / max(elapsed, 1e-9)
    return sample


def measure_encoder(
    encoder: Encoder,
    inputs: Sequence[Float32s],
    seconds: float,
    workers: int | None = None,
    clock: Clock = time.monotonic,
) -> float:
    """Give the tiles a second that a network describes, one a run and `workers` at once, as a build does.

    Args:
        encoder: the model.
        inputs: (1, 3, S, S) each, at least one; used again and again.
        seconds: to go on for, after a first run that does not count.
        workers: runs at once; the number of cores when None.
    """
    workers = workers or cores()
    group = [inputs[n % len(inputs)] for n in range(2 * workers)]
    with ThreadPoolExecutor(workers, "describe") as pool:
        list(pool.map(encoder.aerial, group[:workers]))
        done, elapsed, started = 0, 0.0, clock()
        while elapsed < seconds or not done:
            list(pool.map(encoder.aerial, group))
            done += len(group)
            elapsed = clock() - started
    return done / max(elapsed, 1e-9)

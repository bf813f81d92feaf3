"""Cutting and scaling tiles in a thread of its own, while the network is busy with the ones before."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from index.tiles import BadTile, Tile, TileSource, check_not_blank
from models.bundle import AerialView
from models.errors import TileBlank
from models.preprocess import aerial_input

POLL_S = 0.1
NO_PIXELS: NDArray[np.uint8] = np.empty((0, 0, 3), dtype=np.uint8)


@dataclass(frozen=True, slots=True)
class Prepared:
    """A tile ready for aerial.onnx."""

    tile: Tile
    """Without its pixels, which are no longer needed."""
    pixels: NDArray[np.float32]
    """(3, S, S), normalised."""


Item = Prepared | BadTile


@contextmanager
def produce(source: TileSource, view: AerialView, ahead: int) -> Iterator[Iterator[Item]]:
    """Walk through a source in a thread, at most `ahead` tiles before the reader.

    Whatever the source raises is raised to the reader. Leaving the block stops the thread.
    """
    waiting: queue.Queue[Item | Exception | None] = queue.Queue(maxsize=ahead)
    stopped = threading.Event()

    def put(item: Item | Exception | None) -> None:
        while not stopped.is_set():
            try:
                waiting.put(item, timeout=POLL_S)
            except queue.Full:
                continue
            break

    def walk() -> None:
        try:
            for tile in source:
                put(_prepare(tile, view))
                if stopped.is_set():
                    return
            put(None)
        except Exception as error:  # a thread's outermost loop: the reader raises it
            put(error)

    thread = threading.Thread(target=walk, name="tiles", daemon=True)
    thread.start()
    try:
        yield _drain(waiting)
    finally:
        stopped.set()
        thread.join()


def _drain(waiting: queue.Queue[Item | Exception | None]) -> Iterator[Item]:
    while (item := waiting.get()) is not None:
        if isinstance(item, Exception):
            raise item
        yield item


def _prepare(tile: Tile | BadTile, view: AerialView) -> Item:
    if isinstance(tile, BadTile):
        return tile
    try:
        check_not_blank(tile.pixels)
    except TileBlank as error:
        return BadTile(tile.id, error.code, str(error))
    return Prepared(replace(tile, pixels=NO_PIXELS), aerial_input(tile.pixels, view))

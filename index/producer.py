"""Cutting and scaling tiles in a thread of its own, while the network is busy with the ones before."""

from __future__ import annotations

import hashlib
import queue
import threading
from collections.abc import Callable, Iterator
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
NO_INPUT: NDArray[np.float32] = np.empty((3, 0, 0), dtype=np.float32)
DIGEST_BYTES = 16


@dataclass(frozen=True, slots=True)
class Prepared:
    """A tile ready for aerial.onnx."""

    tile: Tile
    """Without its pixels, which are no longer needed."""
    pixels: NDArray[np.float32]
    """(3, S, S), normalised; empty unless `wanted`."""
    digest: str
    """Of the pixels it was cut from; two tiles with the same one have the same description."""
    wanted: bool = True


Item = Prepared | BadTile
Wanted = Callable[[int, str, str], bool]
"""(number in the source, id, digest) -> whether the tile has to be described."""


def describe_all(number: int, identifier: str, digest: str) -> bool:  # noqa: ARG001
    return True


@contextmanager
def produce(
    source: TileSource, view: AerialView, ahead: int, wanted: Wanted = describe_all
) -> Iterator[Iterator[Item]]:
    """Walk through a source in a thread, at most `ahead` tiles before the reader; tiles not `wanted` are not scaled.

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
            for number, tile in enumerate(source):
                put(prepare(number, tile, view, wanted))
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


def prepare(number: int, tile: Tile | BadTile, view: AerialView, wanted: Wanted) -> Item:
    """Look at a tile, and make it ready for the network if it is wanted."""
    if isinstance(tile, BadTile):
        return tile
    try:
        check_not_blank(tile.pixels)
    except TileBlank as error:
        return BadTile(tile.id, error.code, str(error))
    digest, bare = pixel_digest(tile.pixels), replace(tile, pixels=NO_PIXELS)
    if not wanted(number, tile.id, digest):
        return Prepared(bare, NO_INPUT, digest, wanted=False)
    return Prepared(bare, aerial_input(tile.pixels, view), digest)


def pixel_digest(pixels: NDArray[np.uint8]) -> str:
    """BLAKE2b of an image, (H, W, 3), and of its shape, in hex."""
    digest = hashlib.blake2b(repr(pixels.shape).encode(), digest_size=DIGEST_BYTES)
    digest.update(np.ascontiguousarray(pixels).data)
    return digest.hexdigest()

"""Cutting and scaling tiles in threads of their own, while the network is busy with the ones before."""

from __future__ import annotations

import hashlib
import queue
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from index.describer import cores
from index.tiles import BadTile, Piece, PieceSource, Tile, TileSource, check_not_blank
from models.bundle import AerialView
from models.errors import TileBlank
from models.preprocess import aerial_input

POLL_S = 0.1
PIECE_TILES = 16
"""Tiles of a piece, about."""
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
    source: TileSource, view: AerialView, ahead: int, wanted: Wanted = describe_all, workers: int | None = None
) -> Iterator[Iterator[Item]]:
    """Walk through a source in a thread, and make what it gives ready in others; tiles not `wanted` are not scaled.

    Args:
        source: its tiles come in its order. Those of a PieceSource are cut in the others too.
        view: input of the network.
        ahead: about so many tiles before the reader, and a piece for each of the others.
        wanted: asked from several threads at once.
        workers: how many others; by default a quarter of the cores, as describing needs most of them.

    Whatever the source raises is raised to the reader. Leaving the block stops the threads.
    """
    workers = workers or 1 + cores() // 4
    most = ahead + PIECE_TILES * workers
    room, stopped = threading.Semaphore(most), threading.Event()
    waiting: queue.SimpleQueue[tuple[int, Future[list[Item]]] | Exception | None] = queue.SimpleQueue()

    def walk() -> None:
        number = 0
        try:
            for piece in _pieces(source):
                share = min(piece.count, most)
                for _ in range(share):
                    while not room.acquire(timeout=POLL_S):
                        if stopped.is_set():
                            return
                if stopped.is_set():
                    return
                waiting.put((share, pool.submit(_make, number, piece, view, wanted)))
                number += piece.count
            waiting.put(None)
        except Exception as error:  # a thread's outermost loop: the reader raises it
            waiting.put(error)

    with ThreadPoolExecutor(workers, "prepare") as pool:
        thread = threading.Thread(target=walk, name="tiles", daemon=True)
        thread.start()
        try:
            yield _drain(waiting, room)
        finally:
            stopped.set()
            thread.join()
            pool.shutdown(cancel_futures=True)


def _drain(
    waiting: queue.SimpleQueue[tuple[int, Future[list[Item]]] | Exception | None], room: threading.Semaphore
) -> Iterator[Item]:
    while (found := waiting.get()) is not None:
        if isinstance(found, Exception):
            raise found
        share, items = found
        yield from items.result()
        if share:
            room.release(share)


def _pieces(source: TileSource) -> Iterator[Piece]:
    if isinstance(source, PieceSource):
        yield from source.pieces()
    else:
        for tile in source:
            yield Piece(1, partial(list, [tile]))


def _make(number: int, piece: Piece, view: AerialView, wanted: Wanted) -> list[Item]:
    return [prepare(number + place, tile, view, wanted) for place, tile in enumerate(piece.make())]


def prepare(number: int, tile: Tile | BadTile, view: AerialView, wanted: Wanted) -> Item:
    """Look at a tile, and make it ready for the network if it is wanted."""
    if isinstance(tile, BadTile):
        return tile
    try:
        check_not_blank(tile.pixels)
    except TileBlank as error:
        return BadTile(tile.id, error.code, str(error))
    digest, bare = pixel_digest(tile.pixels), replace(tile, pixels=NO_PIXELS, seen=None)
    if not wanted(number, tile.id, digest):
        return Prepared(bare, NO_INPUT, digest, wanted=False)
    return Prepared(bare, aerial_input(tile.pixels, view), digest)


def pixel_digest(pixels: NDArray[np.uint8]) -> str:
    """BLAKE2b of an image, (H, W, 3), and of its shape, in hex."""
    digest = hashlib.blake2b(repr(pixels.shape).encode(), digest_size=DIGEST_BYTES)
    digest.update(np.ascontiguousarray(pixels).data)
    return digest.hexdigest()

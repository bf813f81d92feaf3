"""Rows near a place: runs of the stored rows, compared one block after another in a place that stays in the cache.

The rows of an area are slices of the Hilbert order: float16 is widened run by run (short runs together) into one small
block, which BLAS multiplies in float32. NumPy's own `astype` from float16 takes five times as long as `widen`.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from index.hits import NO_HITS, CellHits, Float32s, Hits, Int64s
from index.runs import Runs
from index.stores.store import Layout
from models.errors import EncoderNonFinite, IndexMismatch, ParameterError

Float16s = NDArray[np.float16]

CELLS_PER_PIECE = 8_192
"""Cells whose inner products are kept at once."""
BLOCK_VALUES = 65_536
"""Values that are widened at once: 256 KiB, which the second cache holds beside the queries."""
SHORT_RUN = 32
"""Rows a run, on average, below which runs are copied together first: a call costs more than such a copy."""
HALF_TO_SINGLE_BITS = 13
SIGN_AND_HALF = np.int32(np.uint32(0x8FFF_E000).astype(np.int32))
"""Where the bits of a float16 lie once its sign was drawn out and all was moved up by 13."""
EXPONENT_GAP = np.float32(2.0**112)
"""The exponent of a float16 is biased by 15, that of a float32 by 127."""


def best_tiles_in(vectors: Float16s, runs: Runs, queries: Float32s, k: int) -> Hits:
    """Find the k best tiles of some runs, exactly; all if there are fewer.

    Args:
        vectors: (N, D) or (N, C, D) float16, C order, in memory or mapped; finite.
        runs: of tiles, in [0, N).
        queries: (S, D) float32, C order: one description, or the same one laid out at S headings.
        k: how many.

    Returns:
        By falling similarity, ties by row; the first cell, and of it the first shift, of those that are as good.

    Raises:
        IndexMismatch: arrays of another type, order or size, or runs that lead out of the vectors.
        EncoderNonFinite: a query holds NaN or infinity.
        ParameterError: k is not positive.
    """
    _check_k(k)
    best = NO_HITS
    for tiles, scores in compare(vectors, runs, queries):
        flat = scores.reshape(len(tiles), -1)
        place = flat.argmax(axis=1)
        similarity = flat[np.arange(len(tiles)), place]
        kept = _first(similarity, k)
        cell, shift = np.divmod(place[kept], len(queries))
        found = Hits(tiles[kept], similarity[kept], shift, cell)
        best = _better(best, found, k) if len(best) else found
    return best


def best_cells_in(vectors: Float16s, runs: Runs, queries: Float32s, k: int) -> CellHits:
    """Find the k best cells of some runs, as `best_tiles_in` finds tiles; ties by row and cell."""
    _check_k(k)
    best = NO_HITS
    for tiles, scores in compare(vectors, runs, queries):
        flat = scores.reshape(-1, len(queries))
        shift = flat.argmax(axis=1)
        similarity = flat[np.arange(len(flat)), shift]
        kept = _first(similarity, k)
        tile, cell = np.divmod(kept, scores.shape[1])
        found = Hits(tiles[tile], similarity[kept], shift[kept], cell)
        best = _better(best, found, k) if len(best) else found
    return CellHits(best.rows, best.cells, best.similarity, best.shift)


def best_of_cells(rows: Float16s, layout: Layout, cells: Int64s, queries: Float32s, k: int) -> CellHits:
    """Find the k best of some cells, rising, none twice, which are rows (N * C, D) of a store; see `best_cells_in`."""
    found = best_cells_in(rows[:, None], Runs.of(cells), queries, k)
    tile, cell = np.divmod(found.rows, layout.cells)
    return CellHits(tile, cell, found.similarity, found.shift)


def compare(vectors: Float16s, runs: Runs, queries: Float32s) -> Iterator[tuple[Int64s, Float32s]]:
    """Compare every cell of some runs with every query, a few thousand cells at a time.

    Args and Raises: as of `best_tiles_in`.

    Yields:
        Tiles (M,), rising from piece to piece, and inner products (M, C, S); at least one tile.
    """
    _check_arrays(vectors, runs, queries)
    size = vectors.shape[-1]
    cells = vectors.shape[1] if vectors.ndim == 3 else 1
    halves = vectors.view(np.ndarray).view(np.int16).reshape(-1, size)  # a mapped array is slow to slice
    block = np.empty((max(1, BLOCK_VALUES // size), size), np.float32)
    columns = queries.T
    for piece in runs.cut(max(1, CELLS_PER_PIECE // cells)):
        tiles = piece.rows
        scores = np.empty((len(tiles) * cells, len(queries)), np.float32)
        done = 0
        for part in piece.times(cells).cut(len(block)):
            values = _fill(block, halves, part)
            np.matmul(values, columns, out=scores[done : done + len(values)])
            done += len(values)
        yield tiles, scores.reshape(len(tiles), cells, len(queries))


def widen(halves: Float16s, out: Float32s) -> None:
    """Write finite float16 values as float32, exactly; `out` has their shape."""
    _draw_out(halves.view(np.int16), out)
    _scale(out)


def _fill(block: Float32s, halves: NDArray[np.int16], part: Runs) -> Float32s:
    """Widen the rows of some runs into the beginning of a block, one run after another."""
    count = part.count
    values = block[:count]
    if count < len(part) * SHORT_RUN:
        _draw_out(halves.take(part.rows, axis=0), values)
    else:
        filled = 0
        for run in part:
            end = filled + run.stop - run.start
            _draw_out(halves[run], block[filled:end])
            filled = end
    _scale(values)
    return values


def _draw_out(halves: NDArray[np.int16], out: Float32s) -> None:
    """Move the bits of float16 values to where a float32 has them; above the exponent are copies of the sign."""
    np.left_shift(halves, HALF_TO_SINGLE_BITS, out=out.view(np.int32), dtype=np.int32)


def _scale(values: Float32s) -> None:
    """Drop the copies of the sign, then make up for the smaller bias of the exponent; exact for subnormals too."""
    bits = values.view(np.int32)
    np.bitwise_and(bits, SIGN_AND_HALF, out=bits)
    np.multiply(values, EXPONENT_GAP, out=values)


def _first(similarity: Float32s, k: int) -> Int64s:
    """Give the places of the k highest values, the highest first, ties by place."""
    falling = -similarity
    if len(falling) <= 4 * k:
        return np.argsort(falling, kind="stable")[:k]
    near = np.flatnonzero(falling <= np.partition(falling, k - 1)[k - 1])
    kept: Int64s = near[np.argsort(falling[near], kind="stable")[:k]]
    return kept


def _better(earlier: Hits, later: Hits, k: int) -> Hits:
    """Keep the k best of two; all rows of the second come after those of the first."""
    both = earlier.joined(later)
    kept = _first(both.similarity, k)
    return Hits(both.rows[kept], both.similarity[kept], both.shift[kept], both.cells[kept])


def _check_k(k: int) -> None:
    if k < 1:
        raise ParameterError("top_k", f"{k} is not positive.")


def _check_arrays(vectors: Float16s, runs: Runs, queries: Float32s) -> None:
    _check_array("The stored vectors", vectors, np.float16, (2, 3))
    _check_array("Queries", queries, np.float32, (2,))
    if queries.shape[1] != vectors.shape[-1] or not len(queries):
        raise IndexMismatch(f"Vectors of {vectors.shape[-1]} values take queries of as many, not {queries.shape}.")
    if len(runs) and not (runs.starts[0] >= 0 and runs.stops[-1] <= len(vectors)):
        raise IndexMismatch(
            f"Runs of rows {runs.starts[0]} to {runs.stops[-1]} lead out of an index of {len(vectors)} tiles."
        )
    if not np.isfinite(queries).all():
        raise EncoderNonFinite("The photo's description holds values that are not finite; nothing was searched.")


def _check_array(what: str, array: NDArray[np.generic], dtype: type[np.generic], dimensions: tuple[int, ...]) -> None:
    if array.dtype != dtype or array.ndim not in dimensions or not array.flags.c_contiguous:
        raise IndexMismatch(
            f"{what} are {array.dtype} of shape {array.shape}, strides {array.strides}; the scan takes "
            f"{np.dtype(dtype)}, C order, of {' or '.join(map(str, dimensions))} dimensions. Convert them first: a "
            "float64 operand makes everything float64, and many times slower."
        )

"""All headings at once: circular correlation of column descriptions, in the frequencies of the azimuth.

Turning a photo by s columns, whole or half, multiplies frequency f of its description by exp(-2 pi i f s / W). So the
similarity at all turns is the inverse transform of the product of two spectra, summed over channels: a tenth of the
arithmetic of as many inner products, and the same numbers up to the rounding of float32.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from models.columns import HALVES, Turns, every_turn, turned

Float32s = NDArray[np.float32]
Floats = NDArray[np.float64]
Int64s = NDArray[np.int64]
ROWS_PER_BLOCK = 1600
QUERIES_PER_BLOCK = 8
"""So many products stay in the second cache."""
SAME = 1e-6
"""Descriptions are the same if no two values differ by more than this share of the largest."""
ROUNDING = 4e-6
"""More than a similarity of unit descriptions found here differs from the inner product of the same float32 rows."""


@dataclass(frozen=True, slots=True)
class Spectra:
    """The rows of a gallery by frequency; made once, multiplied with as many photos as one likes."""

    columns: int
    """W."""
    count: int
    """N."""
    blocks: tuple[Float32s, ...]
    """(W, E, n) each, n rows of the gallery; along the first axis the order of `_basis`."""

    @classmethod
    def of(cls, rows: NDArray[np.floating], columns: int, group: int = 1) -> Spectra:
        """Transform a gallery.

        Args:
            rows: (N, W * E) of any precision.
            columns: W.
            group: rows that must stay in one block, for example the cells of a tile; divides N.
        """
        step = max(1, ROWS_PER_BLOCK // group) * group
        parts = (rows[start : start + step] for start in range(0, len(rows), step))
        return cls(columns, len(rows), tuple(_transform(part, columns) for part in parts))

    def curves(self, queries: Float32s, turns: Turns) -> Iterator[tuple[int, Float32s]]:
        """Correlate photos with the gallery, block by block.

        Args:
            queries: (B, W * E), each laid at its first possible column; some ten at a time stay in the cache.
            turns: (S,) columns by which they are turned further, in [0, W), multiples of one half.

        Returns:
            Pairs of the first row of a block and (S, B, n) inner products of every turned photo with its rows.
        """
        spectrum = _transform(queries, self.columns)  # (W, E, B)
        alone = _real_frequencies(self.columns)
        single = spectrum[:alone].transpose(0, 2, 1)  # (R, B, E)
        real, imaginary = (spectrum[alone + part :: 2].transpose(0, 2, 1) for part in (0, 1))  # (P, B, E)
        upper, lower = np.concatenate([real, imaginary], axis=2), np.concatenate([-imaginary, real], axis=2)
        double = np.concatenate([upper, lower], axis=1)  # (P, 2 B, 2 E)
        back = _inverse(self.columns, turns)
        start = 0
        for block in self.blocks:
            rows = block.shape[2]
            product = np.empty((self.columns, len(queries), rows), dtype=np.float32)
            np.matmul(single, block[:alone], out=product[:alone])
            pairs = product[alone:].reshape(len(double), 2 * len(queries), rows)
            np.matmul(double, block[alone:].reshape(len(double), double.shape[2], rows), out=pairs)
            yield start, (back @ product.reshape(self.columns, -1)).reshape(len(turns), len(queries), rows)
            start += rows


def turns_of(queries: Float32s, columns: int) -> tuple[Float32s, Floats]:
    """Recognise one description laid at several columns.

    Args:
        queries: (S, W * E).
        columns: W.

    Returns:
        ((1, W * E), turns (S,)) such that queries[s] is the row turned by turns[s] columns, up to rounding; the queries
        themselves and one turn, 0, if they are not all the same description.
    """
    tried = every_turn(columns, HALVES)
    for base in queries[:HALVES]:  # of two neighbours one is turned by whole columns, and lost nothing
        every = turned(base, tried, columns)
        turns = np.argmax(queries @ every.T, axis=1)
        if np.allclose(every[turns], queries, rtol=0.0, atol=SAME * np.abs(base).max()):
            return base[None], tried[turns]
    return queries, np.zeros(1)


def _real_frequencies(columns: int) -> int:
    """0 and, for even W, W / 2 have no imaginary part."""
    return 1 + (columns % 2 == 0)


def _transform(rows: NDArray[np.floating], columns: int) -> Float32s:
    """(n, W * E) -> (W, E, n), the first axis by frequency."""
    turned = np.ascontiguousarray(rows.reshape(len(rows), columns, -1).transpose(1, 2, 0), dtype=np.float32)
    found: Float32s = (_basis(columns) @ turned.reshape(columns, -1)).reshape(turned.shape)
    return found


@lru_cache(maxsize=8)
def _angles(columns: int) -> tuple[Int64s, NDArray[np.float64]]:
    """The paired frequencies (P,) and 2 pi f j / W of all frequencies, real ones first: (R + P, W)."""
    pairs = np.arange(1, (columns + 1) // 2)
    alone = np.array([0, columns // 2])[: _real_frequencies(columns)]
    frequencies = np.concatenate([alone, pairs])
    return pairs, 2 * np.pi * frequencies[:, None] * np.arange(columns) / columns


@lru_cache(maxsize=8)
def _basis(columns: int) -> Float32s:
    """(W, W): real frequencies, then real and imaginary part of every other, by columns."""
    pairs, angles = _angles(columns)
    alone = len(angles) - len(pairs)
    waves = np.stack([np.cos(angles[alone:]), -np.sin(angles[alone:])], axis=1).reshape(-1, columns)
    return np.concatenate([np.cos(angles[:alone]), waves]).astype(np.float32)


def _inverse(columns: int, turns: Turns) -> Float32s:
    """(S, W): turns by the order of `_basis`."""
    pairs, _ = _angles(columns)
    alone = np.array([0, columns // 2])[: _real_frequencies(columns)]
    angle = 2 * np.pi / columns * turns[:, None]
    waves = np.stack([np.cos(angle * pairs), -np.sin(angle * pairs)], axis=2).reshape(len(turns), -1)
    return (np.concatenate([np.cos(angle * alone), 2.0 * waves], axis=1) / columns).astype(np.float32)

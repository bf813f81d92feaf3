"""Describe photos and tiles with any encoder and compare them all."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from models.camera import Camera, GroundInput
from models.columns import Turns, mean_cosine_scale, place, refine_shift
from models.correlation import QUERIES_PER_BLOCK, Spectra
from models.encoder import Encoder
from models.preprocess import aerial_input, ground_input

Float32s = NDArray[np.float32]
Floats = NDArray[np.float64]
Int64s = NDArray[np.int64]
Pixels = NDArray[np.uint8]
AERIAL_BATCH = 16


@dataclass(frozen=True, slots=True)
class Photos:
    """Described photos; Q of them."""

    columns: int
    """W."""
    rows: Float32s
    """(Q, W * E), each laid at the first column that it may look along."""
    first: Floats
    """(Q,) that column."""
    turns: tuple[Turns, ...]
    """For each photo (S,) columns by which it may be turned further, multiples of one half."""
    left_deg: Floats
    """(Q,) as in `GroundInput`."""
    scale: Floats
    """(Q,) factors that turn inner products into mean cosines of the columns seen."""

    def __len__(self) -> int:
        return len(self.rows)

    def heading_deg(self, photo: int | Int64s, turn: Floats) -> Floats:
        """Give the heading of a photo's centre once it is turned by so many columns, whole or not."""
        return ((self.first[photo] + turn) * 360.0 / self.columns - self.left_deg[photo]) % 360.0

    def groups(self) -> Iterator[tuple[Int64s, Turns]]:
        """Photos that are compared together, a few at a time, and the turns that they share."""
        alike: dict[bytes, list[int]] = {}
        for photo, turns in enumerate(self.turns):
            alike.setdefault(turns.tobytes(), []).append(photo)
        for members in alike.values():
            for start in range(0, len(members), QUERIES_PER_BLOCK):
                yield np.array(members[start : start + QUERIES_PER_BLOCK]), self.turns[members[0]]


@dataclass(frozen=True, slots=True)
class Scores:
    """Every photo against every tile."""

    similarity: Float32s
    """(Q, N) mean cosine at the best cell and the best allowed turn."""
    cell: Int64s
    """(Q, N) that cell; the first of equals."""
    heading_deg: Floats
    """(Q, N) heading of the photo's centre there, finer than a column where the heading is searched."""


def describe_tiles(encoder: Encoder, tiles: Iterable[Pixels]) -> Float32s:
    """Encode tiles of the bundle's footprint: (N, C, W * E) float32."""
    ready = (aerial_input(tile, encoder.manifest.aerial) for tile in tiles)
    parts = []
    while batch := list(islice(ready, AERIAL_BATCH)):
        parts.append(encoder.aerial(np.stack(batch)))
    return np.concatenate(parts)


def describe_photo(encoder: Encoder, pixels: Pixels, camera: Camera) -> tuple[Float32s, GroundInput]:
    """Encode one photo: (w, E) columns, and the input that says which shifts are possible."""
    manifest = encoder.manifest
    ready = ground_input(pixels, camera, manifest.ground, manifest.embedding)
    return encoder.ground(ready.pixels[None])[0], ready


def describe_photos(encoder: Encoder, photos: Iterable[tuple[Pixels, Camera]]) -> Photos:
    """Encode photos, pixels (H, W, 3) uint8 with what is known of the camera, one at a time."""
    total = encoder.manifest.embedding.columns
    rows, firsts, left_deg, scale = [], [], [], []
    for pixels, camera in photos:
        columns, ready = describe_photo(encoder, pixels, camera)
        rows.append(place(columns, ready.firsts[0], total))
        firsts.append(ready.firsts)
        left_deg.append(ready.left_deg)
        scale.append(mean_cosine_scale(len(columns), total))
    return Photos(
        columns=total,
        rows=np.stack(rows),
        first=np.array([tried[0] for tried in firsts]),
        turns=tuple((tried - tried[0]) % total for tried in firsts),
        left_deg=np.array(left_deg),
        scale=np.array(scale),
    )


def score(photos: Photos, gallery: Float32s) -> Scores:
    """Compare photos with described tiles, a block of each at a time.

    Args:
        photos: from `describe_photos`.
        gallery: (N, C, W * E) from `describe_tiles`; a tile is as similar as its most similar cell.
    """
    tiles, cells, size = gallery.shape
    spectra = Spectra.of(gallery.reshape(-1, size), photos.columns, cells)
    shape = len(photos), tiles
    found = Scores(np.empty(shape, np.float32), np.empty(shape, np.int64), np.empty(shape))
    for members, turns in photos.groups():
        for start, curves in spectra.curves(photos.rows[members], turns):
            by_tile = curves.reshape(len(turns), len(members), -1, cells)
            cell = by_tile.max(axis=0).argmax(axis=2)  # (B, n)
            curve = np.take_along_axis(by_tile, cell[None, :, :, None], axis=3)[..., 0].transpose(1, 2, 0)  # (B, n, S)
            block = np.s_[members, start // cells : start // cells + cell.shape[1]]
            found.similarity[block] = curve.max(axis=2) * photos.scale[members, None]
            found.cell[block] = cell
            turn = refine_shift(curve, turns, photos.columns)
            found.heading_deg[block] = photos.heading_deg(members[:, None], turn)
    return found

"""Describe photos and tiles with any encoder and compare them all."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from models.camera import Camera, GroundInput
from models.columns import centre_heading, mean_cosine_scale, shifts
from models.encoder import Encoder
from models.preprocess import aerial_input, ground_input

Float32s = NDArray[np.float32]
Pixels = NDArray[np.uint8]
AERIAL_BATCH = 16


@dataclass(frozen=True, slots=True)
class Scores:
    """Every photo against every tile."""

    similarity: Float32s
    """(Q, N) mean cosine at the best allowed shift."""
    heading_deg: NDArray[np.float64]
    """(Q, N) heading of the photo's centre at that shift."""


def describe_tiles(encoder: Encoder, tiles: Iterable[Pixels]) -> Float32s:
    """Encode tiles of the bundle's footprint: (N, W * E) float32."""
    ready = (aerial_input(tile, encoder.manifest.aerial) for tile in tiles)
    parts = []
    while batch := list(islice(ready, AERIAL_BATCH)):
        parts.append(encoder.aerial(np.stack(batch))[:, encoder.manifest.aerial.middle_cell])
    return np.concatenate(parts)


def describe_photo(encoder: Encoder, pixels: Pixels, camera: Camera) -> tuple[Float32s, GroundInput]:
    """Encode one photo: (w, E) columns, and the input that says which shifts are possible."""
    manifest = encoder.manifest
    ready = ground_input(pixels, camera, manifest.ground, manifest.embedding)
    return encoder.ground(ready.pixels[None])[0], ready


def score(encoder: Encoder, photos: Iterable[tuple[Pixels, Camera]], gallery: Float32s) -> Scores:
    """Compare photos with described tiles.

    Args:
        encoder: the model.
        photos: pixels (H, W, 3) uint8 with what is known of the camera.
        gallery: (N, W * E) from `describe_tiles`.
    """
    total = encoder.manifest.embedding.columns
    similarity, headings = [], []
    for pixels, camera in photos:
        columns, ready = describe_photo(encoder, pixels, camera)
        queries = shifts(columns, total, ready.firsts)  # (S, W * E)
        products = queries @ gallery.T * mean_cosine_scale(len(columns), total)  # (S, N)
        best = products.argmax(axis=0)
        similarity.append(products.max(axis=0))
        headings.append(centre_heading(ready.firsts[best], len(columns), total))
    return Scores(np.stack(similarity), np.stack(headings))

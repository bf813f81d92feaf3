"""A query as a protocol shows it to the network: read, corrupted, turned, cut, made ready."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.bundle import ModelManifest, StretchedView
from models.camera import Camera, GroundInput
from models.datasets.pairset import PairSet
from models.evaluation.corruptions.catalogue import corrupt
from models.evaluation.settings import FULL_DEG, Settings, panorama_fov_deg
from models.image import decode_photo
from models.limited_view import limited_view, query_angle, source_columns
from models.preprocess import ground_input
from models.resize import stretch
from models.stretched import full_panorama

Pixels = NDArray[np.uint8]
UNKNOWN_FOV_DEG = 70.0
"""Taken for photos whose field of view the data set does not know: that of a phone."""


@dataclass(frozen=True, slots=True)
class Shown:
    """What is left to see of a photo."""

    pixels: Pixels
    """(H, W, 3)"""
    camera: Camera
    """With the heading only if the model may know it."""
    heading_deg: float
    """True heading of the centre column; NaN where unknown."""


@dataclass(frozen=True, slots=True)
class Ready:
    """A query ready for ground.onnx, and its true heading (NaN where unknown)."""

    ground: GroundInput
    heading_deg: float


def show(pairs: PairSet, index: int, settings: Settings, manifest: ModelManifest) -> Shown:
    """Read a query and cut it to what the protocol shows.

    Raises:
        ImageError: the file is no usable picture.
        UsageError: the network was made for another field of view.
    """
    pixels = _read(pairs, index, settings, manifest)
    heading = float(pairs.heading_deg[index])
    camera = _camera(pairs, index, settings, manifest)
    if not _is_whole_circle(pairs, index):
        return Shown(pixels, camera, heading)
    fov_deg = panorama_fov_deg(settings, manifest)
    if settings.turned:
        angle = query_angle(settings.seed, index)
        cut = limited_view(pixels.transpose(2, 0, 1), angle, fov_deg).transpose(1, 2, 0)
        heading = _turned_heading(heading, source_columns(pixels.shape[1], angle, fov_deg), pixels.shape[1])
        return Shown(np.ascontiguousarray(cut), Camera("panorama", fov_deg), heading)
    return Shown(_middle(pixels, fov_deg), Camera("panorama", fov_deg, camera.heading_deg), heading)


def prepare(pairs: PairSet, index: int, settings: Settings, manifest: ModelManifest) -> Ready:
    """Make a query ready. Networks with a fixed field of view get it as published: the whole panorama is stretched
    first, with north in its middle if the heading is known, and then turned and cut, or cut to its middle.

    Raises:
        ImageError, UsageError: as `show`.
    """
    view = manifest.ground
    if not isinstance(view, StretchedView) or not _is_whole_circle(pairs, index):
        shown = show(pairs, index, settings, manifest)
        return Ready(ground_input(shown.pixels, shown.camera, view, manifest.embedding), shown.heading_deg)
    pixels, heading = _read(pairs, index, settings, manifest), float(pairs.heading_deg[index])
    fov_deg = panorama_fov_deg(settings, manifest)
    if settings.turned:
        whole, angle = full_panorama(pixels, view), query_angle(settings.seed, index)
        seen = limited_view(whole, angle, fov_deg)
        heading = _turned_heading(heading, source_columns(whole.shape[2], angle, fov_deg), whole.shape[2])
    else:
        if settings.orientation == "known" and not math.isnan(heading):
            pixels, heading = np.roll(pixels, round(heading / FULL_DEG * pixels.shape[1]), axis=1), 0.0
        whole = full_panorama(pixels, view)
        left = (whole.shape[2] - view.width_px) // 2
        seen = whole[:, :, left : left + view.width_px]
    return Ready(GroundInput(np.ascontiguousarray(seen), 1, np.array([0.0]), 0.0), heading)


def _is_whole_circle(pairs: PairSet, index: int) -> bool:
    return bool(pairs.fov_deg[index] >= FULL_DEG)


def _camera(pairs: PairSet, index: int, settings: Settings, manifest: ModelManifest) -> Camera:
    heading, fov_deg = float(pairs.heading_deg[index]), float(pairs.fov_deg[index])
    known = heading % FULL_DEG if settings.orientation == "known" and not math.isnan(heading) else None
    if fov_deg >= FULL_DEG:
        return Camera("panorama", FULL_DEG, known)
    if math.isnan(fov_deg) and isinstance(manifest.ground, StretchedView):
        return Camera("panorama", manifest.ground.fov_deg)  # what the network was made for: taken whole
    return Camera("perspective", UNKNOWN_FOV_DEG if math.isnan(fov_deg) else fov_deg, known)


def _read(pairs: PairSet, index: int, settings: Settings, manifest: ModelManifest) -> Pixels:
    pixels = decode_photo(pairs.ground[index].read_bytes(), long_side_px=settings.long_side_px).pixels
    if settings.corruption is None or settings.severity is None:
        return pixels
    shown = as_large_as_seen(pixels, _camera(pairs, index, settings, manifest), manifest)
    return corrupt(shown, settings.corruption, settings.severity, corruption_seed(settings.seed, index))


def corruption_seed(seed: int, index: int) -> int:
    """Give query `index` a seed of its own for what spoils it."""
    return int(np.random.SeedSequence([seed, index]).generate_state(1)[0])


def as_large_as_seen(pixels: Pixels, camera: Camera, manifest: ModelManifest) -> Pixels:
    """Shrink a photo to the angular resolution of the network's input: what is corrupted is what is looked at."""
    view = manifest.ground
    if isinstance(view, StretchedView):
        per_deg, resampling = view.panorama_width_px / FULL_DEG, view.resampling
    else:
        per_deg, resampling = view.width_px / FULL_DEG, "antialiased"
    span_deg = camera.fov_deg
    if camera.projection == "perspective":
        span_deg = 2 * math.degrees(math.tan(math.radians(camera.fov_deg) / 2))
    height, width = pixels.shape[:2]
    scale = span_deg * per_deg / width
    return pixels if scale >= 1 else stretch(pixels, max(1, round(height * scale)), round(width * scale), resampling)


def _turned_heading(heading_deg: float, columns: NDArray[np.int64], width: int) -> float:
    """Heading of the centre of a view whose first column is columns[0] of a panorama whose centre heads heading_deg."""
    centre = columns[0] + len(columns) / 2 - width / 2
    return float((heading_deg + centre * FULL_DEG / width) % FULL_DEG)


def _middle(pixels: Pixels, fov_deg: float) -> Pixels:
    half, middle = fov_deg / FULL_DEG * pixels.shape[1] / 2, pixels.shape[1] / 2
    return pixels[:, math.floor(middle - half) : math.ceil(middle + half)]

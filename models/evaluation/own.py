"""Recall on a pairs file: every photo against every aerial image of the file."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.bundle import Accuracy
from models.encoder import Encoder
from models.evaluation.metrics import heading_error_deg, ranks, recall
from models.evaluation.scoring import Scores, describe_tiles, score
from models.geo import distance_m
from models.image import decode_photo
from models.pairs import Pair
from models.preprocess import Camera, crop_to_footprint


def evaluate_pairs(
    encoder: Encoder,
    pairs: Sequence[Pair],
    *,
    heading_known: bool,
    fov_deg: float | None = None,
    footprint_m: float | None = None,
) -> Accuracy:
    """Measure recall on one's own pairs.

    Args:
        encoder: the model.
        pairs: from `read_pairs`; pairs that share an aerial file share its place in the gallery.
        heading_known: give the headings of the file, or search them.
        fov_deg: cut this field of view out of the middle of every panorama; None takes the photos whole.
        footprint_m: ground length of the square that is cut out of each aerial image; the bundle's when None.

    Raises:
        ImageError: a file that is not a usable image.
    """
    files = list(dict.fromkeys(pair.aerial for pair in pairs))
    wanted = footprint_m or encoder.manifest.aerial.footprint_m
    resolution = {pair.aerial: pair.ground_resolution_m for pair in pairs}
    tiles = (crop_to_footprint(decode_photo(f.read_bytes()).pixels, resolution[f], wanted) for f in files)
    gallery = describe_tiles(encoder, tiles)
    scores = score(encoder, (_photo(pair, heading_known, fov_deg) for pair in pairs), gallery)
    return _summary(pairs, files, scores, heading_known, fov_deg)


def _photo(pair: Pair, heading_known: bool, fov_deg: float | None) -> tuple[NDArray[np.uint8], Camera]:
    pixels, camera = decode_photo(pair.ground.read_bytes()).pixels, pair.camera(heading_known=heading_known)
    if fov_deg is not None and camera.projection == "panorama" and fov_deg < camera.fov_deg:
        half, middle = fov_deg / camera.fov_deg * pixels.shape[1] / 2, pixels.shape[1] / 2
        pixels = pixels[:, math.floor(middle - half) : math.ceil(middle + half)]
        camera = Camera("panorama", fov_deg, camera.heading_deg)
    return pixels, camera


def _summary(
    pairs: Sequence[Pair], files: list[Path], scores: Scores, heading_known: bool, fov_deg: float | None
) -> Accuracy:
    truth = np.array([files.index(pair.aerial) for pair in pairs])
    shares = recall(ranks(scores.similarity, truth), len(files))
    best = scores.similarity.argmax(axis=1)
    place = {pair.aerial: pair.position for pair in pairs}
    errors = [
        float(distance_m(*true, *found))
        for pair, column in zip(pairs, best, strict=True)
        if (true := pair.position) is not None and (found := place[files[column]]) is not None
    ]
    known = [i for i, pair in enumerate(pairs) if pair.heading_deg is not None]
    off = heading_error_deg(
        scores.heading_deg[known, truth[known]], np.array([pairs[i].heading_deg for i in known], dtype=np.float64)
    )
    return Accuracy(
        protocol="own pairs",
        gallery=len(files),
        queries=len(pairs),
        fov_deg=fov_deg or max(pair.fov_deg or 360.0 for pair in pairs),
        orientation="known" if heading_known else "unknown",
        recall_at_1=shares.recall_at_1,
        recall_at_5=shares.recall_at_5,
        recall_at_10=shares.recall_at_10,
        recall_at_1_percent=shares.recall_at_1_percent,
        median_error_m=float(np.median(errors)) if errors else None,
        heading_within_15_deg=float((off <= 15.0).mean()) if known and not heading_known else None,
    )

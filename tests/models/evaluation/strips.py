"""An encoder of the published kind, without a network: a photo is stretched, its description is one vector."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from models.bundle import Embedding, StretchedView, identity
from models.encoder import CPU, FakeEncoder

Float32s = NDArray[np.float32]
SECTORS = 12


class StripEncoder:
    """Describes a view by the mean colours of its 30 degree sectors, from the left edge of the photo to its right.

    A panorama has north in its middle, so the first sector begins in the south; a tile is described by the same
    sectors. Photo and tile of one place match only if the photo is not turned.
    """

    provider = CPU

    def __init__(self, fov_deg: float = 360.0) -> None:
        canvas = FakeEncoder().manifest
        view = StretchedView(
            sha256="0" * 64,
            height_px=8,
            width_px=int(fov_deg / 360 * 96),
            panorama_width_px=96,
            panorama_aspect=0.5,
            fov_deg=fov_deg,
            mean=(0.5, 0.5, 0.5),
            std=(1, 1, 1),
        )
        self._strips = round(SECTORS * fov_deg / 360)
        layout = Embedding(columns=1, channels=3 * self._strips)
        self.manifest = canvas.model_copy(update={"name": "strips", "embedding": layout, "ground": view})
        self.sha256 = identity(self.manifest)

    def ground(self, pixels: Float32s) -> Float32s:
        strips = pixels.reshape(len(pixels), 3, pixels.shape[2], self._strips, -1).mean(axis=(2, 4))
        return _unit(strips)[:, None, :]

    def aerial(self, pixels: Float32s) -> Float32s:
        along = np.arange(pixels.shape[2]) + 0.5 - pixels.shape[2] / 2
        azimuth = np.degrees(np.arctan2(along[None, :], -along[:, None]))
        half = 15.0 * self._strips
        sector = np.floor((azimuth + half) / 30.0)
        member = np.stack([sector == number for number in range(self._strips)]).astype(np.float32)
        return _unit(np.einsum("nchw,khw->nck", pixels, member) / member.sum(axis=(1, 2)))[:, None]


def _unit(colours: NDArray[np.floating]) -> Float32s:
    flat = colours.reshape(len(colours), -1)
    rows: Float32s = (flat / np.linalg.norm(flat, axis=1, keepdims=True)).astype(np.float32)
    return rows

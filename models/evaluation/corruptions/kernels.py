"""Convolution of pictures, and the kernels the corruptions need; everything is measured against a reference size."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

Floats = NDArray[np.float32]

REFERENCE_SIDE_PX = 224
"""Shorter side of the pictures for which the severities were chosen."""
SMALLEST_SCALE = 0.5
"""Below half the reference side a kernel would shrink to one pixel and change nothing."""
SUBSAMPLES = 5


def scale_of(shape: tuple[int, ...]) -> float:
    """Tell how many pixels of a picture of this (H, W, ...) one pixel of the reference size is."""
    return max(min(shape[:2]) / REFERENCE_SIDE_PX, SMALLEST_SCALE)


def disc(radius_px: float, soften_px: float = 0.0) -> Floats:
    """Draw the circle of confusion of a lens: a disc with antialiased rim, softened by a Gaussian; odd side, sum 1."""
    half = int(np.ceil(radius_px + 3 * soften_px))
    inside = (np.arange(SUBSAMPLES) + 0.5) / SUBSAMPLES - 0.5
    fine = (np.arange(-half, half + 1)[:, None] + inside).ravel()
    covered = (fine[:, None] ** 2 + fine[None] ** 2 <= radius_px**2).astype(np.float32)
    side = 2 * half + 1
    kernel: Floats = covered.reshape(side, SUBSAMPLES, side, SUBSAMPLES).sum((1, 3))
    if soften_px > 0:
        kernel = convolve(kernel, gaussian(soften_px))
    kernel /= kernel.sum()
    return kernel


def gaussian(sigma_px: float) -> Floats:
    """Draw a bell of this standard deviation; odd side, sum 1."""
    at = np.arange(-np.ceil(3 * sigma_px), np.ceil(3 * sigma_px) + 1)
    line = np.exp(-0.5 * (at / sigma_px) ** 2)
    return np.outer(line / line.sum(), line / line.sum()).astype(np.float32)


def streak(length_px: float, sigma_px: float, angle_deg: float) -> Floats:
    """Draw the trace of a moving camera: half a Gaussian along a line from the centre; odd side, sum 1.

    Args:
        length_px: where the trace ends.
        sigma_px: how fast it fades.
        angle_deg: direction, counter-clockwise from the right.
    """
    half = int(np.ceil(length_px)) + 1
    along = np.linspace(0, length_px, 4 * half + 1)
    weight = np.exp(-0.5 * (along / sigma_px) ** 2)
    angle = np.deg2rad(angle_deg)
    y, x = half - np.sin(angle) * along, half + np.cos(angle) * along
    kernel = np.zeros((2 * half + 1, 2 * half + 1))
    for down, right in ((0, 0), (0, 1), (1, 0), (1, 1)):  # every point is shared by its four nearest pixels
        row, column = np.floor(y).astype(np.int64), np.floor(x).astype(np.int64)
        share = np.abs(1 - down - (y - row)) * np.abs(1 - right - (x - column))
        np.add.at(kernel, (row + down, column + right), weight * share)
    kernel /= kernel.sum()
    return kernel.astype(np.float32)


def convolve(pixels: Floats, kernel: Floats) -> Floats:
    """Convolve (H, W) or (H, W, C) with a kernel of odd sides; the border is mirrored."""
    planes = np.ascontiguousarray(np.moveaxis(np.atleast_3d(pixels), 2, 0))
    pad_y, pad_x = kernel.shape[0] // 2, kernel.shape[1] // 2
    padded = np.pad(planes, ((0, 0), (pad_y, pad_y), (pad_x, pad_x)), mode="symmetric")
    size = _fast_length(padded.shape[1]), _fast_length(padded.shape[2])
    product = np.fft.rfft2(padded, size) * np.fft.rfft2(kernel, size)
    height, width = planes.shape[1:]
    full = np.fft.irfft2(product, size)[:, 2 * pad_y : 2 * pad_y + height, 2 * pad_x : 2 * pad_x + width]
    return np.moveaxis(full, 0, 2).reshape(pixels.shape).astype(np.float32)


def _fast_length(length: int) -> int:
    """Find the next length without prime factors above 5, for which an FFT is quick."""
    while True:
        rest = length
        for prime in (2, 3, 5):
            while rest % prime == 0:
                rest //= prime
        if rest == 1:
            return length
        length += 1


def soften(pixels: NDArray[np.uint8], sigma_px: float) -> NDArray[np.uint8]:
    """Blur (H, W) or (H, W, 3) by a Gaussian."""
    return np.asarray(Image.fromarray(pixels).filter(ImageFilter.GaussianBlur(sigma_px)))


def as_bytes(pixels: Floats) -> NDArray[np.uint8]:
    """Clip values of [0, 1] and round them to grey levels."""
    return np.rint(np.clip(pixels, 0, 1) * 255).astype(np.uint8)


def as_floats(pixels: NDArray[np.uint8]) -> Floats:
    """Turn grey levels into values of [0, 1]."""
    values: Floats = pixels.astype(np.float32) / np.float32(255)
    return values

"""The sixteen corruptions of the CVUSA-C benchmark at five severities, and how far each moves a picture.

Names and strengths follow Hendrycks and Dietterich, ImageNet-C (ICLR 2019): chosen there for pictures of 224 pixels,
scaled here with the shorter side of the picture. Noise and JPEG blocks keep their size in pixels, so corrupt a picture
at the size at which it is shown to the encoder. Fog, frost and spatter wrap around sideways, as panoramas do; frost and
spatter are drawn, and where a strength is not that of ImageNet-C a comment says so.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from models.errors import UsageError
from models.evaluation.corruptions.blur import defocus_blur, glass_blur, motion_blur, zoom_blur
from models.evaluation.corruptions.digital import contrast, jpeg_compression, pixelate
from models.evaluation.corruptions.frost import frost
from models.evaluation.corruptions.kernels import Floats, as_bytes, as_floats
from models.evaluation.corruptions.noise import gaussian_noise, impulse_noise, shot_noise, speckle_noise
from models.evaluation.corruptions.spatter import spatter
from models.evaluation.corruptions.weather import brightness, fog, snow

SEVERITIES = (1, 2, 3, 4, 5)
SMALLEST_SIDE_PX = 8


@dataclass(frozen=True, slots=True)
class Corruption:
    """One way to spoil a picture.

    `number` enters the seed: never change it. `apply` takes (H, W, 3) float32 in [0, 1], a severity and a generator,
    and returns the same shape, to be clipped. `drawn`: whether the result depends on the seed.
    """

    number: int
    family: Literal["noise", "blur", "weather", "digital"]
    apply: Callable[[Floats, int, np.random.Generator], Floats]
    drawn: bool = True


CORRUPTIONS: dict[str, Corruption] = {
    "gaussian_noise": Corruption(0, "noise", gaussian_noise),
    "shot_noise": Corruption(1, "noise", shot_noise),
    "impulse_noise": Corruption(2, "noise", impulse_noise),
    "speckle_noise": Corruption(3, "noise", speckle_noise),
    "defocus_blur": Corruption(4, "blur", defocus_blur, drawn=False),
    "glass_blur": Corruption(5, "blur", glass_blur),
    "motion_blur": Corruption(6, "blur", motion_blur),
    "zoom_blur": Corruption(7, "blur", zoom_blur, drawn=False),
    "snow": Corruption(8, "weather", snow),
    "frost": Corruption(9, "weather", frost),
    "fog": Corruption(10, "weather", fog),
    "brightness": Corruption(11, "weather", brightness, drawn=False),
    "spatter": Corruption(12, "weather", spatter),
    "contrast": Corruption(13, "digital", contrast, drawn=False),
    "pixelate": Corruption(14, "digital", pixelate, drawn=False),
    "jpeg_compression": Corruption(15, "digital", jpeg_compression, drawn=False),
}


def corrupt(pixels: NDArray[np.uint8], name: str, severity: int, seed: int) -> NDArray[np.uint8]:
    """Corrupt a picture; the same arguments give the same bytes.

    Args:
        pixels: (H, W, 3) uint8 RGB, left as it is.
        name: a key of CORRUPTIONS.
        severity: 1, mild, to 5, strong.
        seed: not negative; give every picture of a set its own.

    Returns:
        (H, W, 3) uint8, a new array.

    Raises:
        UsageError: an argument is not one of these.
    """
    corruption = CORRUPTIONS.get(name)
    if corruption is None:
        raise UsageError(f"unknown corruption {name!r}; there are {', '.join(CORRUPTIONS)}")
    if severity not in SEVERITIES:
        raise UsageError(f"severity {severity}: expected 1 (mild) to 5 (strong)")
    if seed < 0:
        raise UsageError(f"seed {seed}: expected 0 or more")
    if pixels.dtype != np.uint8 or pixels.shape[2:] != (3,) or min(pixels.shape[:2]) < SMALLEST_SIDE_PX:
        found = f"{pixels.dtype} picture of shape {pixels.shape}"
        raise UsageError(f"{found}: expected uint8 (H, W, 3) of at least {SMALLEST_SIDE_PX} pixels a side")
    # Not the severity: the same wind, shake or frozen window gets stronger, so the PSNR falls picture by picture.
    rng = np.random.default_rng([seed, corruption.number])
    return as_bytes(corruption.apply(as_floats(pixels), severity, rng))


def psnr_db(a: NDArray[np.uint8], b: NDArray[np.uint8]) -> float:
    """Peak signal-to-noise ratio of two pictures of one shape in decibels; infinite where they are equal."""
    if a.shape != b.shape:
        raise UsageError(f"pictures of shapes {a.shape} and {b.shape}: PSNR compares pictures of one shape")
    squared = float(np.mean((a.astype(np.float64) - b) ** 2))
    return float("inf") if squared == 0 else 10 * float(np.log10(255**2 / squared))


def contact_sheet(pixels: NDArray[np.uint8], seed: int) -> Image.Image:
    """Show a picture under every corruption: a row each in the order of CORRUPTIONS, severity growing to the right."""
    return Image.fromarray(
        np.vstack(
            [np.hstack([corrupt(pixels, name, severity, seed) for severity in SEVERITIES]) for name in CORRUPTIONS]
        )
    )

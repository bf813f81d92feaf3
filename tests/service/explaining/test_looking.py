"""A transformer's map over the photo and the tile: every way a photo becomes an input is undone."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from models.bundle import Embedding, GroundView, StretchedView
from models.camera import Camera
from models.encoder import FakeEncoder
from models.preprocess import ground_input
from service.explaining.looking import over_photo, over_tile

Float32s = NDArray[np.float32]
BLACK, ONE = (0.0, 0.0, 0.0), (1.0, 1.0, 1.0)
STRETCHED = StretchedView(
    sha256="0" * 64, height_px=32, width_px=128, panorama_width_px=128, panorama_aspect=0.5, mean=BLACK, std=ONE
)
QUARTER = STRETCHED.model_copy(update={"fov_deg": 90.0, "width_px": 32, "panorama_aspect": 0.25})
CANVAS = FakeEncoder(columns=16).manifest.ground
MARGINS = CANVAS.model_copy(
    update={"mean": BLACK, "height_px": 32, "width_px": 128, "margin_px": 8, "any_width": False}
)
LEVEL, TILTED = Camera(fov_deg=70.0), Camera(fov_deg=70.0, pitch_deg=10.0, roll_deg=15.0)
WHOLE, TURNED = Camera("panorama", 360.0), Camera("panorama", 360.0, heading_deg=100.0)


def _patches(pixels: Float32s) -> Float32s:
    """Mean red of patches of 2 pixels, (3, H, W) -> (h, w): a network that looks at what is red."""
    height, width = pixels.shape[1] // 2, pixels.shape[2] // 2
    means: Float32s = pixels[0, : height * 2, : width * 2].reshape(height, 2, width, 2).mean(axis=(1, 3))
    return means


@pytest.mark.parametrize(
    ("view", "camera", "size"),
    [
        (STRETCHED, WHOLE, (512, 256)),
        (STRETCHED, TURNED, (512, 256)),
        (STRETCHED, WHOLE, (512, 400)),
        (QUARTER, Camera(fov_deg=90.0), (400, 300)),
        (QUARTER, Camera("panorama", 180.0), (512, 256)),
        (MARGINS, WHOLE, (512, 256)),
        (MARGINS, TURNED, (512, 256)),
        (MARGINS, LEVEL, (400, 300)),
        (MARGINS, TILTED, (400, 300)),
    ],
)
@pytest.mark.parametrize("at", [(0.5, 0.5), (0.62, 0.44), (0.4, 0.56)])
def test_what_is_red_in_the_photo_is_found_there(
    view: GroundView | StretchedView, camera: Camera, size: tuple[int, int], at: tuple[float, float]
) -> None:
    width, height = size
    x, y = (np.arange(width) + 0.5) / width, (np.arange(height) + 0.5) / height
    near = (np.abs(x[None] - at[0]) < 0.06) & (np.abs(y[:, None] - at[1]) < 0.08)
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[near, 0] = 255
    ready = ground_input(pixels, camera, view, Embedding(columns=1, channels=4))
    found = over_photo(_patches(ready.pixels), camera, view, size, ready.left_deg)
    down, right = found.shape
    weight = found / found.sum()
    middle = (
        weight.sum(axis=0) @ ((np.arange(right) + 0.5) / right),
        weight.sum(axis=1) @ ((np.arange(down) + 0.5) / down),
    )
    assert middle == pytest.approx(at, abs=0.025)


def test_what_was_cut_off_is_nothing() -> None:
    ones = np.ones((4, 4), np.float32)
    found = over_photo(ones, Camera("panorama", 180.0), QUARTER, (512, 256), 0.0)
    across = found[found.shape[0] // 2]
    quarter = len(across) // 4
    assert across[: quarter - 1].max() == across[-quarter + 1 :].max() == 0.0
    assert across[quarter + 1 : -quarter - 1].min() == 1.0
    above = over_photo(np.ones((4, 18), np.float32), WHOLE, MARGINS, (512, 256), -180.0)
    assert (above[0, 0], above[above.shape[0] // 2, 0]) == (0.0, 1.0)


def test_pixels_past_the_last_patch_have_nothing() -> None:
    found = over_tile(np.ones((3, 3), np.float32), 28)  # patches of 9 pixels
    assert found.shape == (28, 28)
    assert found[26, 26] == 1.0
    assert found[27].max() == found[:, 27].max() == 0.0

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from models.bundle import StretchedView
from models.camera import Camera
from models.errors import ParameterError
from models.normalisation import IMAGENET_MEAN, IMAGENET_STD
from models.stretched import full_panorama, middle_rows, stretched_input

MEAN, STD = (0.0, 0.0, 0.0), (1.0, 1.0, 1.0)


def _view(fov_deg: float = 360.0, aspect: float = 0.25) -> StretchedView:
    return StretchedView(
        sha256="0" * 64,
        height_px=8,
        width_px=int(fov_deg / 360 * 32),
        panorama_width_px=32,
        panorama_aspect=aspect,
        fov_deg=fov_deg,
        mean=MEAN,
        std=STD,
    )


def _ramp(height: int = 8, width: int = 32) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """A picture whose red says the column and whose green says the row."""
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[..., 0], pixels[..., 1] = np.arange(width)[None], np.arange(height)[:, None]
    return pixels


def _columns(pixels: np.ndarray[tuple[int, ...], np.dtype[np.float32]]) -> list[int]:
    levels: list[int] = (pixels[0, 0] * 255).round().astype(int).tolist()
    return levels


def test_a_panorama_of_the_right_shape_is_taken_as_it_is() -> None:
    ready = stretched_input(_ramp(), Camera("panorama", 360.0), _view())
    assert (_columns(ready.pixels), ready.seen, ready.firsts.tolist()) == (list(range(32)), 1, [0])


@pytest.mark.parametrize(("heading", "middle"), [(0.0, 16), (90.0, 8), (180.0, 0), (270.0, 24)])
def test_north_comes_to_stand_in_the_middle(heading: float, middle: int) -> None:
    ready = stretched_input(_ramp(), Camera("panorama", 360.0, heading), _view())
    assert _columns(ready.pixels)[16] == middle


def test_a_panorama_gives_its_middle_to_a_narrow_network() -> None:
    ready = stretched_input(_ramp(), Camera("panorama", 360.0), _view(90.0))
    assert _columns(ready.pixels) == list(range(12, 20))


@pytest.mark.parametrize("height", [8, 9, 16, 64])
def test_taller_panoramas_keep_their_middle_rows(height: int) -> None:
    rows = middle_rows(_ramp(height), _view())[:, 0, 1].tolist()
    assert rows == list(range((height - 8) // 2, (height - 8) // 2 + 8))


def test_the_middle_half_of_cvact_is_a_matter_of_shape() -> None:
    rows = middle_rows(np.repeat(_ramp(1, 1664), 832, axis=0), _view(aspect=0.25))
    assert rows.shape == (416, 1664, 3)


@pytest.mark.parametrize("camera", [Camera("perspective", 70.0), Camera("panorama", 180.0)])
def test_a_photo_of_another_field_of_view_is_refused(camera: Camera) -> None:
    with pytest.raises(ParameterError, match=r"takes photos of 360 degrees and the photo has \d+") as caught:
        stretched_input(_ramp(), camera, _view())
    assert caught.value.pointer == "camera.fov_deg"


def test_a_photo_of_nearly_the_right_field_of_view_is_stretched() -> None:
    ready = stretched_input(_ramp(8, 16), Camera("perspective", 95.0), _view(90.0))
    assert ready.pixels.shape == (3, 8, 8)


def test_protocols_cut_from_the_stretched_panorama() -> None:
    assert full_panorama(_ramp(16, 64), _view(90.0)).shape == (3, 8, 32)


def test_cvact_panoramas_are_prepared_as_published(shared: Path) -> None:
    noise = np.random.RandomState(82).randint(0, 256, (832, 1664, 3)).astype(np.uint8)
    view = StretchedView(
        sha256="0" * 64,
        height_px=112,
        width_px=616,
        panorama_width_px=616,
        panorama_aspect=0.25,
        mean=IMAGENET_MEAN,
        std=IMAGENET_STD,
    )
    golden = np.load(shared / "golden" / "small_goldens.npz")["pre_cvact_ground"]
    one_level = 1 / 255 / min(IMAGENET_STD)
    np.testing.assert_allclose(full_panorama(noise, view)[:, ::8, ::8], golden, atol=one_level * 1.01, rtol=0)

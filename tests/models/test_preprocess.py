from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from models.bundle import AerialView, Embedding, GroundView
from models.camera import Camera
from models.columns import centre_heading
from models.errors import ParameterError
from models.preprocess import aerial_input, crop_to_footprint, ground_input

Pixels = NDArray[np.uint8]
Floats = NDArray[np.float64]
EMBEDDING = Embedding(columns=24, channels=4)
WIDTH, MARGIN = 384, 32
"""One description column is 16 px and 15 degrees."""
GREY_LEVEL = 2 / 255


def _view(*, any_width: bool = True, margin_px: int = MARGIN, height_px: int = 96) -> GroundView:
    return GroundView(
        sha256="0" * 64,
        height_px=height_px,
        width_px=WIDTH,
        vertical_fov_deg=height_px * 360 / WIDTH,
        margin_px=margin_px,
        any_width=any_width,
        mean=(0.5, 0.5, 0.5),
        std=(0.5, 0.5, 0.5),
    )


def _world(azimuth_deg: Floats, elevation_deg: Floats) -> Floats:
    """Smooth colour of every direction, no two azimuths alike."""
    a, e = np.radians(azimuth_deg), np.radians(elevation_deg)
    red, green, blue = 0.5 + 0.4 * np.cos(a), 0.5 + 0.4 * np.sin(a), 0.5 + 0.3 * np.sin(2 * e + a)
    return np.asarray(255 * np.stack(np.broadcast_arrays(red, green, blue), axis=-1))


def _panorama(heading_deg: float, width: int = 4 * WIDTH) -> Pixels:
    """The world, 360 by 90 degrees, its centre column looking along `heading_deg`."""
    azimuth = heading_deg + (np.arange(width) + 0.5) / width * 360 - 180
    elevation = (0.5 - (np.arange(width // 4) + 0.5) / (width // 4)) * 90
    return np.rint(_world(azimuth[None], elevation[:, None])).astype(np.uint8)


def _photo(camera: Camera, heading_deg: float, width: int = 400, height: int = 600) -> Pixels:
    """The world through a pinhole, by turning the ray of every pixel with rotation matrices."""
    focal = width / 2 / math.tan(math.radians(camera.fov_deg / 2))
    x, y = np.meshgrid(np.arange(width) + 0.5 - width / 2, height / 2 - np.arange(height) - 0.5)
    rays = np.stack([x, y, np.full_like(x, focal)], axis=-1)  # right, up, ahead
    r, p = math.radians(camera.roll_deg), math.radians(camera.pitch_deg)
    rolled = np.array([[math.cos(r), math.sin(r), 0], [-math.sin(r), math.cos(r), 0], [0, 0, 1]])
    pitched = np.array([[1, 0, 0], [0, math.cos(p), math.sin(p)], [0, -math.sin(p), math.cos(p)]])
    right, up, ahead = np.moveaxis(rays @ (pitched @ rolled).T, -1, 0)
    azimuth = heading_deg + np.degrees(np.arctan2(right, ahead))
    elevation = np.degrees(np.arctan2(up, np.hypot(right, ahead)))
    return np.rint(_world(azimuth, elevation)).astype(np.uint8)


def _canvas(first: int, seen: int) -> Floats:
    """The world as the network should see it from column `first` on, without margins: (3, 96, seen * 16)."""
    azimuth = (first * 16 + np.arange(seen * 16) + 0.5) * 360 / WIDTH
    elevation = (0.5 - (np.arange(96) + 0.5) / 96) * 90
    return _world(azimuth[None], elevation[:, None]).transpose(2, 0, 1) / 127.5 - 1


def test_a_full_panorama_fills_the_canvas_and_its_margins() -> None:
    ready = ground_input(_panorama(0.0), Camera("panorama", 360.0), _view(), EMBEDDING)
    assert ready.pixels.shape == (3, 96, WIDTH + 2 * MARGIN)
    assert ready.pixels.dtype == np.float32
    assert (ready.seen, ready.firsts.tolist()) == (24, list(range(24)))


def test_margins_continue_around_the_circle() -> None:
    pixels = ground_input(_panorama(77.0), Camera("panorama", 360.0), _view(), EMBEDDING).pixels
    np.testing.assert_allclose(pixels[..., : 2 * MARGIN], pixels[..., WIDTH:], atol=1e-6)


@pytest.mark.parametrize("k", [1, 16, 100, 383])
def test_rolling_a_panorama_rolls_its_canvas(k: int) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (96, WIDTH, 3), dtype=np.uint8)
    view, camera = _view(margin_px=0), Camera("panorama", 360.0)
    still = ground_input(noise, camera, view, EMBEDDING).pixels
    rolled = ground_input(np.roll(noise, k, axis=1), camera, view, EMBEDDING).pixels
    np.testing.assert_allclose(rolled, np.roll(still, k, axis=2), atol=1e-5)


@pytest.mark.parametrize("heading", [0.0, 90.0, 200.0, 355.0])
def test_a_known_heading_puts_north_at_column_zero(heading: float) -> None:
    pixels = np.zeros((96, WIDTH, 3), np.uint8)
    north = int((180 - heading) % 360 / 360 * WIDTH)  # column of the photo that looks along azimuth 0
    pixels[:, north, 0] = 255
    ready = ground_input(pixels, Camera("panorama", 360.0, heading), _view(margin_px=0), EMBEDDING)
    red = (ready.pixels[0, 48] + 1) / 2
    assert red[[0, -1]].sum() == pytest.approx(red.sum(), abs=1e-6)
    assert red.sum() == pytest.approx(1, abs=1e-6)
    assert ready.firsts.tolist() == [0]


@pytest.mark.parametrize("heading", [0.0, 30.0, 251.7])
def test_panoramas_of_any_heading_show_the_same_world(heading: float) -> None:
    ready = ground_input(_panorama(heading), Camera("panorama", 360.0, heading), _view(margin_px=0), EMBEDDING)
    np.testing.assert_allclose(ready.pixels, _canvas(0, 24), atol=2 * GREY_LEVEL)


@pytest.mark.parametrize("heading", [45.0, 352.5, 100.3])
@pytest.mark.parametrize(("pitch", "roll"), [(0.0, 0.0), (12.0, 0.0), (-8.0, 0.0), (0.0, 20.0), (10.0, -15.0)])
def test_a_photo_shows_the_world_of_the_panorama(heading: float, pitch: float, roll: float) -> None:
    camera = Camera("perspective", 90.0, heading, pitch_deg=pitch, roll_deg=roll)
    ready = ground_input(_photo(camera, heading), camera, _view(margin_px=0), EMBEDDING)
    expected = _canvas(int(ready.firsts[0]), 6)
    window = np.s_[:, 24:72, 8:88]  # what the pinhole saw, whatever its tilt, away from the repeated edge
    seen = (ready.pixels[window] != 0).any(axis=0)
    assert seen.mean() > 0.8
    np.testing.assert_allclose(ready.pixels[window][:, seen], expected[window][:, seen], atol=2 * GREY_LEVEL)


def test_tilting_the_camera_up_lowers_the_horizon_in_the_photo_not_on_the_canvas() -> None:
    camera = Camera("perspective", 90.0, 45.0, pitch_deg=10.0)
    photo = np.zeros((640, 640, 3), np.uint8)
    photo[: 320 + round(320 * math.tan(math.radians(10.0)))] = 255  # sky
    column = ground_input(photo, camera, _view(margin_px=0), EMBEDDING).pixels[0, :, 48]
    assert column[40] == pytest.approx(1)
    assert column[56] == pytest.approx(-1)


def test_what_a_photo_did_not_see_is_zero() -> None:
    white = np.full((200, 600, 3), 255, np.uint8)  # 90 degrees wide, 37 high
    pixels = ground_input(white, Camera("perspective", 90.0), _view(margin_px=0), EMBEDDING).pixels
    assert (pixels[:, [0, -1]] == 0).all()
    assert (pixels[:, 44:52] == 1).all()


@pytest.mark.parametrize(("fov", "seen"), [(70.0, 5), (90.0, 6), (15.0, 1), (10.0, 1), (150.0, 10)])
def test_a_photo_gives_the_columns_it_saw(fov: float, seen: int) -> None:
    ready = ground_input(_photo(Camera("perspective", 90.0), 0.0), Camera("perspective", fov), _view(), EMBEDDING)
    assert (ready.seen, ready.pixels.shape) == (seen, (3, 96, seen * 16 + 2 * MARGIN))


@pytest.mark.parametrize(
    ("heading", "fov", "first"), [(45, 90, 0), (0, 90, 21), (52, 90, 0), (10, 70, 22), (53, 90, 1)]
)
def test_the_first_column_of_a_known_heading(heading: float, fov: float, first: int) -> None:
    ready = ground_input(_photo(Camera(), 0.0), Camera("perspective", fov, heading), _view(), EMBEDDING)
    assert ready.firsts.tolist() == [first]
    assert (ready.firsts[0] * 15 - ready.left_deg) % 360 == pytest.approx(heading)


def test_a_cut_of_a_panorama_shows_its_part_of_the_world() -> None:
    cut = _panorama(200.0)[:, 384:1152]  # the middle 180 degrees
    ready = ground_input(cut, Camera("panorama", 180.0, 200.0), _view(margin_px=0), EMBEDDING)
    inner = np.s_[..., 8:-8]
    np.testing.assert_allclose(ready.pixels[inner], _canvas(int(ready.firsts[0]), 12)[inner], atol=2 * GREY_LEVEL)


@pytest.mark.parametrize(("accuracy", "count"), [(None, 1), (0.0, 1), (7.5, 1), (15.0, 3), (40.0, 5), (180.0, 24)])
def test_an_uncertain_heading_allows_its_neighbours(accuracy: float | None, count: int) -> None:
    camera = Camera("perspective", 90.0, 100.0, accuracy)
    ready = ground_input(_photo(camera, 100.0), camera, _view(), EMBEDDING)
    off = (centre_heading(ready.firsts, 6, 24) - 105.0 + 180) % 360 - 180  # the canvas is cut on whole columns
    assert ready.firsts.size == count
    assert np.abs(off).max() <= max(accuracy or 0, 7.5)


def test_a_model_of_plain_vectors_gets_the_whole_canvas() -> None:
    camera, view = Camera("perspective", 90.0), _view(any_width=False, margin_px=0)
    ready = ground_input(_photo(camera, 0.0), camera, view, Embedding(columns=1, channels=8))
    assert (ready.seen, ready.firsts.tolist(), ready.pixels.shape) == (1, [0], (3, 96, WIDTH))
    unseen = (ready.pixels == 0).all(axis=(0, 1))
    assert (~unseen).nonzero()[0][[0, -1]].tolist() == [144, 239]


def test_fine_patterns_become_grey_not_moire() -> None:
    checkers = (np.indices((8 * 96, 8 * WIDTH)).sum(axis=0) % 2 * 255).astype(np.uint8)
    pixels = np.repeat(checkers[:, :, None], 3, axis=2)
    ready = ground_input(pixels, Camera("panorama", 360.0), _view(margin_px=0), EMBEDDING)
    assert np.abs(ready.pixels).max() < 0.02


@pytest.mark.parametrize(
    ("pointer", "arguments"),
    [
        ("camera.fov_deg", {"fov_deg": 9.9}),
        ("camera.fov_deg", {"fov_deg": 151.0}),
        ("camera.fov_deg", {"fov_deg": 361.0, "projection": "panorama"}),
        ("camera.fov_deg", {"fov_deg": math.nan}),
        ("camera.heading_deg", {"heading_deg": 360.0}),
        ("camera.heading_deg", {"heading_deg": math.nan}),
        ("camera.heading_deg", {"heading_deg": -1.0}),
        ("camera.heading_accuracy_deg", {"heading_deg": 1.0, "heading_accuracy_deg": 181.0}),
        ("camera.heading_accuracy_deg", {"heading_accuracy_deg": 5.0}),
        ("camera.pitch_deg", {"pitch_deg": 61.0}),
        ("camera.roll_deg", {"roll_deg": math.inf}),
    ],
)
def test_an_impossible_camera_names_the_field(pointer: str, arguments: dict[str, float]) -> None:
    with pytest.raises(ParameterError) as caught:
        Camera(**arguments)  # type: ignore[arg-type]
    assert caught.value.pointer == pointer


AERIAL = AerialView(sha256="0" * 64, size_px=8, footprint_m=64.0, mean=(0.5, 0.4, 0.3), std=(0.5, 0.25, 0.1))


def test_a_tile_of_the_right_size_is_only_normalised() -> None:
    tile = np.random.default_rng(0).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    ready = aerial_input(tile, AERIAL)
    expected = (tile[3, 5] / 255 - AERIAL.mean) / AERIAL.std
    np.testing.assert_allclose(ready[:, 3, 5], expected, atol=1e-5)
    assert (ready.shape, ready.dtype.name, ready.flags.c_contiguous) == ((3, 8, 8), "float32", True)


def test_a_large_tile_is_scaled_and_stays_north_up() -> None:
    tile = np.zeros((64, 64, 3), np.uint8)
    tile[:32, :32] = 255
    red = aerial_input(tile, AERIAL)[0]
    assert red[:3, :3].min() == pytest.approx(1)
    assert red[5:].max() == red[:, 5:].max() == pytest.approx(-1)


@pytest.mark.parametrize(
    ("resolution", "footprint", "side", "filled"),
    [(0.5, 10.0, 20, 0), (None, 10.0, 40, 0), (0.25, 10.0, 40, 0), (0.2, 10.0, 50, 50 * 50 - 40 * 50)],
)
def test_the_footprint_is_cut_around_the_centre(
    resolution: float | None, footprint: float, side: int, filled: int
) -> None:
    image = np.zeros((40, 60, 3), np.uint8)
    image[:, 30:] = 200
    image[19:21, 29:31] = 255
    square = crop_to_footprint(image, resolution, footprint)
    middle = side // 2
    assert square.shape == (side, side, 3)
    assert (square[middle - 1 : middle + 1, middle - 1 : middle + 1] == 255).all()
    assert (square == 100).all(axis=2).sum() == filled  # the mean of what is there

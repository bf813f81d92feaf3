from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from models.datasets.pairset import PairSet
from models.encoder import Encoder, FakeEncoder
from models.errors import UsageError
from models.evaluation.queries import UNKNOWN_FOV_DEG, prepare, show
from models.evaluation.settings import Settings
from models.limited_view import query_angle
from tests.models.evaluation.strips import StripEncoder

WIDTH, HEIGHT = 360, 180
CANVAS, STRIPS = FakeEncoder(columns=12), StripEncoder()
TURNED = Settings(orientation="unknown", turned=True, seed=7)


def pair_set(folder: Path, *, heading_deg: float = 0.0, fov_deg: float = 360.0, width: int = WIDTH) -> PairSet:
    """One photo whose red channel is half its column number, and a grey tile."""
    columns = np.broadcast_to((np.arange(width) // 2).astype(np.uint8)[None, :, None], (HEIGHT, width, 3))
    Image.fromarray(np.ascontiguousarray(columns)).save(folder / "g.png")
    Image.fromarray(np.full((64, 64, 3), 90, np.uint8)).save(folder / "a.png")
    return PairSet(
        name="one",
        ground=(folder / "g.png",),
        aerial=(folder / "a.png",),
        positive=np.array([0]),
        semi_positive=np.empty((1, 0), dtype=np.int64),
        heading_deg=np.array([heading_deg]),
        fov_deg=np.array([fov_deg]),
    )


def shown_columns(pairs: PairSet, settings: Settings, encoder: Encoder = CANVAS) -> NDArray[np.int64]:
    return show(pairs, 0, settings, encoder.manifest).pixels[0, :, 0].astype(np.int64) * 2


@pytest.mark.parametrize("fov_deg", [360.0, 180.0, 90.0, 70.0])
def test_an_unknown_heading_is_a_turn_drawn_from_the_seed(tmp_path: Path, fov_deg: float) -> None:
    settings = TURNED.model_copy(update={"fov_deg": fov_deg})
    expected = (np.arange(int(fov_deg)) - query_angle(7, 0)) % 360
    off = (shown_columns(pair_set(tmp_path), settings) - expected + 180) % 360 - 180
    assert np.abs(off).max() <= 2
    again = settings.model_copy(update={"seed": 8})
    assert not np.array_equal(shown_columns(pair_set(tmp_path), again), shown_columns(pair_set(tmp_path), settings))


@pytest.mark.parametrize(("heading_deg", "fov_deg"), [(0.0, 360.0), (0.0, 90.0), (250.0, 70.0)])
def test_the_true_heading_of_a_turned_view_is_known_afterwards(
    tmp_path: Path, heading_deg: float, fov_deg: float
) -> None:
    pairs = pair_set(tmp_path, heading_deg=heading_deg)
    found = show(pairs, 0, TURNED.model_copy(update={"fov_deg": fov_deg}), CANVAS.manifest)
    expected = heading_deg - 180 - query_angle(7, 0) + fov_deg / 2
    assert found.heading_deg == pytest.approx(expected % 360, abs=360 / WIDTH)  # the turn is cut to whole columns
    assert (found.camera.fov_deg, found.camera.heading_deg) == (fov_deg, None)


def test_a_known_heading_keeps_the_middle(tmp_path: Path) -> None:
    pairs, settings = pair_set(tmp_path, heading_deg=30.0), Settings(orientation="known", fov_deg=90.0)
    found = show(pairs, 0, settings, CANVAS.manifest)
    assert shown_columns(pairs, settings).tolist() == [column // 2 * 2 for column in range(135, 225)]
    assert (found.camera.heading_deg, found.heading_deg, found.camera.projection) == (30.0, 30.0, "panorama")


def test_photos_that_are_no_panoramas_are_shown_whole(tmp_path: Path) -> None:
    pairs = pair_set(tmp_path, heading_deg=30.0, fov_deg=65.0)
    found = show(pairs, 0, TURNED.model_copy(update={"fov_deg": 40.0}), CANVAS.manifest)
    assert (found.pixels.shape, found.camera.projection, found.camera.fov_deg) == ((180, 360, 3), "perspective", 65.0)
    assert (found.camera.heading_deg, found.heading_deg) == (None, 30.0)


def test_an_unknown_field_of_view_is_that_of_a_phone_or_of_the_network(tmp_path: Path) -> None:
    pairs = pair_set(tmp_path, heading_deg=np.nan, fov_deg=np.nan)
    assert show(pairs, 0, Settings(), CANVAS.manifest).camera.fov_deg == UNKNOWN_FOV_DEG
    narrow = StripEncoder(90.0)
    assert show(pairs, 0, Settings(), narrow.manifest).camera.fov_deg == 90.0
    assert prepare(pairs, 0, Settings(), narrow.manifest).ground.pixels.shape == (3, 8, 24)


@pytest.mark.parametrize("fov_deg", [360.0, 90.0])
def test_published_networks_see_the_stretched_panorama_turned_and_cut(tmp_path: Path, fov_deg: float) -> None:
    pairs, encoder = pair_set(tmp_path, width=192), StripEncoder(fov_deg)
    settings = TURNED.model_copy(update={"fov_deg": fov_deg})
    seen = (prepare(pairs, 0, settings, encoder.manifest).ground.pixels[0, 0] + 0.5) * 255
    width = int(fov_deg / 360 * 96)
    assert seen.shape == (width,)
    shift = int(query_angle(7, 0) / 360 * 96)
    inside = [j for j in range(width) if 1 <= (j - shift) % 96 <= 94]  # the outermost columns repeat the edge
    np.testing.assert_allclose(seen[inside], [(j - shift) % 96 for j in inside], atol=1.0)


def test_a_known_heading_brings_north_into_the_middle(tmp_path: Path) -> None:
    """A panorama 192 px wide whose centre heads 90: north is a quarter of its width to the left, at column 48."""
    pairs = pair_set(tmp_path, heading_deg=90.0, width=192)
    ready = prepare(pairs, 0, Settings(orientation="known", fov_deg=90.0), StripEncoder(90.0).manifest)
    assert ready.ground.pixels.shape == (3, 8, 24)
    assert (ready.ground.pixels[0, 0, 11:13].mean() + 0.5) * 255 == pytest.approx(24, abs=1)
    assert ready.heading_deg == 0.0


def test_a_network_for_another_field_of_view_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"strips@1 takes photos of 360 degrees.*made for 90 degrees"):
        prepare(pair_set(tmp_path), 0, Settings(fov_deg=90.0), STRIPS.manifest)


def test_corruption_is_seeded_by_query_and_seed(tmp_path: Path) -> None:
    one = pair_set(tmp_path)
    pairs = replace(one, ground=one.ground * 2, heading_deg=np.zeros(2), fov_deg=np.full(2, 360.0))
    noisy = Settings(corruption="gaussian_noise", severity=3)

    def pixels(index: int, settings: Settings) -> NDArray[np.uint8]:
        return show(pairs, index, settings, CANVAS.manifest).pixels

    np.testing.assert_array_equal(pixels(0, noisy), pixels(0, noisy))
    assert not np.array_equal(pixels(0, noisy), pixels(1, noisy))
    assert not np.array_equal(pixels(0, noisy), pixels(0, noisy.model_copy(update={"seed": 1})))


@pytest.mark.parametrize(("encoder", "width"), [(CANVAS, 96), (STRIPS, 96)])
def test_photos_are_spoiled_at_the_size_at_which_they_are_seen(tmp_path: Path, encoder: Encoder, width: int) -> None:
    noisy = Settings(corruption="gaussian_noise", severity=1)
    assert show(pair_set(tmp_path), 0, noisy, encoder.manifest).pixels.shape == (48, width, 3)
    small = pair_set(tmp_path, width=64)
    assert show(small, 0, noisy, encoder.manifest).pixels.shape == (180, 64, 3)

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from models.bundle import AerialView, Embedding, ModelManifest, Parity, StretchedView
from models.encoder import FakeEncoder
from models.errors import UsageError
from models.importing import sample
from models.importing.sample import city_sample, held_out_sample
from tests.models.importing.made import noise, write_pairs


def _manifest(fov_deg: float = 360.0) -> ModelManifest:
    plain = FakeEncoder().manifest
    zero, one = (0.0, 0.0, 0.0), (1.0, 1.0, 1.0)
    ground = StretchedView(
        sha256="0" * 64,
        height_px=32,
        width_px=int(fov_deg / 360 * 176),
        panorama_width_px=176,
        panorama_aspect=0.5,
        fov_deg=fov_deg,
        mean=zero,
        std=one,
    )
    aerial = AerialView(sha256="0" * 64, size_px=40, footprint_m=60.0, mean=zero, std=one)
    update = {"ground": ground, "aerial": aerial, "embedding": Embedding(columns=1, channels=4)}
    return plain.model_copy(update=update | {"parity": Parity(ground=0, aerial=0, samples=1)})


def _scaled(pixels: NDArray[np.uint8]) -> NDArray[np.float64]:
    return np.asarray(pixels.transpose(2, 0, 1) / 255.0)


def test_pairs_become_inputs_and_tiles_are_taken_once(tmp_path: Path) -> None:
    found = held_out_sample(write_pairs(tmp_path, 4, 2), _manifest())
    assert found.text == "all 4 held-out pairs of pairs.csv, 2 aerial images"
    assert (len(found.photos), len(found.tiles)) == (4, 2)
    np.testing.assert_allclose(found.photos[3].pixels, _scaled(noise(3, 32, 176)), atol=1e-6)
    np.testing.assert_allclose(found.tiles[1], _scaled(noise(1001, 40, 40)), atol=1e-6)


def test_of_many_pairs_some_are_taken_evenly(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sample, "MOST_PAIRS", 3)
    found = held_out_sample(write_pairs(tmp_path, 9, 9), _manifest())
    assert found.text == "3 of 9 held-out pairs of pairs.csv, 3 aerial images"
    np.testing.assert_allclose(found.photos[2].pixels, _scaled(noise(6, 32, 176)), atol=1e-6)


def test_a_city_gives_photos_of_the_models_field_of_view() -> None:
    whole, narrow = city_sample(3, _manifest()), city_sample(3, _manifest(90.0))
    assert whole.text == "3 places of a synthetic city (seed 4099), rendered photos of 360 degrees and 3 tiles"
    assert "photos of 90 degrees" in narrow.text
    assert [photo.pixels.shape for photo in whole.photos] == [(3, 32, 176)] * 3
    assert [photo.pixels.shape for photo in narrow.photos] == [(3, 32, 44)] * 3
    assert all(np.array_equal(a, b) for a, b in zip(whole.tiles, narrow.tiles, strict=True))  # the same places
    assert [tile.shape for tile in whole.tiles] == [(3, 40, 40)] * 3
    assert not np.array_equal(whole.tiles[0], whole.tiles[1])


def test_one_place_compares_nothing() -> None:
    with pytest.raises(UsageError, match="--sample-places is 1"):
        city_sample(1, _manifest())

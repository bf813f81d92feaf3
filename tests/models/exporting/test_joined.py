"""Several runs as one bundle."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from models.bundle import ModelBundle
from models.encoder import OnnxEncoder
from models.errors import UsageError
from models.evaluation.benchmark import CityBenchmark
from models.evaluation.photographs import Setting
from models.exporting.joined import PHOTOS_DEG, export_joined
from models.exporting.run import load_run
from models.networks.joined import narrow
from models.training.config import TrainConfig
from models.training.encoder import TorchEncoder

Save = Callable[[TrainConfig], Path]


@pytest.fixture(scope="module")
def runs(tiny_columns: TrainConfig, untrained_run: Save) -> list[Path]:
    """Two runs that differ in their heads alone."""
    folders = [untrained_run(tiny_columns.model_copy(update={"seed": seed})) for seed in (1, 2)]
    states = [torch.load(folder / "checkpoint.pt", weights_only=True) for folder in folders]
    for name, value in states[0]["learner"].items():
        if name.startswith("network.stem."):
            states[1]["learner"][name] = value
    torch.save(states[1], folders[1] / "checkpoint.pt")
    return folders


@pytest.fixture(scope="module")
def bundle(runs: list[Path], tmp_path_factory: pytest.TempPathFactory) -> ModelBundle:
    return export_joined(runs, tmp_path_factory.mktemp("export") / "joined")


def test_the_bundle_has_the_layout_of_one_and_names_them_all(bundle: ModelBundle, runs: list[Path]) -> None:
    config, network, _ = load_run(runs[0])
    assert bundle.manifest.embedding == config.views[0]
    training = bundle.manifest.training
    assert training["members"][0]["config"] == config.model_dump(mode="json")
    assert [member["config"]["seed"] for member in training["members"]] == [1, 2]
    assert {"steps", "seconds"} <= training["members"][0].keys()
    stem = sum(value.numel() for value in network.state_dict().values()) * 2
    assert stem < bundle.aerial_path.stat().st_size + bundle.ground_path.stat().st_size


def test_channels_are_kept_by_the_validation_city(
    bundle: ModelBundle, runs: list[Path], tiny_columns: TrainConfig
) -> None:
    """The same by hand: the columns of both members side by side, and the maps that keep their products best."""
    city, channels = tiny_columns.validation, bundle.manifest.embedding.channels
    assert city is not None
    bench = CityBenchmark.render(city.city, city.places, city.extent_m)
    members = [TorchEncoder(*load_run(run)[:2]) for run in runs]

    def side_by_side(rows: list[NDArray[np.float32]]) -> NDArray[np.float32]:
        beside: NDArray[np.float32] = np.concatenate([row.reshape(-1, channels) for row in rows], axis=1)
        return beside / np.float32(np.sqrt(len(rows)))

    settings = [Setting(fov_deg, "unknown") for fov_deg in PHOTOS_DEG]
    photos = [side_by_side([bench.describe(each, setting).rows for each in members]) for setting in settings]
    tiles = side_by_side([bench.centres(each).rows for each in members])
    maps = narrow(np.concatenate(photos), tiles, channels)
    expected = (photos[0] @ maps.ground.T).reshape(city.places, -1)
    expected /= np.linalg.norm(expected, axis=1, keepdims=True)
    np.testing.assert_allclose(bench.describe(OnnxEncoder(bundle), settings[0]).rows, expected, atol=1e-2)


def test_one_run_twice_and_runs_of_other_networks_are_refused(
    runs: list[Path], tiny_columns: TrainConfig, tiny_transgeo: TrainConfig, untrained_run: Save, tmp_path: Path
) -> None:
    wider = tiny_columns.model_copy(update={"footprint_m": 80.0, "seed": 9})
    for others, message in (
        ([runs[0], runs[1], runs[0]], "have one configuration"),
        ([runs[0], untrained_run(wider)], "footprint_m"),
        ([untrained_run(tiny_transgeo), runs[0]], "transgeo run"),
    ):
        with pytest.raises(UsageError, match=message):
            export_joined(others, tmp_path / "refused")
    assert not (tmp_path / "refused").exists()


def test_runs_with_other_stems_are_refused(runs: list[Path], tmp_path: Path) -> None:
    state = torch.load(runs[1] / "checkpoint.pt", weights_only=True)
    other = tmp_path / "other"
    other.mkdir()
    (other / "config.json").write_text((runs[1] / "config.json").read_text())
    name = next(name for name in state["learner"] if name.startswith("network.stem.") and name.endswith("weight"))
    state["learner"][name] = state["learner"][name] + 1.0
    torch.save(state, other / "checkpoint.pt")
    with pytest.raises(UsageError, match="stems differ"):
        export_joined([runs[0], other], tmp_path / "refused")

from __future__ import annotations

import numpy as np
import pytest
import torch

from models.exporting.graph import sample_pixels
from models.networks.azimuth import AzimuthColumns
from models.networks.transgeo import TransGeo
from models.training.config import TrainConfig
from models.training.encoder import TorchEncoder
from models.training.model import Learner, build_network


@pytest.fixture(params=["tiny_transgeo", "tiny_columns"])
def config(request: pytest.FixtureRequest) -> TrainConfig:
    found: TrainConfig = request.getfixturevalue(request.param)
    return found


def _photos(config: TrainConfig, seed: int) -> torch.Tensor:
    return sample_pixels(config.views[1], 2, seed=seed)


def _tiles(config: TrainConfig, seed: int) -> torch.Tensor:
    return sample_pixels(config.views[2], 2, seed=seed)


@torch.inference_mode()
def test_cutting_a_network_changes_nothing(config: TrainConfig) -> None:
    learner = Learner(build_network(config, pretrained=False)).eval()
    photos, tiles = _photos(config, 0), _tiles(config, 1)
    assert torch.equal(learner.ground_rest(learner.ground_front(photos)), learner.network.ground(photos))
    assert torch.equal(learner.aerial_rest(learner.aerial_front(tiles)), learner.network.aerial(tiles))


def test_sizes_come_from_the_configuration(tiny_transgeo: TrainConfig, tiny_columns: TrainConfig) -> None:
    transgeo, columns = (build_network(c, pretrained=False) for c in (tiny_transgeo, tiny_columns))
    assert isinstance(transgeo, TransGeo)
    assert transgeo.query_net.grid == (1, 4)
    assert isinstance(columns, AzimuthColumns)
    assert columns.size.canvas_px == (32, 128)


def test_the_temperature_starts_at_seven_hundredths(config: TrainConfig) -> None:
    scale = Learner(build_network(config, pretrained=False)).log_scale.exp().item()
    assert scale == pytest.approx(1 / 0.07, rel=1e-4)


def test_only_columns_have_a_frozen_front(config: TrainConfig) -> None:
    learner = Learner(build_network(config, pretrained=False))
    assert learner.has_frozen_front == (config.model.kind == "columns")


def test_a_torch_network_is_an_encoder(config: TrainConfig) -> None:
    network = build_network(config, pretrained=False)
    encoder = TorchEncoder(config, network)
    embedding = encoder.manifest.embedding
    ground, aerial = encoder.ground(_photos(config, 0).numpy()), encoder.aerial(_tiles(config, 1).numpy())
    assert ground.shape == (2, embedding.columns, embedding.channels)
    assert aerial.shape == (2, 1, embedding.size)
    for rows in (ground.reshape(2, -1), aerial[:, 0]):
        np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-5)

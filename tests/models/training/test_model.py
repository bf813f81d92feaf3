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
def test_cutting_azimuth_columns_changes_nothing(tiny_columns: TrainConfig) -> None:
    network = build_network(tiny_columns, pretrained=False).eval()
    assert isinstance(network, AzimuthColumns)
    photos, tiles = _photos(tiny_columns, 0), _tiles(tiny_columns, 1)
    cells_m = network.aerial_head.cells_m.expand(2, -1, -1)
    assert torch.equal(network.ground_rest(network.ground_front(photos)), network.ground(photos))
    assert torch.equal(network.aerial_rest(network.aerial_front(tiles), cells_m), network.aerial(tiles))


def test_sizes_come_from_the_configuration(tiny_transgeo: TrainConfig, tiny_columns: TrainConfig) -> None:
    transgeo, columns = (build_network(c, pretrained=False) for c in (tiny_transgeo, tiny_columns))
    assert isinstance(transgeo, TransGeo)
    assert transgeo.query_net.grid == (1, 4)
    assert isinstance(columns, AzimuthColumns)
    assert columns.size.canvas_px == (32, 128)


def test_the_temperature_starts_at_seven_hundredths(config: TrainConfig) -> None:
    scale = Learner(build_network(config, pretrained=False)).log_scale.exp().item()
    assert scale == pytest.approx(1 / 0.07, rel=1e-4)


def test_a_torch_network_is_an_encoder(config: TrainConfig) -> None:
    network = build_network(config, pretrained=False)
    encoder = TorchEncoder(config, network)
    embedding = encoder.manifest.embedding
    ground, aerial = encoder.ground(_photos(config, 0).numpy()), encoder.aerial(_tiles(config, 1).numpy())
    assert ground.shape == (2, embedding.columns, embedding.channels)
    assert aerial.shape == (2, 9 if embedding.columns > 1 else 1, embedding.size)
    for rows in (ground.reshape(2, -1), aerial.reshape(-1, embedding.size)):
        np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-5)

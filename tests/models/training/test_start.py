from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from models.errors import CheckpointError, CheckpointMismatch, UsageError
from models.networks.transgeo import TransGeo
from models.training.config import TrainConfig
from models.training.model import Learner, build_network
from models.training.start import start_from

CROP = {"aerial_px": 48, "crop": {"keep": 0.5, "guide_px": 32}}


def _config(base: TrainConfig, kind: str, **model: Any) -> TrainConfig:
    document = base.model_dump()
    return TrainConfig.model_validate(document | {"start": {"kind": kind}, "model": document["model"] | model})


def _network(config: TrainConfig, seed: int = 0) -> TransGeo:
    torch.manual_seed(seed)
    network = build_network(config)
    assert isinstance(network, TransGeo)
    return network


@pytest.fixture
def own_run(tiny_transgeo: TrainConfig, tmp_path: Path) -> tuple[TransGeo, Path]:
    first = _network(tiny_transgeo, seed=3)
    torch.save({"learner": Learner(first).state_dict(), "step": 9}, tmp_path / "checkpoint.pt")
    return first, tmp_path / "checkpoint.pt"


def test_a_second_stage_takes_the_first_over(tiny_transgeo: TrainConfig, own_run: tuple[TransGeo, Path]) -> None:
    first, file = own_run
    config = _config(tiny_transgeo, "stage-1", **CROP)
    second = _network(config)
    start_from(config, Learner(second), file)
    assert second.guide is not None
    assert torch.equal(second.query_net.pos_embed, first.query_net.pos_embed)
    assert torch.equal(second.guide.pos_embed, first.reference_net.pos_embed)
    assert second.reference_net.pos_embed.shape[1] == 2 + 3 * 3
    assert torch.equal(second.reference_net.head.weight, first.reference_net.head.weight)


def test_an_official_checkpoint_is_a_first_stage_too(tiny_transgeo: TrainConfig, tmp_path: Path) -> None:
    first, config = _network(tiny_transgeo, seed=4), _config(tiny_transgeo, "stage-1")
    state = {f"module.{name}": value for name, value in first.state_dict().items()}
    torch.save({"epoch": 100, "state_dict": state, "best_acc1": 0}, tmp_path / "checkpoint.pth.tar")
    network = _network(config)
    start_from(config, Learner(network), tmp_path / "checkpoint.pth.tar")
    for name, value in first.state_dict().items():
        assert torch.equal(network.state_dict()[name], value), name


def test_both_branches_start_from_deit(tiny_transgeo: TrainConfig, tmp_path: Path) -> None:
    deit = _network(_config(tiny_transgeo, "scratch", ground_px=(224, 224), fov_deg=360.0), seed=5).query_net
    torch.save({"model": deit.state_dict()}, tmp_path / "deit.pth")
    config = _config(tiny_transgeo, "deit")
    network = _network(config)
    start_from(config, Learner(network), tmp_path / "deit.pth")
    for branch in (network.query_net, network.reference_net):
        assert torch.equal(branch.pos_embed[:, :2], deit.pos_embed[:, :2])
        assert torch.equal(
            branch.state_dict()["blocks.0.attn.qkv.weight"], deit.state_dict()["blocks.0.attn.qkv.weight"]
        )


@pytest.mark.parametrize(("kind", "words"), [("deit", "dl.fbaipublicfiles.com"), ("stage-1", "first stage")])
def test_what_is_missing_is_named(tiny_transgeo: TrainConfig, kind: str, words: str) -> None:
    config = _config(tiny_transgeo, kind)
    with pytest.raises(UsageError, match=words):
        start_from(config, Learner(_network(config)), None)


def test_a_file_that_is_not_asked_for_is_refused(tiny_transgeo: TrainConfig, own_run: tuple[TransGeo, Path]) -> None:
    with pytest.raises(UsageError, match="from scratch"):
        start_from(tiny_transgeo, Learner(_network(tiny_transgeo)), own_run[1])


def test_a_first_stage_of_another_depth_is_refused(tiny_transgeo: TrainConfig, own_run: tuple[TransGeo, Path]) -> None:
    config = _config(tiny_transgeo, "stage-1", depth=2)
    with pytest.raises(CheckpointMismatch, match=r"blocks\.1"):
        start_from(config, Learner(_network(config)), own_run[1])


def test_a_file_of_something_else_is_refused(tiny_transgeo: TrainConfig, tmp_path: Path) -> None:
    (tmp_path / "x.pt").write_bytes(b"not a checkpoint")
    config = _config(tiny_transgeo, "stage-1")
    with pytest.raises(CheckpointError, match=r"x\.pt"):
        start_from(config, Learner(_network(config)), tmp_path / "x.pt")


def test_azimuth_columns_go_on_from_a_run_with_its_temperature(tiny_columns: TrainConfig, tmp_path: Path) -> None:
    first, config = Learner(build_network(tiny_columns, pretrained=False)), _staged(tiny_columns)
    first.log_scale.data.fill_(3.5)
    torch.save({"learner": first.state_dict(), "step": 9}, tmp_path / "checkpoint.pt")
    torch.manual_seed(1)
    learner = Learner(build_network(config, pretrained=False))
    start_from(config, learner, tmp_path / "checkpoint.pt")
    assert learner.log_scale.item() == 3.5
    for name, value in first.state_dict().items():
        assert torch.equal(learner.state_dict()[name], value), name


def test_azimuth_columns_of_another_width_are_refused(tiny_columns: TrainConfig, tmp_path: Path) -> None:
    torch.save({"learner": Learner(build_network(tiny_columns, pretrained=False)).state_dict()}, tmp_path / "c.pt")
    config = _staged(tiny_columns, width=2 * tiny_columns.model.width)
    with pytest.raises(CheckpointMismatch, match="another network"):
        start_from(config, Learner(build_network(config, pretrained=False)), tmp_path / "c.pt")


def test_azimuth_columns_start_from_no_official_file(tiny_columns: TrainConfig, tmp_path: Path) -> None:
    torch.save({"state_dict": {}}, tmp_path / "c.pt")
    config = _staged(tiny_columns)
    with pytest.raises(CheckpointMismatch, match="run of this program"):
        start_from(config, Learner(build_network(config, pretrained=False)), tmp_path / "c.pt")


def _staged(base: TrainConfig, **model: Any) -> TrainConfig:
    document = base.model_dump()
    return TrainConfig.model_validate(document | {"start": {"kind": "stage-1"}, "model": document["model"] | model})

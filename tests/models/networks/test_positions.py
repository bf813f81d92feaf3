from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from models.errors import CheckpointMismatch
from models.networks.positions import DEIT_GRID, adopt_state, resize_positions
from models.networks.transformer import DistilledTransformer, TransformerSize
from tests.models.networks.recipe import DEEP, SMALL, drawn, far, pixels, small


@pytest.fixture
def golden(shared: Path) -> Any:
    return np.load(shared / "golden" / "small_goldens.npz")


@pytest.mark.parametrize(("before", "after"), [(16, 20), (20, 25)])
def test_stage_two_grids_equal_the_official_ones(golden: Any, before: int, after: int) -> None:
    start = drawn("reference_net.pos_embed", (1, before**2 + 2, DEEP.width), 0.02)
    resized = resize_positions(start, (before, before), (after, after))
    assert far(resized[..., :8], golden[f"posembed_{before}to{after}"]) < 1e-6


@pytest.mark.parametrize("antialias", [False, True])
@pytest.mark.parametrize("grid", [(7, 38), (16, 16), (20, 20), (20, 40), (7, 9)])
def test_grids_from_deit_equal_the_official_ones(golden: Any, grid: tuple[int, int], antialias: bool) -> None:
    start = torch.from_numpy((np.random.RandomState(90).standard_normal((1, 198, 384)) * 0.02).astype("f4"))
    resized = resize_positions(start, DEIT_GRID, grid, antialias=antialias)
    expected = golden[f"deitpos_14x14to{grid[0]}x{grid[1]}_antialias{int(antialias)}"]
    assert far(resized[:, 2:, :8], expected) < 1e-6
    assert torch.equal(resized[:, :2], start[:, :2])


def test_a_row_of_two_is_resized_to_four_between_centres() -> None:
    start = torch.tensor([7.0, 9.0, 0.0, 4.0]).reshape(1, 4, 1)
    assert resize_positions(start, (1, 2), (1, 4)).flatten().tolist() == [7, 9, 0, 1, 3, 4]


def test_positions_of_another_grid_are_refused() -> None:
    with pytest.raises(CheckpointMismatch, match="a grid of 4 x 5 patches"):
        resize_positions(torch.zeros(1, 18, 8), (4, 5), (6, 6))


def test_stage_one_warm_starts_stage_two() -> None:
    stage1, stage2 = small(), DistilledTransformer((40, 40), SMALL, keep=0.64)
    stage2.load_state_dict(adopt_state(stage1.state_dict(), stage2))
    assert torch.equal(stage2.pos_embed, resize_positions(stage1.pos_embed, (4, 4), (5, 5)))
    for name, value in stage1.named_parameters():
        assert name == "pos_embed" or torch.equal(stage2.get_parameter(name), value)


def test_a_grid_that_fits_is_left_untouched() -> None:
    stage2 = small((40, 40), keep=0.64)
    adopted = adopt_state(stage2.state_dict(), DistilledTransformer((40, 40), SMALL, keep=0.64))
    assert all(torch.equal(value, stage2.state_dict()[name]) for name, value in adopted.items())


def _like_deit() -> dict[str, Tensor]:
    return DistilledTransformer((112, 112), TransformerSize(24, 2, 3, 8)).state_dict()


def test_deit_fills_all_but_the_heads_of_another_size() -> None:
    network, deit = DistilledTransformer((56, 304), SMALL), _like_deit()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    network.load_state_dict(adopt_state({"model": deit}, network, from_grid=DEIT_GRID))
    assert torch.equal(network.head.weight, before["head.weight"])
    assert torch.equal(network.head_dist.bias, before["head_dist.bias"])
    assert torch.equal(network.blocks[1].mlp.fc1.weight, deit["blocks.1.mlp.fc1.weight"])  # type: ignore[union-attr, arg-type]
    assert torch.equal(network.pos_embed, resize_positions(deit["pos_embed"], DEIT_GRID, (7, 38)))


def test_deit_fills_heads_of_its_own_size() -> None:
    network, deit = DistilledTransformer((56, 72), TransformerSize(24, 2, 3, 8)), _like_deit()
    assert torch.equal(adopt_state({"model": deit}, network)["head_dist.weight"], deit["head_dist.weight"])


@torch.inference_mode()
def test_a_network_without_positions_keeps_its_zeros() -> None:
    network = DistilledTransformer((32, 32), SMALL, position_embedding=False)
    network.load_state_dict(adopt_state(small().state_dict(), network))
    assert network.pos_embed.eq(0).all()
    assert far(network(pixels(0, 1, 3, 32, 32)), small()(pixels(0, 1, 3, 32, 32))) > 1e-3


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda state: state.pop("norm.bias"), r"missing \['norm.bias'\]"),
        (lambda state: state.update({"extra": torch.zeros(1)}), r"unknown \['extra'\]"),
        (lambda state: state.update({"head.weight": torch.zeros(12, 24)}), r"head.weight: \(12, 24\) instead of"),
        (lambda state: state.update({"pos_embed": torch.zeros(1, 30, 24)}), "28 patches, which is no square"),
        (lambda state: state.update({"pos_embed": torch.zeros(1, 27, 8)}), "pos_embed"),
    ],
    ids=["missing", "unknown", "head", "grid", "width"],
)
def test_a_state_of_something_else_is_refused(change: Any, message: str) -> None:
    state = small().state_dict()
    change(state)
    with pytest.raises(CheckpointMismatch, match=message):
        adopt_state(state, small())

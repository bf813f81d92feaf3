"""Two processes on the CPU, started by torchrun; this file is also what they run."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from models.errors import UsageError
from models.losses import soft_margin_triplet, symmetric_infonce
from models.training.asam import SharpnessAware
from models.training.chunks import chunked_backward
from models.training.parallel import World, join_world

BATCH = 8


class _Learner(nn.Module):
    def __init__(self, seed: int) -> None:
        super().__init__()
        torch.manual_seed(seed)
        self.ground, self.aerial = nn.Linear(6, 5, dtype=torch.float64), nn.Linear(4, 5, dtype=torch.float64)
        self.log_scale = nn.Parameter(torch.tensor(1.0 + seed, dtype=torch.float64))
        self.idle = nn.Parameter(torch.ones(2))
        self.lopsided = nn.Parameter(torch.tensor(1.0, dtype=torch.float64))
        self.register_buffer("counter", torch.tensor([seed]))

    def loss(self, world: World, ground: Tensor, aerial: Tensor) -> Tensor:
        g, a = (F.normalize(world.gather_rows(rows), dim=1) for rows in (ground, aerial))
        return soft_margin_triplet(g @ a.T) + symmetric_infonce(g @ a.T, self.log_scale.exp())


def _run(world: World) -> dict[str, Any]:
    """One plain step, one in chunks and one sharpness-aware step, of this process's rows of the same batch."""
    learner = _Learner(seed=world.rank)
    world.broadcast_state(learner)
    mine = torch.from_numpy(world.share(np.arange(BATCH)))
    generator = torch.Generator().manual_seed(5)
    ground, aerial = (torch.randn(BATCH, n, generator=generator, dtype=torch.float64)[mine] for n in (6, 4))
    optimiser = SharpnessAware(
        torch.optim.AdamW([p for p in learner.parameters() if p is not learner.lopsided], lr=0.1)
    )

    def whole() -> Tensor:
        optimiser.zero_grad()
        learner.lopsided.grad = None
        loss = learner.loss(world, learner.ground(ground), learner.aerial(aerial))
        (loss + learner.lopsided if world.first else loss).backward()  # type: ignore[no-untyped-call]
        world.average_gradients(learner.parameters())
        return loss.detach()

    found: dict[str, Any] = {"start": {k: v.clone() for k, v in learner.state_dict().items()}, "loss": whole()}
    found["whole"] = {name: None if p.grad is None else p.grad.clone() for name, p in learner.named_parameters()}
    optimiser.zero_grad()
    chunked_backward(learner.ground, learner.aerial, ground, aerial, lambda g, a: learner.loss(world, g, a), 3)
    world.average_gradients(learner.parameters())
    found["chunks"] = {name: None if p.grad is None else p.grad.clone() for name, p in learner.named_parameters()}
    for act in (optimiser.ascend, optimiser.descend):
        whole()
        act()
    found["stepped"] = learner.state_dict()
    found["plan"] = torch.from_numpy(world.agree(lambda: np.arange(6).reshape(2, 3) + 10 * world.rank))
    world.barrier()
    return found


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    folder = tmp_path_factory.mktemp("two")
    start = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    where = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        [*start, __file__, str(folder)], env=where, capture_output=True, text=True, timeout=100, check=False
    )
    assert done.returncode == 0, done.stderr
    return [torch.load(folder / f"{rank}.pt") for rank in range(2)]


@pytest.fixture(scope="module")
def one() -> dict[str, Any]:
    return _run(World())


def test_everyone_starts_with_the_first_ones_weights(two: list[dict[str, Any]], one: dict[str, Any]) -> None:
    for found in two:
        torch.testing.assert_close(found["start"], one["start"], atol=0, rtol=0)


def test_two_processes_see_the_loss_of_the_whole_batch(two: list[dict[str, Any]], one: dict[str, Any]) -> None:
    for found in two:
        torch.testing.assert_close(found["loss"], one["loss"], atol=1e-12, rtol=0)


@pytest.mark.parametrize("way", ["whole", "chunks"])
@pytest.mark.parametrize("name", ["ground.weight", "ground.bias", "aerial.weight", "aerial.bias", "log_scale"])
def test_gradients_are_those_of_one_process(
    two: list[dict[str, Any]], one: dict[str, Any], way: str, name: str
) -> None:
    assert one[way][name].abs().max() > 1e-3
    for found in two:
        torch.testing.assert_close(found[way][name], one["whole"][name], atol=1e-12, rtol=0)


def test_a_sharpness_aware_step_is_that_of_one_process(two: list[dict[str, Any]], one: dict[str, Any]) -> None:
    assert not torch.equal(one["stepped"]["ground.weight"], one["start"]["ground.weight"])
    for found in two:
        torch.testing.assert_close(found["stepped"], one["stepped"], atol=1e-10, rtol=0)


def test_what_no_process_uses_stays_without_a_gradient_and_half_used_is_averaged(two: list[dict[str, Any]]) -> None:
    for found in two:
        assert found["whole"]["idle"] is None
        assert found["whole"]["lopsided"].item() == 0.5


def test_everyone_follows_the_first_ones_plan(two: list[dict[str, Any]], one: dict[str, Any]) -> None:
    assert all(torch.equal(found["plan"], one["plan"]) for found in two)


def test_a_process_alone_changes_nothing() -> None:
    world, rows, weight = World(), torch.ones(3, 2), torch.ones(2, requires_grad=True)
    weight.grad = torch.ones(2)
    world.average_gradients([weight])
    world.barrier()
    assert world.gather_rows(rows) is rows
    assert world.first
    assert torch.equal(weight.grad, torch.ones(2))


def test_a_batch_is_shared_in_order() -> None:
    shares = [World(rank, 3).share(np.arange(6)).tolist() for rank in range(3)]
    assert shares == [[0, 1], [2, 3], [4, 5]]


def test_a_batch_that_does_not_divide_is_refused() -> None:
    with pytest.raises(UsageError, match="7 pairs cannot be shared by 2"):
        World(0, 2).share(np.arange(7))


def test_without_torchrun_there_is_one_process() -> None:
    with join_world("cpu", {}) as world:
        assert world == World()


@pytest.mark.parametrize(
    "environment", [{"WORLD_SIZE": "2"}, {"WORLD_SIZE": "2", "RANK": "0"}, {"WORLD_SIZE": "x", "RANK": "0"}]
)
def test_half_an_environment_is_refused(environment: dict[str, str]) -> None:
    with pytest.raises(UsageError, match="start with torchrun"), join_world("cpu", environment):
        pass


def test_a_process_without_a_card_is_refused() -> None:
    local = str(torch.cuda.device_count())
    environment = {"WORLD_SIZE": "2", "RANK": "1", "LOCAL_RANK": local}
    with pytest.raises(UsageError, match="no card of its own"), join_world("cuda", environment):
        pass


if __name__ == "__main__":
    with join_world("cpu") as world:
        torch.save(_run(world), Path(sys.argv[1]) / f"{world.rank}.pt")

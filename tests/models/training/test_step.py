from __future__ import annotations

from typing import Any

import pytest
import torch

from models.training.asam import SharpnessAware
from models.training.batch import Batch
from models.training.config import Compute, Loss, TrainConfig
from models.training.model import Learner, build_network
from models.training.parallel import World
from models.training.step import Stepper, autocast, batch_loss, make_optimiser


def _stepper(config: TrainConfig, **tables: dict[str, Any]) -> Stepper:
    document = config.model_dump()
    for table, values in tables.items():
        document[table] = document[table] | values
    changed = TrainConfig.model_validate(document)
    torch.manual_seed(0)
    learner = Learner(build_network(changed))
    return Stepper(changed, learner, make_optimiser(changed.optimiser, learner, 1e-2), World())


def _batch(count: int = 6) -> Batch:
    generator = torch.Generator().manual_seed(1)
    draw = [torch.randn(count, 3, *size, generator=generator) for size in ((16, 64), (32, 32))]
    return Batch(draw[0], draw[1], torch.zeros(count))


def _weights(stepper: Stepper) -> torch.Tensor:
    return torch.cat([p.detach().flatten() for p in stepper.learner.parameters()])


def _gradients(stepper: Stepper) -> torch.Tensor:
    """Of the last pass."""
    return torch.cat([p.grad.flatten() for p in stepper.learner.parameters() if p.grad is not None])


@pytest.mark.parametrize("kind", ["adamw", "sam", "asam"])
def test_steps_lower_the_loss_of_their_batch(tiny_transgeo: TrainConfig, kind: str) -> None:
    stepper = _stepper(tiny_transgeo, optimiser={"kind": kind, "rho": 0.05})
    losses = [stepper.step(_batch())[0] for _ in range(12)]
    assert losses[-1] < losses[0]
    assert isinstance(stepper.optimiser, SharpnessAware) == (kind != "adamw")


def test_asam_takes_the_gradient_of_another_place(tiny_transgeo: TrainConfig) -> None:
    plain, sharp = _stepper(tiny_transgeo), _stepper(tiny_transgeo, optimiser={"kind": "asam"})
    assert plain.step(_batch())[0] == sharp.step(_batch())[0]  # the loss of the first pass
    assert not torch.equal(_weights(plain), _weights(sharp))


@pytest.mark.parametrize("optimiser", ["adamw", "asam"])
def test_chunks_change_nothing(tiny_transgeo: TrainConfig, optimiser: str) -> None:
    whole = _stepper(tiny_transgeo, optimiser={"kind": optimiser})
    parts = _stepper(tiny_transgeo, optimiser={"kind": optimiser}, compute={"chunk": 4})
    assert whole.step(_batch())[0] == pytest.approx(parts.step(_batch())[0], rel=1e-5)
    torch.testing.assert_close(_gradients(whole), _gradients(parts), atol=1e-5, rtol=1e-3)


def test_checkpointed_blocks_change_nothing(tiny_transgeo: TrainConfig) -> None:
    kept, again = _stepper(tiny_transgeo), _stepper(tiny_transgeo, compute={"checkpoint_blocks": True})
    kept.step(_batch())
    again.step(_batch())
    torch.testing.assert_close(_gradients(kept), _gradients(again), atol=1e-6, rtol=1e-4)


def test_half_precision_learns_nearly_the_same(tiny_transgeo: TrainConfig) -> None:
    full, half = _stepper(tiny_transgeo), _stepper(tiny_transgeo, compute={"precision": "bf16"})
    expected, found = full.step(_batch())[0], half.step(_batch())[0]
    assert found == pytest.approx(expected, rel=0.05)
    assert found != expected


def test_autocast_is_off_in_full_precision() -> None:
    with autocast(Compute(), torch.device("cpu"))():
        assert not torch.is_autocast_enabled("cpu")


def test_weights_decay_on_every_tensor(tiny_transgeo: TrainConfig) -> None:
    optimiser = _stepper(tiny_transgeo, optimiser={"weight_decay": 0.03}).optimiser
    (group,) = optimiser.param_groups
    assert group["weight_decay"] == 0.03
    assert any(p.ndim == 1 for p in group["params"])


def test_the_embeddings_of_the_first_pass_are_handed_on(tiny_transgeo: TrainConfig) -> None:
    _, ground, aerial = _stepper(tiny_transgeo).step(_batch())
    assert ground.shape == aerial.shape == (6, 8)
    torch.testing.assert_close(ground.norm(dim=1), torch.ones(6))


@pytest.mark.parametrize("kind", ["infonce", "soft-margin-triplet", "hinge-triplet", "contrastive"])
def test_every_loss_prefers_matching_pairs(kind: str) -> None:
    rows = torch.eye(4)[:, None]  # (4, 1, 4): one column each
    rule, zeros, scale = Loss.model_validate({"kind": kind}), torch.zeros(4), torch.tensor(0.0)
    assert batch_loss(rule, rows, rows, zeros, scale) < batch_loss(rule, rows, rows.roll(1, 0), zeros, scale)


def test_the_factor_of_the_contrastive_loss_is_a_choice() -> None:
    rows, zeros, scale = torch.nn.functional.normalize(torch.randn(4, 1, 8), dim=-1), torch.zeros(4), torch.tensor(0.0)
    whole, half = (
        batch_loss(Loss(kind="contrastive", halved=halved), rows, rows.flip(0), zeros, scale)
        for halved in (False, True)
    )
    assert whole.item() == pytest.approx(2 * half.item())

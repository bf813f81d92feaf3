"""One step of learning: embed, compare, go back, move the weights."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

import torch
from torch import Tensor

from models.errors import UsageError
from models.losses import (
    contrastive,
    correlate,
    heading_cross_entropy,
    hinge_triplet,
    pair_similarity,
    soft_margin_triplet,
    symmetric_infonce,
)
from models.networks.azimuth import AzimuthColumns
from models.pose_loss import pose_loss
from models.spatial_loss import spatial_loss
from models.training.asam import SharpnessAware
from models.training.batch import AnyBatch, ViewBatch
from models.training.chunks import chunked_backward
from models.training.config import Compute, Loss, Optimiser, TrainConfig
from models.training.model import Learner
from models.training.parallel import World

MAX_SCALE = 100.0


def make_optimiser(rule: Optimiser, learner: Learner, learning_rate: float) -> torch.optim.AdamW | SharpnessAware:
    """AdamW with its decay on every tensor, inside SAM or ASAM where the configuration says so."""
    trained = [p for p in learner.parameters() if p.requires_grad]
    base = torch.optim.AdamW(trained, lr=learning_rate, weight_decay=rule.weight_decay)
    return base if rule.kind == "adamw" else SharpnessAware(base, rule.rho, adaptive=rule.kind == "asam")


@dataclass
class Stepper:
    """Moves the weights of a learner, batch by batch."""

    config: TrainConfig
    learner: Learner
    optimiser: torch.optim.AdamW | SharpnessAware
    world: World

    def step(self, batch: AnyBatch) -> tuple[float, Tensor, Tensor]:
        """Learn from a batch.

        Returns:
            The loss of the first pass over the whole batch, and its ground and aerial embeddings (B, D), detached.
        """
        self.learner.train()
        loss, ground, aerial = self._pass(batch)
        if isinstance(self.optimiser, SharpnessAware):
            self.optimiser.ascend()
            self._pass(batch)
            self.optimiser.descend()
        else:
            self.optimiser.step()
        return loss, ground, aerial

    def _pass(self, batch: AnyBatch) -> tuple[float, Tensor, Tensor]:
        """Fill the gradients, averaged over the processes."""
        if isinstance(batch, ViewBatch):
            return self._pass_views(batch)
        device, seen = self.world.device, dict[str, Tensor]()
        shift = self.world.gather_rows(batch.shift.to(device))

        def loss_of(ground: Tensor, aerial: Tensor) -> Tensor:
            ground, aerial = self.world.gather_rows(ground), self.world.gather_rows(aerial)
            seen.update(ground=ground.detach().flatten(1), aerial=aerial.detach().flatten(1))
            return batch_loss(self.config.loss, ground, aerial, shift, self.learner.log_scale)

        self.optimiser.zero_grad()
        loss = chunked_backward(
            self.learner.ground_rest,
            self.learner.aerial_rest,
            batch.ground.to(device),
            batch.aerial.to(device),
            loss_of,
            self.config.compute.chunk or len(batch.ground),
            autocast(self.config.compute, device),
        )
        self.world.average_gradients(self.learner.parameters())
        return loss.item(), seen["ground"], seen["aerial"]

    def _pass_views(self, batch: ViewBatch) -> tuple[float, Tensor, Tensor]:
        """One description of the tiles, several photos of each."""
        network, device, rule = self.learner.network, self.world.device, self.config.loss
        if not isinstance(network, AzimuthColumns):
            raise UsageError("sample-views are for azimuth columns.")
        self.optimiser.zero_grad()
        with autocast(self.config.compute, device)():
            aerial = network.aerial_rest(batch.tiles.to(device), batch.camera_m.to(device))
            photos = [network.ground_rest(seen.front.to(device)) for seen in batch.photos]
        aerial, away_m = self.world.gather_rows(aerial.float()), self.world.gather_rows(batch.away_m.to(device))
        scale, loss = self.learner.log_scale.exp().clamp(max=MAX_SCALE), aerial.new_zeros(())
        remembered = batch.remembered and batch.remembered.to(device)
        measure = pose_loss if rule.over == "poses" else spatial_loss
        for seen, columns in zip(batch.photos, photos, strict=True):
            ground, shift = self.world.gather_rows(columns.float()), self.world.gather_rows(seen.shift.to(device))
            loss = loss + measure(
                ground,
                aerial,
                shift,
                away_m,
                scale,
                sigma_m=rule.spread.sigma_m,
                smoothing=rule.smoothing,
                heading_weight=rule.heading_weight,
                remembered=remembered,
            )
        loss.backward()  # type: ignore[no-untyped-call]
        self.world.average_gradients(self.learner.parameters())
        if rule.clip_norm is not None:
            torch.nn.utils.clip_grad_norm_(self.learner.parameters(), rule.clip_norm)
        return loss.item(), photos[0].detach().flatten(1), aerial[:, 0].detach().flatten(1)


def autocast(compute: Compute, device: torch.device) -> Callable[[], AbstractContextManager[object]]:
    """Context in which the networks run.

    Raises:
        UsageError: bfloat16 on a GPU that has none.
    """
    if compute.precision == "fp32":
        return nullcontext
    if device.type == "cuda" and not torch.cuda.is_bf16_supported():
        raise UsageError('This GPU has no bfloat16; set compute.precision = "fp32".')
    return lambda: torch.autocast(device.type, dtype=torch.bfloat16)


def batch_loss(rule: Loss, ground: Tensor, aerial: Tensor, shift: Tensor, log_scale: Tensor) -> Tensor:
    """Loss of a batch: retrieval among its pairs, and the heading inside the true tile where there are columns.

    Args:
        rule: which loss.
        ground: (B, w, E) columns; aerial (B, W, E); shift (B,) true shift in columns.
        log_scale: scalar, log of the inverse temperature.
    """
    correlation = correlate(ground, aerial)  # (B, B, W)
    similarity = pair_similarity(correlation, shift)
    scale = log_scale.exp().clamp(max=MAX_SCALE)
    loss = _retrieval(rule, similarity, scale)
    if correlation.shape[2] > 1 and rule.heading_weight > 0:
        own = correlation.diagonal(dim1=0, dim2=1).T
        loss = loss + rule.heading_weight * heading_cross_entropy(own, shift, scale)
    return loss


def _retrieval(rule: Loss, similarity: Tensor, scale: Tensor) -> Tensor:
    if rule.kind == "soft-margin-triplet":
        return soft_margin_triplet(similarity, rule.alpha)
    if rule.kind == "hinge-triplet":
        return hinge_triplet(similarity, rule.margin)
    if rule.kind == "contrastive":
        return contrastive(similarity, rule.margin, halved=rule.halved)
    return symmetric_infonce(similarity, scale, rule.smoothing)

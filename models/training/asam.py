"""Sharpness-aware minimisation around any optimiser: step with the gradient of a worse place nearby.

Source: Foret et al., SAM (ICLR 2021), and Kwon et al., ASAM (ICML 2021), in the form that TransGeo trains with: no eta
in the scale of the weights, and biases and norms are not spared.

    optimiser = SharpnessAware(AdamW(parameters, ...))
    optimiser.zero_grad()
    loss().backward()
    optimiser.ascend()
    optimiser.zero_grad()
    loss().backward()  # the same batch
    optimiser.descend()

With several processes the gradients are averaged over them before `ascend` and again before `descend`. With a gradient
scaler both losses are scaled before `backward`, `descend` takes the scaler and `scaler.update()` follows once a step;
the perturbation does not depend on the scale, so nothing is unscaled before `ascend`.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from models.errors import UsageError

TINY = 1e-12


class SharpnessAware:
    """Two-pass wrapper of an optimiser.

    Args:
        base: optimiser that makes the step; its parameter groups are the ones perturbed.
        rho: radius of the perturbation; TransGeo uses 2.5 with `adaptive`, 0.05 is usual without.
        adaptive: measure the radius relative to each weight's size, which makes it invariant to rescaled weights.

    Raises:
        UsageError: a negative or infinite rho.
    """

    def __init__(self, base: torch.optim.Optimizer, rho: float = 2.5, adaptive: bool = True) -> None:
        if not 0 <= rho < float("inf"):
            raise UsageError(f"The radius rho of sharpness-aware minimisation is {rho}; give a number of at least 0.")
        self.base, self.rho, self.adaptive = base, rho, adaptive
        self._origin: list[tuple[Tensor, Tensor]] | None = None

    @property
    def param_groups(self) -> list[dict[str, Any]]:
        """Groups of the base optimiser: set the learning rate here."""
        return self.base.param_groups

    @property
    def perturbed(self) -> bool:
        """Whether the weights stand at the perturbed point, that is between `ascend` and `descend`."""
        return self._origin is not None

    def zero_grad(self, set_to_none: bool = True) -> None:
        self.base.zero_grad(set_to_none)

    @torch.no_grad()
    def ascend(self) -> bool:
        """Move every weight that has a gradient g to p + rho / (n + 1e-12) * e, n = ||p g|| over all of them.

        e is p^2 g if adaptive; otherwise e = g and n = ||g||.

        Returns:
            False if the gradient is not finite: then the weights stay, and the second pass is as the first, so that a
            gradient scaler skips the step.

        Raises:
            UsageError: the weights are perturbed already.
        """
        self._require(perturbed=False, wish="perturb the weights")
        moved = [p for group in self.param_groups for p in group["params"] if p.grad is not None]
        self._origin = []
        norm = self._norm(moved)
        if not norm.isfinite():
            return False
        for p in moved:
            self._origin.append((p, p.clone()))
            direction = p.square() * p.grad if self.adaptive else p.grad
            p.add_(direction * (self.rho / (norm + TINY)).to(p))
        return True

    @torch.no_grad()
    def restore(self) -> None:
        """Bring the weights back to where they were, bit by bit, and keep the gradients.

        Raises:
            UsageError: the weights are not perturbed.
        """
        self._require(perturbed=True, wish="restore the weights")
        for p, before in self._origin or []:
            p.copy_(before)
        self._origin = None

    def descend(self, scaler: torch.amp.GradScaler | None = None) -> None:
        """Restore the weights and step the base optimiser with the gradients of the perturbed point.

        Args:
            scaler: unscales the gradients and skips the step where they are not finite.

        Raises:
            UsageError: the weights are not perturbed.
        """
        self.restore()
        if scaler is None:
            self.base.step()
        else:
            scaler.step(self.base)

    def state_dict(self) -> dict[str, Any]:
        """State of the base optimiser; a perturbation is never a part of it.

        Raises:
            UsageError: the weights are perturbed, so that a checkpoint would hold the wrong ones.
        """
        self._require(perturbed=False, wish="save the state")
        return self.base.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self._require(perturbed=False, wish="load a state")
        self.base.load_state_dict(state)

    def _norm(self, moved: list[Tensor]) -> Tensor:
        """Length of the gradient, each entry times its weight if adaptive, over all weights."""
        parts = (p.abs() * p.grad if self.adaptive else p.grad for p in moved if p.grad is not None)
        sizes = [torch.linalg.vector_norm(part) for part in parts] or [torch.zeros(())]
        norm: Tensor = torch.linalg.vector_norm(torch.stack([size.to(sizes[0]) for size in sizes]))
        return norm

    def _require(self, *, perturbed: bool, wish: str) -> None:
        if self.perturbed != perturbed:
            found, first = ("perturbed", "descend") if self.perturbed else ("not perturbed", "ascend")
            raise UsageError(f"Cannot {wish}: the weights are {found}; call {first}() first.")

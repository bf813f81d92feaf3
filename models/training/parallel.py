"""Several processes training one network, one device each, started by torchrun.

    torchrun --nproc-per-node 4 $(which skyfix) train ...

Every process holds B / N rows of the batch. `gather_rows` shows each the embeddings of all B rows, so that all compute
the same loss over the same in-batch negatives, and `average_gradients` then gives all the gradient of one process with
B rows. The mean is right because the backward of `gather_rows` sums what the N equal losses ask of a row: N times its
share goes back to the process that holds it, and the mean over N processes adds the shares of all rows up. A parameter
of the loss itself, as a learnt scale, has its whole gradient in every process, and the mean keeps it. (Summing instead,
with a backward that gives each row its share once, would be right for the networks and count such a scale N times.)
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
import torch.distributed as dist
from numpy.typing import NDArray
from torch import Tensor, nn

from models.errors import UsageError


@dataclass(frozen=True, slots=True)
class World:
    """The processes of a run as one of them sees them; the default is a run of a single process."""

    rank: int = 0
    size: int = 1
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))

    @property
    def first(self) -> bool:
        """Whether this process writes checkpoints, logs and progress."""
        return self.rank == 0

    def share(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """Take this process's part of a batch: the rank-th of `size` runs of equal length.

        Raises:
            UsageError: a batch that the processes cannot share equally.
        """
        if len(rows) % self.size:
            raise UsageError(
                f"A batch of {len(rows)} pairs cannot be shared by {self.size} processes; give a multiple."
            )
        part = len(rows) // self.size
        return rows[self.rank * part : (self.rank + 1) * part]

    def gather_rows(self, rows: Tensor) -> Tensor:
        """Put the rows of all processes together in rank order, (n, ...) -> (size * n, ...), with a gradient.

        Every process calls it with the same shape. The gradient of a row is the sum over all processes.
        """
        if self.size == 1:
            return rows
        gathered: Tensor = _GatherRows.apply(rows, self.rank, self.size)  # type: ignore[no-untyped-call]
        return gathered

    def average_gradients(self, parameters: Iterable[Tensor]) -> None:
        """Replace every gradient by its mean over the processes, after `backward` and before the optimiser.

        A parameter without a gradient in some processes counts as zero there; without one anywhere it stays so.
        """
        if self.size == 1:
            return
        trained = [p for p in parameters if p.requires_grad]
        if not trained:
            return
        present = torch.tensor([p.grad is not None for p in trained], dtype=torch.int32, device=self.device)
        dist.all_reduce(present)
        waiting = []
        for p in (p for p, count in zip(trained, present.tolist(), strict=True) if count):
            p.grad = torch.zeros_like(p) if p.grad is None else p.grad.contiguous()
            waiting.append(dist.all_reduce(p.grad.div_(self.size), async_op=True))
        for work in waiting:
            work.wait()

    def broadcast_state(self, network: nn.Module) -> None:
        """Give every process the first one's parameters and buffers."""
        if self.size > 1:
            for value in network.state_dict().values():
                dist.broadcast(value, src=0)

    def agree(self, plan: Callable[[], NDArray[np.int64]]) -> NDArray[np.int64]:
        """Call `plan` in the first process and give its two-dimensional answer to all.

        So one process alone needs the embeddings that a sampler keeps, and rounding cannot make plans differ.
        """
        if self.size == 1:
            return plan()
        made = torch.from_numpy(plan()).to(self.device) if self.first else None
        shape = torch.tensor([0, 0] if made is None else made.shape, dtype=torch.int64, device=self.device)
        dist.broadcast(shape, src=0)
        rows = torch.empty(shape.tolist(), dtype=torch.int64, device=self.device) if made is None else made.contiguous()
        dist.broadcast(rows, src=0)
        agreed: NDArray[np.int64] = rows.cpu().numpy()
        return agreed

    def barrier(self) -> None:
        """Wait until every process has come here."""
        if self.size > 1:
            dist.barrier()


@contextmanager
def join_world(device: str | None = None, environment: Mapping[str, str] = os.environ) -> Iterator[World]:
    """Join the processes that torchrun started, and leave them at the end; without torchrun, be the only one.

    Args:
        device: "cpu" or "cuda"; None takes CUDA where there is any, and process LOCAL_RANK of a machine that card.
        environment: holds WORLD_SIZE, RANK and LOCAL_RANK, as torchrun sets them.

    Raises:
        UsageError: half of what torchrun sets, or more processes on a machine than cards.
    """
    world = _read_world(device, environment)
    if world.size == 1:
        yield world
        return
    on_card = world.device.type == "cuda"
    options: dict[str, Any] = {"backend": "nccl", "device_id": world.device} if on_card else {"backend": "gloo"}
    if on_card:
        torch.cuda.set_device(world.device)
    dist.init_process_group(rank=world.rank, world_size=world.size, **options)
    try:
        yield world
    finally:
        dist.destroy_process_group()


def _read_world(device: str | None, environment: Mapping[str, str]) -> World:
    kind = device or ("cuda" if torch.cuda.is_available() else "cpu")
    if "WORLD_SIZE" not in environment:
        return World(device=torch.device(kind))
    try:
        size, rank, local = (int(environment[name]) for name in ("WORLD_SIZE", "RANK", "LOCAL_RANK"))
    except (KeyError, ValueError) as error:
        raise UsageError(f"WORLD_SIZE is set, but not all that goes with it ({error}); start with torchrun.") from error
    if kind == "cuda" and local >= torch.cuda.device_count():
        raise UsageError(
            f"Process {local} of this machine has no card of its own: there are {torch.cuda.device_count()}. "
            "Start one process a card, or train on the CPU."
        )
    return World(rank, size, torch.device("cuda", local) if kind == "cuda" else torch.device(kind))


class _GatherRows(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, rows: Tensor, rank: int, size: int) -> Tensor:
        ctx.mine = slice(rank * len(rows), (rank + 1) * len(rows))
        parts = [torch.empty_like(rows, memory_format=torch.contiguous_format) for _ in range(size)]
        dist.all_gather(parts, rows.contiguous())
        return torch.cat(parts)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        total = gradients[0].clone(memory_format=torch.contiguous_format)
        dist.all_reduce(total)
        return total[ctx.mine], None, None

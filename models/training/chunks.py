"""Batches that do not fit on the card: the gradients of the whole batch from chunks of it.

The loss needs every embedding of the batch at once, but only the networks need memory. So the embeddings are made chunk
by chunk without a graph, the loss gives each its gradient, and each chunk is embedded again, with a graph, to take its
gradient further back. Twice the forward passes, the memory of one chunk.

Source: Gao et al., "Scaling deep contrastive learning batch size under memory limited setup" (RepL4NLP 2021).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

import torch
from torch import Tensor

from models.errors import UsageError

Encode = Callable[[Tensor], Tensor]
"""(n, ...) pixels -> (n, ...) embeddings."""
Context = Callable[[], AbstractContextManager[object]]


def chunked_backward(
    encode_ground: Encode,
    encode_aerial: Encode,
    ground: Tensor,
    aerial: Tensor,
    loss_of: Callable[[Tensor, Tensor], Tensor],
    chunk: int,
    autocast: Context | None = None,
) -> Tensor:
    """Add to every parameter's gradient what `loss_of(encode_ground(ground), encode_aerial(aerial)).backward()` would.

    An encoder must treat the rows of a batch independently: batch statistics would be those of a chunk. It may draw
    random numbers, as dropout does: both passes see the same ones.

    Args:
        encode_ground, encode_aerial: encoders, which may share weights or be frozen.
        ground, aerial: (B, ...) and (M, ...) inputs.
        loss_of: scalar loss of the (B, ...) and (M, ...) embeddings; it is called once, outside `autocast`, with at
            least single precision, and may hold parameters and gather the rows of other processes. With a gradient
            scaler it returns the scaled loss.
        chunk: rows embedded with a graph at a time; a batch of no more than that is embedded only once.
        autocast: makes the context in which the encoders run, for example `lambda: torch.autocast("cuda")`.

    Returns:
        The loss, detached.

    Raises:
        UsageError: a chunk of less than one row.
    """
    if chunk < 1:
        raise UsageError(f"A chunk of {chunk} rows was asked for; give at least 1.")
    sides = [
        _Side(encode, inputs, chunk, autocast or nullcontext)
        for encode, inputs in ((encode_ground, ground), (encode_aerial, aerial))
    ]
    leaves = [side.embed() for side in sides]
    loss = loss_of(*(leaf if leaf.dtype.itemsize >= 4 else leaf.float() for leaf in leaves))
    loss.backward()  # type: ignore[no-untyped-call]
    for side, leaf in zip(sides, leaves, strict=True):
        if leaf.grad is not None:
            side.backward(leaf.grad)
    return loss.detach()


class _Side:
    """One view of the batch: its encoder, its rows, and the dice each chunk met in the first pass."""

    def __init__(self, encode: Encode, inputs: Tensor, chunk: int, context: Context) -> None:
        self.encode, self.context = encode, context
        self.parts: tuple[Tensor, ...] = inputs.split(chunk)  # type: ignore[no-untyped-call]
        self.dice: list[_Dice] = []
        self.output: Tensor | None = None

    def embed(self) -> Tensor:
        """Embed all rows, as a leaf that gathers its gradient."""
        if len(self.parts) == 1:
            self.output = self._run(self.parts[0])
            return self.output.detach().requires_grad_()
        rows = []
        with torch.no_grad():
            for part in self.parts:
                self.dice.append(_Dice(part.device))
                rows.append(self._run(part))
        return torch.cat(rows).requires_grad_()

    def backward(self, gradient: Tensor) -> None:
        if self.output is not None:
            _backward(self.output, gradient)
            return
        shares = gradient.split([len(part) for part in self.parts])  # type: ignore[no-untyped-call]
        for part, share, dice in zip(self.parts, shares, self.dice, strict=True):
            with dice.again():
                output = self._run(part)
            _backward(output, share)

    def _run(self, part: Tensor) -> Tensor:
        with self.context():
            return self.encode(part)


def _backward(output: Tensor, gradient: Tensor) -> None:
    if output.requires_grad:  # not so where the encoder is frozen
        output.backward(gradient)  # type: ignore[no-untyped-call]


class _Dice:
    """The random state of the processor and of one device, to be met again."""

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self.processor = torch.get_rng_state()
        self.card = torch.cuda.get_rng_state(device) if device.type == "cuda" else None

    @contextmanager
    def again(self) -> Iterator[None]:
        with torch.random.fork_rng(devices=[] if self.card is None else [self.device]):
            torch.set_rng_state(self.processor)
            if self.card is not None:
                torch.cuda.set_rng_state(self.card, self.device)
            yield

"""Which pairs stand together in a batch: any, or anchors beside the tiles they are most easily taken for.

Source of the mining: TransGeo (CVPR 2022), after VIGOR (CVPR 2021). There all similarities are held and sorted at once,
20 GB for CVUSA; here only the embeddings are held, in half precision, and the search runs in blocks.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from models.errors import UsageError
from models.training.disjoint import Exclusion
from models.training.nearest import QUERIES, most_similar
from models.training.recorded import Embeddings, Recorded, State

Rows = NDArray[np.int64]


class Sampler(Protocol):
    """Plans epochs of `batches` batches each."""

    @property
    def batches(self) -> int:
        """Whole batches in the number of pairs."""

    def record(self, rows: ArrayLike, ground: Embeddings, aerial: Embeddings) -> None:
        """Note the latest embeddings of pairs: (n,) rows, (n, ...) and (n, ...), normalised or not."""

    def plan(self, epoch: int) -> Rows:
        """Give the rows of every batch, (batches, B): the same for the same seed, epoch and recorded embeddings."""

    def state(self) -> State:
        """Give what a checkpoint must hold for later epochs to be planned alike.

        In the middle of an epoch its plan must be kept as well: it was made from earlier embeddings. The tensors share
        memory with the sampler: write them before anything else is recorded.
        """

    def restore(self, state: Mapping[str, ArrayLike | Tensor]) -> None:
        """Take over a state; CheckpointMismatch if it belongs to other pairs or another embedding."""


class RandomSampler:
    """Every pair once an epoch, shuffled, but for an incomplete last batch.

    Args:
        pairs: number N of training pairs.
        batch: pairs B of a batch.
        seed: of the run.
        conflicts: (N, k) tile ids as in `Exclusion`: a batch never holds two pairs that share a tile.

    Raises:
        UsageError: fewer pairs than a batch, or a batch of less than 2.
    """

    def __init__(self, pairs: int, batch: int, seed: int, *, conflicts: NDArray[np.integer] | None = None) -> None:
        if not 2 <= batch <= pairs:
            raise UsageError(f"A batch of {batch} cannot be drawn from {pairs} pairs; give one in 2..{pairs}.")
        self.batch, self.seed = batch, seed
        self.exclusion = Exclusion(pairs, conflicts)

    @property
    def batches(self) -> int:
        return self.exclusion.pairs // self.batch

    def record(self, rows: ArrayLike, ground: Embeddings, aerial: Embeddings) -> None:
        """Do nothing: no embedding matters here."""

    def plan(self, epoch: int) -> Rows:
        """Plan an epoch.

        Raises:
            UsageError: a batch cannot be filled without a common tile.
        """
        rng = np.random.default_rng([self.seed, epoch])
        dealt = self.exclusion.deal(rng, self.batch, self.batches)
        return np.stack([self.exclusion.complete(rng, batch, self.batch) for batch in dealt])

    def state(self) -> State:
        return {}

    def restore(self, state: Mapping[str, ArrayLike | Tensor]) -> None:
        """Do nothing: seed and epoch say it all."""


class RecordingSampler:
    """What samplers that go by similarity share: the embeddings recorded so far, and random batches without them.

    Args:
        pairs: number N of training pairs.
        embedding: numbers D in an embedding.
        batch: pairs B of a batch.
        seed: of the run.
        conflicts: (N, k) tile ids as in `Exclusion`: a batch never holds two pairs that share a tile.
        folder: of the recorded embeddings, as in `Recorded`.
        device: where similarities are computed.

    Raises:
        UsageError: fewer pairs than a batch, or a batch of less than 2.
    """

    def __init__(
        self,
        pairs: int,
        embedding: int,
        batch: int,
        seed: int,
        conflicts: NDArray[np.integer] | None,
        folder: Path | None,
        device: str,
    ) -> None:
        self.random = RandomSampler(pairs, batch, seed, conflicts=conflicts)
        self.recorded, self.device = Recorded(pairs, embedding, folder), device

    @property
    def batches(self) -> int:
        return self.random.batches

    def record(self, rows: ArrayLike, ground: Embeddings, aerial: Embeddings) -> None:
        self.recorded.record(rows, ground, aerial)

    def state(self) -> State:
        return self.recorded.state()

    def restore(self, state: Mapping[str, ArrayLike | Tensor]) -> None:
        self.recorded.restore(state)


class MiningSampler(RecordingSampler):
    """Half of every batch random anchors, the other half a hard negative of each.

    Until `first_mined_epoch`, and while nothing is recorded, an epoch is as `RandomSampler` has it. Then about half of
    the pairs are anchors in an epoch, each once; the partner of an anchor is one of the `hardest` tiles most similar to
    its photo in a random pool, drawn until one fits into the batch, and any pair that fits where none of them does.

    Args:
        pairs: number N of training pairs.
        embedding: numbers D in an embedding.
        batch: pairs B of a batch; of an odd one the larger half are anchors.
        seed: of the run.
        pool: pairs searched for partners, the same for a whole epoch.
        hardest: most similar tiles that a partner is drawn from.
        conflicts: (N, k) tile ids as in `Exclusion`: a batch never holds two pairs that share a tile.
        first_mined_epoch: 1 as published; 0 where embeddings are recorded before the first epoch.
        folder: of the recorded embeddings, as in `Recorded`.
        device: where similarities are computed.

    Raises:
        UsageError: fewer pairs than a batch, a batch of less than 2, or a `pool` or `hardest` of none.
    """

    def __init__(
        self,
        pairs: int,
        embedding: int,
        batch: int,
        seed: int,
        *,
        pool: int = 40_000,
        hardest: int = 100,
        conflicts: NDArray[np.integer] | None = None,
        first_mined_epoch: int = 1,
        folder: Path | None = None,
        device: str = "cpu",
    ) -> None:
        if pool < 1 or hardest < 1:
            raise UsageError(f"Mining among {hardest} of {pool} pairs was asked for; give at least 1 of each.")
        super().__init__(pairs, embedding, batch, seed, conflicts, folder, device)
        self.pool, self.hardest, self.first_mined_epoch = pool, hardest, first_mined_epoch

    def plan(self, epoch: int) -> Rows:
        """Plan an epoch from what is recorded now.

        Raises:
            UsageError: a batch cannot be filled without a common tile.
        """
        if epoch < self.first_mined_epoch or not self.recorded.known.any():
            return self.random.plan(epoch)
        rng = np.random.default_rng([self.random.seed, epoch])
        known = np.flatnonzero(self.recorded.known)
        pool = np.sort(rng.choice(known, size=min(self.pool, len(known)), replace=False))
        return np.stack(list(self._mine(rng, pool)))

    def _mine(self, rng: np.random.Generator, pool: Rows) -> Iterator[Rows]:
        """Give every anchor its partner, for as many batches at a time as one block of the search takes."""
        exclusion, size = self.random.exclusion, self.random.batch
        dealt = exclusion.deal(rng, size - size // 2, self.batches)
        while block := list(islice(dealt, max(1, QUERIES // (size // 2)))):
            anchors = [batch.rows[: size // 2] for batch in block]
            near = most_similar(self.recorded, np.concatenate(anchors), pool, self.hardest, self.device)
            # In order of rows, so that rounding which swaps two of them does not change the draw.
            shares = np.split(np.sort(near, axis=1), np.cumsum([len(rows) for rows in anchors])[:-1])
            for batch, rows, candidates in zip(block, anchors, shares, strict=True):
                for anchor, hardest in zip(rows, candidates, strict=True):
                    if self.recorded.known[anchor]:
                        batch.add_first(rng.permutation(hardest).tolist())
                yield exclusion.complete(rng, batch, size)

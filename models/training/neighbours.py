"""Batches grown from a pair by its neighbours: by position first, by similarity once there are embeddings.

Source: Deuser, Habel, Oswald, "Sample4Geo" (ICCV 2023). There the similarities are refreshed every fourth epoch by
another pass over the whole set; here at every epoch, from what the training steps recorded.
"""

from __future__ import annotations

from collections import deque
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.errors import UsageError
from models.training.disjoint import Batch
from models.training.mining import RecordingSampler
from models.training.nearest import most_similar

Rows = NDArray[np.int64]
MISFITS = 1024


class NeighbourSampler(RecordingSampler):
    """Every pair at most once an epoch, beside those that are hard to tell from it.

    A batch takes a random pair and half of `select` from the front of its list, the other half at random from the rest
    of it, then the next random pair, until it is full. Where 1024 pairs in a row do not fit, it is filled up at random.

    Args:
        pairs: number N of training pairs.
        embedding: numbers D in an embedding.
        batch: pairs B of a batch.
        seed: of the run.
        near: (N, K) pairs nearest to each by position, as `nearest_by_position` gives them; None where positions are
            unknown: then epochs are random until `first_mined_epoch`.
        listed: K of the lists by similarity.
        select: neighbours that a pair brings along.
        conflicts: (N, k) tile ids as in `Exclusion`: a batch never holds two pairs that share a tile.
        first_mined_epoch: first epoch whose lists are by similarity.
        folder: of the recorded embeddings, as in `Recorded`.
        device: where similarities are computed.

    Raises:
        UsageError: fewer pairs than a batch, a batch of less than 2, or lists of another number of pairs.
    """

    def __init__(
        self,
        pairs: int,
        embedding: int,
        batch: int,
        seed: int,
        *,
        near: Rows | None = None,
        listed: int = 128,
        select: int = 64,
        conflicts: NDArray[np.integer] | None = None,
        first_mined_epoch: int = 4,
        folder: Path | None = None,
        device: str = "cpu",
    ) -> None:
        if near is not None and len(near) != pairs:
            raise UsageError(f"Lists of neighbours of {len(near)} pairs were given for {pairs}; give one a pair.")
        super().__init__(pairs, embedding, batch, seed, conflicts, folder, device)
        self.near, self.listed, self.select, self.first_mined_epoch = near, listed, select, first_mined_epoch

    def plan(self, epoch: int) -> Rows:
        """Plan an epoch from the positions or from what is recorded now.

        Raises:
            UsageError: a batch cannot be filled without a common tile.
        """
        rng, known = np.random.default_rng([self.random.seed, epoch]), self.recorded.known
        if epoch >= self.first_mined_epoch and known.any():
            near = most_similar(self.recorded, np.arange(len(known)), np.flatnonzero(known), self.listed, self.device)
            near[~known] = rng.integers(len(known), size=(np.count_nonzero(~known), near.shape[1]))
            return self._grow(rng, near)
        return self.random.plan(epoch) if self.near is None else self._grow(rng, self.near)

    def _grow(self, rng: np.random.Generator, near: Rows) -> Rows:
        exclusion, size = self.random.exclusion, self.random.batch
        queue, used, plan = deque(rng.permutation(exclusion.pairs).tolist()), set[int](), []
        for _ in range(self.batches):
            batch = Batch(exclusion)
            self._fill(rng, batch, queue, used, near)
            plan.append(exclusion.complete(rng, batch, size))
            used.update(plan[-1].tolist())
        return np.stack(plan)

    def _fill(self, rng: np.random.Generator, batch: Batch, queue: deque[int], used: set[int], near: Rows) -> None:
        size, misfits = self.random.batch, 0
        while queue and len(batch.rows) < size and misfits < MISFITS:
            row = queue.popleft()
            if row in used or row in batch.rows:
                continue
            if not batch.add(row):
                queue.append(row)
                misfits += 1
                continue
            misfits = 0
            for neighbour in self._company(rng, near[row]):
                if len(batch.rows) < size and neighbour not in used:
                    batch.add(neighbour)

    def _company(self, rng: np.random.Generator, near: Rows) -> list[int]:
        front = self.select // 2
        return [*near[:front].tolist(), *rng.permutation(near[front:])[: self.select - front].tolist()]

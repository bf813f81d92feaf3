"""The latest embedding of every training pair, in half precision."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor
from torch.nn import functional as F

from models.errors import CheckpointMismatch, UsageError

Embeddings = Tensor | NDArray[np.floating]
State = dict[str, Tensor]


class Recorded:
    """Ground and aerial embeddings of N pairs, unit rows of D numbers; zero where nothing was recorded yet.

    Args:
        pairs, embedding: N and D.
        folder: keep the 4 N D bytes in files of this folder, of this process alone; None: in memory.
    """

    def __init__(self, pairs: int, embedding: int, folder: Path | None = None) -> None:
        self.ground, self.aerial = (_room(folder, name, (pairs, embedding)) for name in ("ground", "aerial"))
        self.known = np.zeros(pairs, dtype=np.bool_)

    def record(self, rows: ArrayLike, ground: Embeddings, aerial: Embeddings) -> None:
        """Keep the embeddings of pairs, normalised; a pair with one that is not finite keeps what it had.

        Args:
            rows: (n,) pairs.
            ground, aerial: (n, ...) embeddings, flattened to D numbers each.

        Raises:
            UsageError: embeddings of another size than announced.
        """
        latest = [_unit(side, self.ground.shape[1]) for side in (ground, aerial)]
        finite = np.isfinite(latest).all(axis=(0, 2))
        kept = np.asarray(rows)[finite]
        self.ground[kept], self.aerial[kept] = latest[0][finite], latest[1][finite]
        self.known[kept] = True

    def state(self) -> State:
        """Give all of it as tensors that share its memory: write them before anything else is recorded."""
        arrays = {"ground": self.ground, "aerial": self.aerial, "known": self.known}
        return {name: torch.from_numpy(array) for name, array in arrays.items()}

    def restore(self, state: Mapping[str, ArrayLike | Tensor]) -> None:
        """Take over a state.

        Raises:
            CheckpointMismatch: it belongs to other pairs or another embedding.
        """
        arrays = {"ground": self.ground, "aerial": self.aerial, "known": self.known}
        found = {name: np.asarray(state[name]) for name in arrays if name in state}
        shapes, wanted = ({name: a.shape for name, a in of.items()} for of in (found, arrays))
        if shapes != wanted:
            raise CheckpointMismatch(
                f"The checkpoint holds embeddings of shapes {shapes}, this run keeps {wanted}; "
                "resume with the data set, the model and the sampling it was saved with."
            )
        for name, array in arrays.items():
            array[:] = found[name]


def _room(folder: Path | None, name: str, shape: tuple[int, int]) -> NDArray[np.float16]:
    if folder is None:
        return np.zeros(shape, dtype=np.float16)
    folder.mkdir(parents=True, exist_ok=True)
    room: NDArray[np.float16] = np.lib.format.open_memmap(folder / f"{name}.npy", "w+", np.float16, shape)
    return room


def _unit(embeddings: Embeddings, size: int) -> NDArray[np.float16]:
    """(n, ...) -> (n, size) of unit rows."""
    flat = torch.as_tensor(embeddings).detach().flatten(1).float()
    if flat.shape[1] != size:
        raise UsageError(f"Embeddings of {flat.shape[1]} numbers were recorded; the sampler was made for {size}.")
    unit: NDArray[np.float16] = F.normalize(flat, dim=1).half().cpu().numpy()
    return unit

"""The face that every network shows to training, export and evaluation."""

from __future__ import annotations

from torch import Tensor, nn


class Network(nn.Module):
    """Two views described in one space; a plain vector is one column."""

    def ground(self, pixels: Tensor) -> Tensor:
        """Describe photos: normalised (B, 3, H, W) -> columns (B, w, E), of one norm each, unit over all of a row."""
        raise NotImplementedError

    def aerial(self, pixels: Tensor) -> Tensor:
        """Describe tiles: normalised (B, 3, S, S) -> columns (B, W, E) likewise, or (B, cells, W, E) one by one."""
        raise NotImplementedError

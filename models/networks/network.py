"""The face that every network shows to training, export and evaluation."""

from __future__ import annotations

from typing import Literal

from torch import Tensor, nn

View = Literal["ground", "aerial"]


class Network(nn.Module):
    """Two views described in one space; a plain vector is one column."""

    def ground(self, pixels: Tensor) -> Tensor:
        """Describe photos: normalised (B, 3, H, W) -> columns (B, w, E), unit over all of a row."""
        raise NotImplementedError

    def aerial(self, pixels: Tensor) -> Tensor:
        """Describe tiles: normalised (B, 3, S, S) -> columns (B, W, E) likewise, or (B, cells, W, E) one by one."""
        raise NotImplementedError

    def attends(self, view: View) -> bool:  # noqa: ARG002
        """Say whether `attended` can be asked about a view."""
        return False

    def attended(self, view: View, pixels: Tensor) -> tuple[Tensor, Tensor]:
        """Describe as `ground` or `aerial` does, and give maps (B, h, w) of where was looked, 0 or more.

        They lie over square patches of the input, row by row; pixels past the last whole patch have none.
        """
        raise NotImplementedError

"""A photo that is ready for the network, with what was decided about it."""

from __future__ import annotations

from dataclasses import dataclass

from models.camera import GroundInput, Projection
from service.query import Notice, Prior


@dataclass(frozen=True, slots=True)
class Prepared:
    """What is left of a photo once it is decoded and projected."""

    ground: GroundInput
    heading_searched: bool
    """True when several headings are tried and the best one is part of the answer."""
    prior: Prior | None
    fov_deg: float
    """Horizontal field of view that was reckoned with."""
    notices: tuple[Notice, ...]
    size_px: tuple[int, int] = (0, 0)
    """Upright width and height of the file."""
    projection: Projection = "perspective"
    """That was reckoned with."""

    @property
    def input_shape(self) -> tuple[int, ...]:
        """(3, H, W) of what the network is given."""
        return self.ground.pixels.shape

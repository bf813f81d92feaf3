"""Everything that stands on the ground, as a table of three families of convex solids.

A frustum has a rectangular foot (half sides foot_u, foot_v) and a rectangular top (top_u, top_v): boxes, gable, hip
and pyramid roofs, car bodies. A cone has a round foot and top: trunks, poles, conifers. An ellipsoid is round in
plan: leafy crowns.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]
U8 = npt.NDArray[np.uint8]
Colour = Sequence[float]
Point = Sequence[float] | F64

FRUSTUM: Final = 0
CONE: Final = 1
ELLIPSOID: Final = 2

# columns of Solids.shape
X, Y, COS, SIN, FOOT_U, FOOT_V, TOP_U, TOP_V, LOW, HIGH = range(10)
# columns of Solids.kind
FAMILY, SKIN, SEED, STYLE, THING = range(5)

# skins: what the surface of a solid is made of
WALL: Final = 0
ROOF: Final = 1
PLAIN: Final = 2
LEAF: Final = 3
NEEDLE: Final = 4
BARK: Final = 5
HEDGE: Final = 6
CAR_BODY: Final = 7
CAR_CABIN: Final = 8
BUS: Final = 9
SIGN: Final = 10
PANEL: Final = 11
WOOD: Final = 12


class Solids(NamedTuple):
    """Table of n solids.

    Attributes:
        shape: (n, 10) float32: centre x, y, cosine and sine of the u axis, half sides, low and high z; metres, ENU.
        kind: (n, 5) int64: family, skin, seed, style, and the number of the building or plant that it is a part of
            (0: of none, as furniture and cars).
        colour: (n, 6) float32: sRGB in [0, 1] of the side, then of the top.
    """

    shape: F32
    kind: I64
    colour: F32


@dataclass
class SolidList:
    """Collects solids one by one; `table` freezes them."""

    shapes: list[tuple[float, ...]] = field(default_factory=list)
    kinds: list[tuple[int, ...]] = field(default_factory=list)
    colours: list[tuple[float, ...]] = field(default_factory=list)
    thing: int = 0
    things: int = 0

    @contextmanager
    def one_thing(self) -> Iterator[None]:
        """All that is added inside stands or falls together; an inner thing is part of the outer one."""
        outer = self.thing
        if not outer:
            self.things += 1
            self.thing = self.things
        try:
            yield
        finally:
            self.thing = outer

    def _add(self, shape: tuple[float, ...], kind: tuple[int, ...], side: Colour, top: Colour) -> None:
        self.shapes.append(shape)
        self.kinds.append((*kind, self.thing))
        self.colours.append((*side, *top))

    def frustum(
        self,
        centre: Point,
        angle: float,
        foot: tuple[float, float],
        z: tuple[float, float],
        skin: int,
        side: Colour,
        top: Colour | None = None,
        top_half: tuple[float, float] | None = None,
        seed: int = 0,
        style: int = 0,
    ) -> None:
        """Add a frustum; angle is that of its u axis, radians anticlockwise from east; half sides in metres."""
        tu, tv = top_half if top_half is not None else foot
        shape = (centre[0], centre[1], np.cos(angle), np.sin(angle), foot[0], foot[1], tu, tv, z[0], z[1])
        self._add(shape, (FRUSTUM, skin, seed, style), side, side if top is None else top)

    def cone(
        self, centre: Point, radii: tuple[float, float], z: tuple[float, float], skin: int, side: Colour, seed: int = 0
    ) -> None:
        """Add an upright cone with its foot and top radius."""
        shape = (centre[0], centre[1], 1.0, 0.0, radii[0], radii[0], radii[1], radii[1], z[0], z[1])
        self._add(shape, (CONE, skin, seed, 0), side, side)

    def ellipsoid(
        self, centre: Point, radius: float, z: tuple[float, float], skin: int, side: Colour, seed: int = 0
    ) -> None:
        """Add an ellipsoid that is round in plan."""
        shape = (centre[0], centre[1], 1.0, 0.0, radius, radius, radius, radius, z[0], z[1])
        self._add(shape, (ELLIPSOID, skin, seed, 0), side, side)

    def table(self) -> Solids:
        """Freeze into arrays."""
        return Solids(
            np.array(self.shapes, np.float32).reshape(-1, 10),
            np.array(self.kinds, np.int64).reshape(-1, 5),
            np.array(self.colours, np.float32).reshape(-1, 6),
        )


def join(first: Solids, second: Solids) -> Solids:
    """Stack two tables; indices of the first stay valid."""
    return Solids(
        np.concatenate([first.shape, second.shape]),
        np.concatenate([first.kind, second.kind]),
        np.concatenate([first.colour, second.colour]),
    )

"""What cars, vans and buses look like from any side."""

from .facade import Skin
from .kernel import inlined
from .noise import phase
from .solids import Colour

TOP_FACE = 2


@inlined
def _wheel(along: float, axle: float, z: float) -> float:
    """Squared distance from the nearer of two axles, in wheel radii of 0.33 m."""
    return ((abs(along) - axle) ** 2 + (z - 0.33) ** 2) / 0.109


@inlined
def car_body(paint: Colour, face: int, u: float, v: float, z: float, half_u: float) -> Skin:
    """Lower half of a car: wheels and doors on the long sides, lamps at the ends, bonnet on top; u points forward."""
    if face == TOP_FACE:
        seam = abs(abs(v) - 0.62) < 0.04 and u > 0.3
        return (paint[0] * 0.6, paint[1] * 0.6, paint[2] * 0.6, 0.15) if seam else (paint[0], paint[1], paint[2], 0.12)
    if face == 1:
        wheel = _wheel(u, 0.62 * half_u, z)
        if wheel < 1.0:
            return (0.30, 0.30, 0.31, 0.1) if wheel < 0.34 else (0.012, 0.012, 0.013, 0.0)
        if z < 0.22 or wheel < 1.35:
            return 0.02, 0.02, 0.02, 0.0
        if abs(abs(u) - 0.06) < 0.025 and z > 0.28:
            return paint[0] * 0.4, paint[1] * 0.4, paint[2] * 0.4, 0.0
        return paint[0], paint[1], paint[2], 0.10
    if z < 0.24:
        return 0.02, 0.02, 0.02, 0.0
    if 0.55 < z < 0.76 and abs(v) > 0.5:
        return (0.85, 0.85, 0.8, 0.3) if u > 0.0 else (0.45, 0.02, 0.02, 0.1)
    if z < 0.45 or (u > 0.0 and z < 0.7 and abs(v) < 0.45):
        return (0.7, 0.7, 0.66, 0.0) if abs(v) < 0.26 and 0.32 < z < 0.44 else (0.05, 0.05, 0.05, 0.02)
    return paint[0], paint[1], paint[2], 0.10


@inlined
def car_cabin(paint: Colour, face: int, u: float, v: float, share: float, half_u: float, van: bool) -> Skin:
    """Upper half: glass all round with pillars, painted roof; share in [0, 1] goes up the cabin.

    A van is closed behind.
    """
    if face == TOP_FACE:
        return paint[0], paint[1], paint[2], 0.12
    if share < 0.08 or share > 0.9:
        return paint[0], paint[1], paint[2], 0.08
    if face == 1:
        pillar = abs(u - 0.1) < 0.07 or abs(u) > 0.86 * half_u - 0.3 * half_u * share
        if pillar or (van and u < 0.35 * half_u):
            return paint[0], paint[1], paint[2], 0.08
    elif (van and u < 0.0 and share < 0.35) or abs(v) > 0.8 - 0.18 * share:
        return paint[0], paint[1], paint[2], 0.08
    return 0.02, 0.023, 0.026, 0.18


@inlined
def bus(paint: Colour, roof: Colour, face: int, u: float, v: float, z: float) -> Skin:
    """A bus: a band of windows, doors, wheels, hatches on a pale roof."""
    if face == TOP_FACE:
        hatch = abs(v) < 0.6 and abs(abs(u) - 2.5) < 0.9
        return (0.35, 0.36, 0.37, 0.0) if hatch else (roof[0], roof[1], roof[2], 0.0)
    if face == 1:
        wheel = _wheel(u - 0.4, 3.1, z)
        if wheel < 1.9:
            return (0.25, 0.25, 0.25, 0.05) if wheel < 0.5 else (0.012, 0.012, 0.013, 0.0)
        door = v < 0.0 and abs(abs(u - 1.5) - 3.2) < 0.65 and z > 0.3
        if (1.15 < z < 2.45 and phase(u, 1.6) > 0.12) or (door and z < 2.45):
            return 0.02, 0.023, 0.026, 0.15
    elif (u > 0.0 and 0.9 < z < 2.5) or 1.4 < z < 2.4:
        return 0.02, 0.023, 0.026, 0.15
    if z < 0.28:
        return 0.02, 0.02, 0.02, 0.0
    return paint[0], paint[1], paint[2], 0.08

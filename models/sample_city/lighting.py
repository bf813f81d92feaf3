"""How much light reaches a point: look-ups in the shadow rasters of a scene."""

import math

from .kernel import inlined
from .noise import clamp
from .scene import Scene
from .shadows import CELL_M

Rgb = tuple[float, float, float]


@inlined
def wrap(index: int, n: int) -> int:
    """Bring an index from [-n, 2 n) into [0, n)."""
    if index < 0:
        return index + n
    return index - n if index >= n else index


@inlined
def sunlight(scene: Scene, x: float, y: float, z: float) -> float:
    """Share of sunlight, [0, 1], that solid things let through to a world point.

    x, y at most a few metres beyond the world.
    """
    n = scene.shadow.shape[0]
    fx = x / CELL_M - 0.5
    fy = y / CELL_M - 0.5
    ix = math.floor(fx)
    iy = math.floor(fy)
    u = fx - ix
    v = fy - iy
    c0 = wrap(int(ix), n)
    c1 = wrap(c0 + 1, n)
    r0 = wrap(int(iy), n)
    r1 = wrap(r0 + 1, n)
    limit = 100.0 * z + 25.0
    a = clamp((limit - scene.shadow[r0, c0]) / 25.0, 0.0, 1.0)
    b = clamp((limit - scene.shadow[r0, c1]) / 25.0, 0.0, 1.0)
    c = clamp((limit - scene.shadow[r1, c0]) / 25.0, 0.0, 1.0)
    d = clamp((limit - scene.shadow[r1, c1]) / 25.0, 0.0, 1.0)
    return (a * (1.0 - u) + b * u) * (1.0 - v) + (c * (1.0 - u) + d * u) * v


@inlined
def skylight(scene: Scene, x: float, y: float) -> float:
    """Share of the sky that the ground sees, [0, 1]."""
    n = scene.open.shape[0]
    return float(scene.open[wrap(math.floor(y), n), wrap(math.floor(x), n)] / 255.0)


@inlined
def under_trees(scene: Scene, x: float, y: float) -> float:
    """Share of sunlight that leaves and twigs let through to the ground; x, y within the world."""
    n = scene.shade.shape[0]
    fx = x / CELL_M - 0.5
    fy = y / CELL_M - 0.5
    ix = math.floor(fx)
    iy = math.floor(fy)
    u = fx - ix
    v = fy - iy
    c0 = wrap(int(ix), n)
    r0 = wrap(int(iy), n)
    c1 = wrap(c0 + 1, n)
    r1 = wrap(r0 + 1, n)
    south = scene.shade[r0, c0] * (1.0 - u) + scene.shade[r0, c1] * u
    north = scene.shade[r1, c0] * (1.0 - u) + scene.shade[r1, c1] * u
    return float(1.0 - (south * (1.0 - v) + north * v) / 255.0)

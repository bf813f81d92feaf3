"""Draw a crown, a trunk or a conifer into one image column."""

import math

from .frustum import NEAR_M, Column, first_below
from .kernel import inlined
from .noise import blotches, phase, speck, unit
from .scene import Scene
from .solids import FOOT_U, HIGH, LEAF, LOW, NEEDLE, SEED, SKIN, TOP_U


@inlined
def _hole(scene: Scene, i: int, across: float, rise: float, thick: float, radius: float, pixel_m: float) -> bool:
    """Does light pass between the leaves here?

    Args:
        across, rise: metres from the foot of the crown, in the plane that faces the camera. thick: length of the
            ray inside the crown over its radius. pixel_m: metres that a pixel covers.
    """
    shift = scene.kind[i, SEED]
    lumps = blotches(scene.grain_shape, 1.6 * across, 1.6 * rise, shift)
    size = 1.0 / max(0.11, pixel_m)
    leaf = speck(scene.grain_shape, across * size, rise * size, shift)
    if thick < 0.06 + 0.5 * lumps * (0.55 + 0.9 * leaf):
        return True
    bare = scene.porosity[i]
    if bare < 0.3:
        return bool(bare > 0.0 and leaf < bare)
    turn = 2.7 * math.atan2(rise + 0.3 * radius, across) + 0.55 * blotches(
        scene.grain_shape, 1.1 * across, 1.1 * rise, shift + 5
    )
    reach = math.hypot(across, rise + 0.3 * radius)
    bough = abs(phase(2.2 * turn, 1.0) - 0.5) < 0.09 + 0.05 / (0.3 + reach / radius)
    twig = abs(phase(6.3 * turn + 1.7 * lumps, 1.0) - 0.5) < 0.17
    return not (bough or twig or leaf > 0.8)


@inlined
def draw_ellipsoid(scene: Scene, i: int, cx: float, cy: float, column: Column) -> None:
    """Draw an ellipsoid; leafy ones are ragged and show the sky between their twigs."""
    dx, dy, eye, scale, slopes = column.dx, column.dy, column.eye, column.scale, column.slopes
    depth, hit = column.depth, column.hit
    radius = scene.shape[i, FOOT_U]
    along = cx * dx + cy * dy
    aside = cx * dy - cy * dx
    if abs(aside) >= radius or along < -radius:
        return
    low = scene.shape[i, LOW]
    high = scene.shape[i, HIGH]
    share = 1.0 - (aside / radius) ** 2
    wide = radius * math.sqrt(share)
    tall = 0.5 * (high - low) * math.sqrt(share)
    k = eye - 0.5 * (low + high)
    a = 1.0 / (wide * wide)
    b = 1.0 / (tall * tall)
    first = 0
    last = slopes.shape[0]
    if along > wide:
        p = b * (1.0 - a * along * along)
        q = -along * k * a * b
        root = q * q - p * a * (1.0 - b * k * k)
        if root <= 0.0:
            return
        root = math.sqrt(root)
        s0 = (-q + root) / p
        s1 = (-q - root) / p
        first = first_below(slopes, max(s0, s1) / scale)
        last = first_below(slopes, min(s0, s1) / scale)
    leafy = scene.kind[i, SKIN] == LEAF
    for row in range(first, last):
        slope = slopes[row] * scale
        aa = a + slope * slope * b
        bb = -along * a + slope * k * b
        disc = bb * bb - aa * (along * along * a + k * k * b - 1.0)
        if disc <= 0.0:
            continue
        half = math.sqrt(disc) / aa
        t = -bb / aa - half
        if t < NEAR_M or t >= depth[row]:
            continue
        if leafy and _hole(scene, i, aside, eye + slope * along - low, half / radius, radius, column.pixel * t):
            continue
        depth[row] = t
        hit[row] = i


@inlined
def draw_cone(scene: Scene, i: int, cx: float, cy: float, column: Column) -> None:
    """Draw the mantle of a cone; those with needles have ragged edges."""
    dx, dy, eye, scale, slopes = column.dx, column.dy, column.eye, column.scale, column.slopes
    depth, hit = column.depth, column.hit
    radius = scene.shape[i, FOOT_U]
    along = cx * dx + cy * dy
    aside = cx * dy - cy * dx
    if abs(aside) >= radius or along < radius + NEAR_M:
        return
    low = scene.shape[i, LOW]
    high = scene.shape[i, HIGH]
    up = high - eye
    down = low - eye
    first = first_below(slopes, (up / (along - radius) if up > 0.0 else up / (along + radius)) / scale)
    last = first_below(slopes, (down / (along + radius) if down > 0.0 else down / (along - radius)) / scale)
    lean = (scene.shape[i, TOP_U] - radius) / (high - low)
    reach = radius - lean * down
    ragged = scene.kind[i, SKIN] == NEEDLE
    for row in range(first, last):
        slope = slopes[row] * scale
        aa = 1.0 - (lean * slope) ** 2
        bb = -along - reach * lean * slope
        disc = bb * bb - aa * (along * along + aside * aside - reach * reach)
        if disc <= 0.0 or aa <= 0.0:
            continue
        t = (-bb - math.sqrt(disc)) / aa
        z = slope * t
        if t < NEAR_M or t >= depth[row] or z < down or z > up:
            continue
        if ragged:
            cell = max(0.22, 1.2 * column.pixel * t)
            height = math.floor((z + eye) / cell)
            turn = math.floor((dx * t - cx) / cell) + 31 * math.floor((dy * t - cy) / cell)
            if math.sqrt(disc) < 0.55 * radius * unit(turn, height, scene.kind[i, SEED]):
                continue
        depth[row] = t
        hit[row] = i

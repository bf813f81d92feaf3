"""Visibility in one image column: walk outwards over the cells and keep the nearest surface of every row.

All rays of a column lie in one vertical plane: after t metres of horizontal travel a ray of slope s is at height eye + s t.
"""

import math

import numpy as np

from .kernel import inlined
from .noise import blotches, phase, speck, unit
from .scene import Scene
from .solids import CONE, COS, ELLIPSOID, F64, FAMILY, FOOT_U, FOOT_V, FRUSTUM, HIGH, I64, LEAF, LOW, NEEDLE, SEED, SIN, SKIN
from .solids import TOP_U, TOP_V, WALL, X, Y

NEAR_M = 0.05
CAR_CLEARANCE_M = 0.9


@inlined
def first_below(slopes: F64, limit: float) -> int:
    """First row whose slope is at most limit; slopes fall from row to row."""
    low = 0
    high = slopes.shape[0]
    while low < high:
        middle = (low + high) >> 1
        if slopes[middle] > limit:
            low = middle + 1
        else:
            high = middle
    return low


@inlined
def _frustum(
    scene: Scene, i: int, cx: float, cy: float, dx: float, dy: float, eye: float, slopes: F64, scale: float, depth: F64, hit: I64
) -> float:
    """Draw solid i whose centre is at cx, cy from the eye; returns the slope of its top if it hides all below, else -1e9."""
    c = scene.shape[i, COS]
    s = scene.shape[i, SIN]
    foot_u = scene.shape[i, FOOT_U]
    foot_v = scene.shape[i, FOOT_V]
    low = scene.shape[i, LOW]
    high = scene.shape[i, HIGH]
    u0 = -(cx * c + cy * s)
    v0 = -(cy * c - cx * s)
    if i >= scene.static and abs(u0) < foot_u + CAR_CLEARANCE_M and abs(v0) < foot_v + CAR_CLEARANCE_M:
        return -1e9
    du = dx * c + dy * s
    dv = dy * c - dx * s
    enter = NEAR_M
    leave = 1e9
    if abs(du) > 1e-12:
        a = (-foot_u - u0) / du
        b = (foot_u - u0) / du
        enter = max(enter, min(a, b))
        leave = min(leave, max(a, b))
    elif abs(u0) > foot_u:
        return -1e9
    if abs(dv) > 1e-12:
        a = (-foot_v - v0) / dv
        b = (foot_v - v0) / dv
        enter = max(enter, min(a, b))
        leave = min(leave, max(a, b))
    elif abs(v0) > foot_v:
        return -1e9
    if enter >= leave:
        return -1e9
    up = high - eye
    down = low - eye
    steepest = up / enter if up > 0.0 else up / leave
    lowest = down / leave if down > 0.0 else down / enter
    first = first_below(slopes, steepest / scale)
    last = first_below(slopes, lowest / scale)
    lean_u = (foot_u - scene.shape[i, TOP_U]) / (high - low)
    lean_v = (foot_v - scene.shape[i, TOP_V]) / (high - low)
    upright = lean_u == 0.0 and lean_v == 0.0
    for row in range(first, last):
        if depth[row] <= enter:
            continue
        slope = slopes[row] * scale
        t = enter
        end = leave
        if not upright:
            for side in range(4):
                sign = 1.0 if side & 1 else -1.0
                if side < 2:
                    rate = sign * du + lean_u * slope
                    room = foot_u - sign * u0 - lean_u * (eye - low)
                else:
                    rate = sign * dv + lean_v * slope
                    room = foot_v - sign * v0 - lean_v * (eye - low)
                if rate > 1e-12:
                    end = min(end, room / rate)
                elif rate < -1e-12:
                    t = max(t, room / rate)
                elif room < 0.0:
                    end = -1.0
        z = slope * t
        if z > up:
            if slope >= 0.0:
                continue
            t = up / slope
        elif z < down:
            if slope <= 0.0:
                continue
            t = down / slope
        if t < end and t < depth[row]:
            depth[row] = t
            hit[row] = i
    if upright and scene.kind[i, SKIN] == WALL and enter > NEAR_M:
        return up / enter
    return -1e9


@inlined
def _hole(scene: Scene, i: int, across: float, rise: float, thick: float, radius: float, pixel_m: float) -> bool:
    """Does light pass between the leaves here?

    Args:
        across, rise: metres from the foot of the crown, in the plane that faces the camera. thick: length of the ray inside the
            crown over its radius. pixel_m: metres that a pixel covers.
    """
    shift = scene.kind[i, SEED]
    lumps = blotches(scene.grain_shape, 1.6 * across, 1.6 * rise, shift)
    size = 1.0 / max(0.11, pixel_m)
    leaf = speck(scene.grain_shape, across * size, rise * size, shift)
    if thick < 0.06 + 0.5 * lumps * (0.55 + 0.9 * leaf):
        return True
    bare = scene.porosity[i]
    if bare < 0.3:
        return bare > 0.0 and leaf < bare
    turn = 2.7 * math.atan2(rise + 0.3 * radius, across) + 0.55 * blotches(scene.grain_shape, 1.1 * across, 1.1 * rise, shift + 5)
    reach = math.hypot(across, rise + 0.3 * radius)
    bough = abs(phase(2.2 * turn, 1.0) - 0.5) < 0.09 + 0.05 / (0.3 + reach / radius)
    twig = abs(phase(6.3 * turn + 1.7 * lumps, 1.0) - 0.5) < 0.17
    return not (bough or twig or leaf > 0.8)


@inlined
def _ellipsoid(
    scene: Scene, i: int, cx: float, cy: float, dx: float, dy: float, eye: float, slopes: F64, scale: float, depth: F64, hit: I64,
    pixel: float,
) -> None:  # fmt: skip
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
        if leafy:
            if _hole(scene, i, aside, eye + slope * along - low, half / radius, radius, pixel * t):
                continue
        depth[row] = t
        hit[row] = i


@inlined
def _cone(
    scene: Scene, i: int, cx: float, cy: float, dx: float, dy: float, eye: float, slopes: F64, scale: float, depth: F64, hit: I64,
    pixel: float,
) -> None:  # fmt: skip
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
            cell = max(0.22, 1.2 * pixel * t)
            height = int(math.floor((z + eye) / cell))
            turn = int(math.floor((dx * t - cx) / cell)) + 31 * int(math.floor((dy * t - cy) / cell))
            if math.sqrt(disc) < 0.55 * radius * unit(turn, height, scene.kind[i, SEED]):
                continue
        depth[row] = t
        hit[row] = i


@inlined
def march(
    scene: Scene, x: float, y: float, eye: float, dx: float, dy: float, slopes: F64, scale: float, reach_m: float, pixel: float,
    depth: F64, hit: I64, seen: I64, stamp: int,
) -> int:  # fmt: skip
    """Fill depth (metres of horizontal travel) and hit (solid, or -1) of one column; returns the next unused stamp.

    Args:
        x, y, eye: camera in world metres, within the world. dx, dy: unit direction. slopes: (rows,) falling; times scale.
        pixel: angle of one row in radians. seen: (n,) scratch, which stamp each solid was last drawn with.
    """
    depth[:] = 1e9
    hit[:] = -1
    cells = scene.cells
    n = cells.columns
    cell = cells.cell_m
    col = int(x / cell)
    row = int(y / cell)
    step_x = 1 if dx > 0.0 else -1
    step_y = 1 if dy > 0.0 else -1
    delta_x = cell / max(abs(dx), 1e-12)
    delta_y = cell / max(abs(dy), 1e-12)
    next_x = ((col + 1) * cell - x if dx > 0.0 else x - col * cell) / max(abs(dx), 1e-12)
    next_y = ((row + 1) * cell - y if dy > 0.0 else y - row * cell) / max(abs(dy), 1e-12)
    shift_x = -x
    shift_y = -y
    travelled = 0.0
    skyline = -1e9
    behind = 1e9
    while travelled < reach_m:
        if skyline > 0.0 and travelled > behind and skyline * travelled > 75.0:
            break
        index = row * n + col
        for k in range(cells.start[index], cells.start[index + 1]):
            i = cells.items[k]
            if seen[i] == stamp:
                continue
            seen[i] = stamp
            cx = scene.shape[i, X] + shift_x
            cy = scene.shape[i, Y] + shift_y
            if skyline > 0.0 and travelled > behind + cell and (scene.shape[i, HIGH] - eye) < skyline * travelled:
                continue
            family = scene.kind[i, FAMILY]
            if family == FRUSTUM:
                top = _frustum(scene, i, cx, cy, dx, dy, eye, slopes, scale, depth, hit)
                if top > skyline:
                    skyline = top
                    behind = (scene.shape[i, HIGH] - eye) / top
            elif family == ELLIPSOID:
                _ellipsoid(scene, i, cx, cy, dx, dy, eye, slopes, scale, depth, hit, pixel)
            elif family == CONE:
                _cone(scene, i, cx, cy, dx, dy, eye, slopes, scale, depth, hit, pixel)
        if next_x < next_y:
            travelled = next_x
            next_x += delta_x
            col += step_x
            if col < 0 or col >= n:
                col -= n * step_x
                shift_x += scene.size_m * step_x
                stamp += 1
        else:
            travelled = next_y
            next_y += delta_y
            row += step_y
            if row < 0 or row >= n:
                row -= n * step_y
                shift_y += scene.size_m * step_y
                stamp += 1
    return stamp + 1

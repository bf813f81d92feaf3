"""Draw one solid into one image column: the rays of a column lie in a vertical plane, so a solid is a span of rows.

After t metres of horizontal travel a ray of slope s is at height eye + s t.
"""

from typing import NamedTuple

from .kernel import inlined
from .scene import Scene
from .solids import (
    COS,
    F64,
    FOOT_U,
    FOOT_V,
    HIGH,
    I64,
    LOW,
    SIN,
    SKIN,
    TOP_U,
    TOP_V,
    WALL,
)

NEAR_M = 0.05
CAR_CLEARANCE_M = 0.9


class Column(NamedTuple):
    """Rays of one column and what they have met so far.

    Attributes:
        dx, dy: horizontal unit direction. eye: height of the camera.
        slopes: (rows,) falling; the slope of a ray is slopes[row] * scale. pixel: angle between rays, radians.
        depth: (rows,) metres of horizontal travel to the nearest surface. hit: (rows,) its solid, or -1.
    """

    dx: float
    dy: float
    eye: float
    scale: float
    pixel: float
    slopes: F64
    depth: F64
    hit: I64


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
def draw_frustum(scene: Scene, i: int, cx: float, cy: float, column: Column) -> float:
    """Draw solid i whose centre is at cx, cy from the eye.

    Returns the slope of its top if it hides all below, else -1e9.
    """
    dx, dy, eye, scale, slopes = column.dx, column.dy, column.eye, column.scale, column.slopes
    depth, hit = column.depth, column.hit
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
        return float(up / enter)
    return -1e9

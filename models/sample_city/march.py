"""Visibility in one image column: walk outwards over the cells and keep the nearest surface of every row."""

from .frustum import Column, draw_frustum
from .kernel import inlined
from .round_solids import draw_cone, draw_ellipsoid
from .scene import Scene
from .solids import CONE, ELLIPSOID, FAMILY, FRUSTUM, HIGH, I64, X, Y


@inlined
def march(scene: Scene, x: float, y: float, column: Column, reach_m: float, seen: I64, stamp: int) -> int:
    """Fill depth (metres of horizontal travel) and hit (solid, or -1) of one column; returns the next unused stamp.

    Args:
        x, y: camera in world metres, within the world. reach_m: how far to look.
        seen: (n,) scratch, which stamp each solid was last drawn with.
    """
    dx, dy, eye = column.dx, column.dy, column.eye
    column.depth[:] = 1e9
    column.hit[:] = -1
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
                top = draw_frustum(scene, i, cx, cy, column)
                if top > skyline:
                    skyline = top
                    behind = (scene.shape[i, HIGH] - eye) / top
            elif family == ELLIPSOID:
                draw_ellipsoid(scene, i, cx, cy, column)
            elif family == CONE:
                draw_cone(scene, i, cx, cy, column)
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

"""Brushes for byte rasters of the world: row 0 is the south edge, a cell is painted where its centre is covered."""

import numpy as np

from .kernel import kernel
from .solids import F64, U8


@kernel
def paint_polygon(raster: U8, cell_m: float, outline: F64, value: int, crossings: F64) -> None:
    """Fill a polygon (n, 2) in metres, even-odd rule; crossings is scratch of length n."""
    rows, columns = raster.shape
    count = outline.shape[0]
    bottom = outline[0, 1]
    top = outline[0, 1]
    for i in range(count):
        bottom = min(bottom, outline[i, 1])
        top = max(top, outline[i, 1])
    low = max(int(bottom / cell_m - 0.5), 0)
    high = min(int(top / cell_m - 0.5) + 1, rows - 1)
    for row in range(low, high + 1):
        y = (row + 0.5) * cell_m
        found = 0
        for i in range(count):
            j = i + 1 if i + 1 < count else 0
            y0 = outline[i, 1]
            y1 = outline[j, 1]
            if (y0 <= y) == (y1 <= y):
                continue
            x = outline[i, 0] + (y - y0) / (y1 - y0) * (outline[j, 0] - outline[i, 0])
            k = found
            while k > 0 and crossings[k - 1] > x:
                crossings[k] = crossings[k - 1]
                k -= 1
            crossings[k] = x
            found += 1
        for k in range(0, found - 1, 2):
            first = max(int(np.ceil(crossings[k] / cell_m - 0.5)), 0)
            last = min(int(np.floor(crossings[k + 1] / cell_m - 0.5)), columns - 1)
            for col in range(first, last + 1):
                raster[row, col] = value


@kernel
def paint_path(raster: U8, cell_m: float, path: F64, half_width_m: float, value: int) -> None:
    """Paint a strip along a polyline (n, 2) in metres, with square ends."""
    rows, columns = raster.shape
    for i in range(path.shape[0] - 1):
        ax = path[i, 0]
        ay = path[i, 1]
        bx = path[i + 1, 0]
        by = path[i + 1, 1]
        dx = bx - ax
        dy = by - ay
        length = max(dx * dx + dy * dy, 1e-12)
        slack = 0.25 / np.sqrt(length)
        left = max(int((min(ax, bx) - half_width_m) / cell_m), 0)
        right = min(int((max(ax, bx) + half_width_m) / cell_m), columns - 1)
        bottom = max(int((min(ay, by) - half_width_m) / cell_m), 0)
        top = min(int((max(ay, by) + half_width_m) / cell_m), rows - 1)
        for row in range(bottom, top + 1):
            py = (row + 0.5) * cell_m - ay
            for col in range(left, right + 1):
                px = (col + 0.5) * cell_m - ax
                t = (px * dx + py * dy) / length
                gap = (px - t * dx) ** 2 + (py - t * dy) ** 2
                if -slack <= t <= 1.0 + slack and gap <= half_width_m * half_width_m:
                    raster[row, col] = value


@kernel
def paint_rectangle(
    raster: U8, cell_m: float, x: float, y: float, angle: float, half_u: float, half_v: float, value: int, first: int
) -> None:
    """Paint a turned rectangle, leaving cells with a value below `first` alone."""
    rows, columns = raster.shape
    c = np.cos(angle)
    s = np.sin(angle)
    reach_x = abs(c) * half_u + abs(s) * half_v
    reach_y = abs(s) * half_u + abs(c) * half_v
    for row in range(max(int((y - reach_y) / cell_m), 0), min(int((y + reach_y) / cell_m), rows - 1) + 1):
        py = (row + 0.5) * cell_m - y
        for col in range(max(int((x - reach_x) / cell_m), 0), min(int((x + reach_x) / cell_m), columns - 1) + 1):
            px = (col + 0.5) * cell_m - x
            if abs(px * c + py * s) <= half_u and abs(py * c - px * s) <= half_v and raster[row, col] >= first:
                raster[row, col] = value


@kernel
def rectangle_touches(
    raster: U8, cell_m: float, x: float, y: float, angle: float, half_u: float, half_v: float
) -> bool:
    """Is any cell under a turned rectangle non-zero, or the rectangle outside the raster?"""
    rows, columns = raster.shape
    c = np.cos(angle)
    s = np.sin(angle)
    steps_u = max(int(np.ceil(2.0 * half_u / cell_m)), 1)
    steps_v = max(int(np.ceil(2.0 * half_v / cell_m)), 1)
    for i in range(steps_u + 1):
        u = -half_u + 2.0 * half_u * i / steps_u
        for j in range(steps_v + 1):
            v = -half_v + 2.0 * half_v * j / steps_v
            col = int(np.floor((x + c * u - s * v) / cell_m))
            row = int(np.floor((y + s * u + c * v) / cell_m))
            if row < 0 or col < 0 or row >= rows or col >= columns or raster[row, col] != 0:
                return True
    return False


@kernel
def paint_disc(raster: U8, cell_m: float, x: float, y: float, radius_m: float, value: int, first: int) -> None:
    """Paint a disc, leaving cells with a value below `first` alone."""
    rows, columns = raster.shape
    for row in range(max(int((y - radius_m) / cell_m), 0), min(int((y + radius_m) / cell_m), rows - 1) + 1):
        for col in range(max(int((x - radius_m) / cell_m), 0), min(int((x + radius_m) / cell_m), columns - 1) + 1):
            gap = ((col + 0.5) * cell_m - x) ** 2 + ((row + 0.5) * cell_m - y) ** 2
            if gap <= radius_m * radius_m and raster[row, col] >= first:
                raster[row, col] = value

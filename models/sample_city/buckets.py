"""A uniform grid of lists: which items touch which cell of the plane."""

from typing import NamedTuple

import numpy as np

from .kernel import kernel
from .solids import COS, F32, FOOT_U, FOOT_V, I64, SIN, X, Y


class Buckets(NamedTuple):
    """Cell (row, col) holds items[start[row * columns + col]:start[row * columns + col + 1]].

    Row 0 is the south edge.
    """

    start: I64
    items: I64
    columns: int
    cell_m: float


@kernel
def _fill(boxes: F32, columns: int, cell_m: float, start: I64, items: I64, count_only: bool) -> None:
    for i in range(boxes.shape[0]):
        x0 = min(max(int(boxes[i, 0] / cell_m), 0), columns - 1)
        y0 = min(max(int(boxes[i, 1] / cell_m), 0), columns - 1)
        x1 = min(max(int(boxes[i, 2] / cell_m), 0), columns - 1)
        y1 = min(max(int(boxes[i, 3] / cell_m), 0), columns - 1)
        for row in range(y0, y1 + 1):
            for col in range(x0, x1 + 1):
                cell = row * columns + col
                if not count_only:
                    items[start[cell]] = i
                start[cell] += 1


def bucket(boxes: F32, size_m: float, cell_m: float) -> Buckets:
    """Sort items into cells by their bounding boxes.

    Args:
        boxes: (n, 4) x0, y0, x1, y1 in metres.
        size_m: side of the square world, a multiple of cell_m.
        cell_m: side of a cell.
    """
    columns = round(size_m / cell_m)
    counts = np.zeros(columns * columns, np.int64)
    _fill(boxes, columns, cell_m, counts, np.zeros(1, np.int64), True)
    start = np.zeros(columns * columns + 1, np.int64)
    np.cumsum(counts, out=start[1:])
    items = np.zeros(max(int(start[-1]), 1), np.int64)
    _fill(boxes, columns, cell_m, start[:-1].copy(), items, False)
    return Buckets(start, items, columns, cell_m)


def bounding_boxes(shape: F32) -> F32:
    """(n, 4) bounding boxes of the (n, 10) shapes of solids."""
    reach_x = np.abs(shape[:, COS]) * shape[:, FOOT_U] + np.abs(shape[:, SIN]) * shape[:, FOOT_V]
    reach_y = np.abs(shape[:, SIN]) * shape[:, FOOT_U] + np.abs(shape[:, COS]) * shape[:, FOOT_V]
    x, y = shape[:, X], shape[:, Y]
    return np.stack([x - reach_x, y - reach_y, x + reach_x, y + reach_y], axis=1).astype(np.float32)

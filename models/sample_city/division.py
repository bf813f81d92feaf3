"""Divide the plan into convex blocks; every cut is a street."""

from dataclasses import dataclass, field

import numpy as np

from .districts import Districts
from .solids import F64

ARTERIAL_AREA_M2 = 110_000.0
COLLECTOR_AREA_M2 = 34_000.0
SNAP_M = 26.0
CORNER_M = 22.0


@dataclass
class Cut:
    """One straight street of the plan: its ends (2,), the area of what it divided, and the points where others meet
    it.
    """

    start: F64
    end: F64
    area_m2: float
    nodes: list[F64] = field(default_factory=list)


@dataclass
class Cell:
    """A convex piece of the plan: corners (k, 2) anticlockwise; edge i from corner i to i + 1 lies on cut owners[i]."""

    corners: F64
    owners: list[int]

    def area(self) -> float:
        x, y = self.corners.T
        return 0.5 * abs(float(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1))))

    def middle(self) -> F64:
        return np.asarray(self.corners.mean(axis=0))


def divide(half_side_m: float, districts: Districts, rng: np.random.Generator) -> tuple[list[Cut], list[Cell]]:
    """Halve cells, longest edge first, until each is as small as its district wants; the outer square is cut 0..3."""
    square = half_side_m * np.array([[-1.0, -1.0], [1.0, -1.0], [1.0, 1.0], [-1.0, 1.0]])
    cuts = [Cut(square[i], square[(i + 1) % 4], 1e9) for i in range(4)]
    open_cells = [Cell(square, [0, 1, 2, 3])]
    done: list[Cell] = []
    while open_cells:
        cell = open_cells.pop()
        wanted = districts.block_area_m2(cell.middle()) * rng.uniform(0.8, 1.9)
        halves = _halve(cell, cuts, rng) if cell.area() > wanted else None
        if halves is None:
            done.append(cell)
        else:
            open_cells.extend(halves)
    return cuts, done


def _halve(cell: Cell, cuts: list[Cut], rng: np.random.Generator) -> tuple[Cell, Cell] | None:
    edges = np.roll(cell.corners, -1, axis=0) - cell.corners
    lengths = np.hypot(edges[:, 0], edges[:, 1])
    i = int(np.argmax(lengths))
    for _ in range(6):
        point = cell.corners[i] + edges[i] * rng.uniform(0.38, 0.62)
        turn = np.pi / 2.0 + rng.normal(0.0, 0.1)
        direction = np.array(
            [
                edges[i][0] * np.cos(turn) - edges[i][1] * np.sin(turn),
                edges[i][0] * np.sin(turn) + edges[i][1] * np.cos(turn),
            ]
        )
        first = _snap(point, cell, i, cuts)
        hit = _exit(cell, i, first, direction)
        if hit is None:
            continue
        j, second = hit
        second = _snap(second, cell, j, cuts)
        if _clear(first, cell, i) and _clear(second, cell, j):
            return _cut(cell, (i, first), (j, second), cuts)
    return None


def _snap(point: F64, cell: Cell, edge: int, cuts: list[Cut]) -> F64:
    """Move an end onto a junction that is already on this edge, to make a crossing of four arms."""
    a, b = cell.corners[edge], cell.corners[(edge + 1) % len(cell.corners)]
    along = (b - a) / np.hypot(*(b - a))
    for node in cuts[cell.owners[edge]].nodes:
        station = float(np.dot(node - a, along))
        if np.hypot(*(node - point)) < SNAP_M and CORNER_M < station < np.hypot(*(b - a)) - CORNER_M:
            return node
    return point


def _exit(cell: Cell, entry: int, start: F64, direction: F64) -> tuple[int, F64] | None:
    """Edge and point where a ray from an edge leaves the convex cell."""
    count = len(cell.corners)
    for j in range(count):
        if j == entry:
            continue
        a = cell.corners[j]
        edge = cell.corners[(j + 1) % count] - a
        cross = direction[0] * edge[1] - direction[1] * edge[0]
        if abs(cross) < 1e-9:
            continue
        gap = a - start
        s = (gap[0] * direction[1] - gap[1] * direction[0]) / cross
        t = (gap[0] * edge[1] - gap[1] * edge[0]) / cross
        if 0.0 <= s <= 1.0 and t > 0.0:
            return j, a + s * edge
    return None


def _clear(point: F64, cell: Cell, edge: int) -> bool:
    a, b = cell.corners[edge], cell.corners[(edge + 1) % len(cell.corners)]
    return bool(np.hypot(*(point - a)) > CORNER_M and np.hypot(*(point - b)) > CORNER_M)


def _cut(cell: Cell, first: tuple[int, F64], second: tuple[int, F64], cuts: list[Cut]) -> tuple[Cell, Cell]:
    (i, p), (j, q) = first, second
    owner = len(cuts)
    cuts.append(Cut(p, q, cell.area(), [p, q]))
    cuts[cell.owners[i]].nodes.append(p)
    cuts[cell.owners[j]].nodes.append(q)
    return _side(cell, (i, p), (j, q), owner), _side(cell, (j, q), (i, p), owner)


def _side(cell: Cell, leave: tuple[int, F64], back: tuple[int, F64], owner: int) -> Cell:
    """The piece that follows the boundary from `leave` to `back` and returns along the cut."""
    (i, p), (j, q) = leave, back
    corners, owners = [p], [cell.owners[i]]
    k = (i + 1) % len(cell.corners)
    while True:
        corners.append(cell.corners[k])
        owners.append(cell.owners[k])
        if k == j:
            break
        k = (k + 1) % len(cell.corners)
    corners.append(q)
    owners.append(owner)
    return Cell(np.array(corners), owners)

"""Fields with hedges between them, and woods."""

import numpy as np

from .materials import Material
from .plants import Species, plant_hedge, plant_tree
from .plot import Plot
from .solids import F64
from .streets import Block

FIELDS = (
    (Material.CROP, 0.16), (Material.GREEN_CROP, 0.2), (Material.STUBBLE, 0.14), (Material.MEADOW, 0.22),
    (Material.GRASS, 0.18), (Material.SOIL, 0.1),
)  # fmt: skip
FIELD_M = (45.0, 130.0)


def lay_out_fields(plot: Plot, block: Block) -> None:
    """Divide a block into strips of different crops and note the lines between them."""
    rng = plot.rng
    ends = block.sides[rng.integers(len(block.sides))].path[[0, -1]]
    along = (ends[1] - ends[0]) / max(float(np.hypot(*(ends[1] - ends[0]))), 1e-9)
    across = np.array([-along[1], along[0]])
    reach = block.outline @ across
    cuts, at = [], float(reach.min())
    while at < reach.max():
        cuts.append(at)
        at += rng.uniform(*FIELD_M)
    shares = np.array([share for _, share in FIELDS])
    for low, high in zip(cuts, [*cuts[1:], float(reach.max()) + 1.0], strict=True):
        strip = _clip(_clip(block.outline, across, low), -across, -high)
        if len(strip) >= 3:
            plot.cover_polygon(strip, FIELDS[rng.choice(len(FIELDS), p=shares / shares.sum())][0])
        span = strip @ along if len(strip) else np.zeros(0)
        if low > cuts[0] and len(span):
            line = across * low
            plot.rims.append((line + along * (span.min() + 6.0), line + along * (span.max() - 6.0)))


def _clip(outline: F64, normal: F64, offset: float) -> F64:
    """The part of a polygon (n, 2) where points . normal >= offset."""
    heights = outline @ normal - offset if len(outline) else np.zeros(0)
    kept: list[F64] = []
    for i in range(len(outline)):
        j = (i + 1) % len(outline)
        if heights[i] >= 0.0:
            kept.append(outline[i])
        if (heights[i] >= 0.0) != (heights[j] >= 0.0):
            share = heights[i] / (heights[i] - heights[j])
            kept.append(outline[i] + share * (outline[j] - outline[i]))
    return np.array(kept).reshape(-1, 2)


def plant_rims(plot: Plot) -> None:
    """Grow hedges, rows of trees or nothing along the lines between fields."""
    rng = plot.rng
    for start, end in plot.rims:
        step = end - start
        length, angle = float(np.hypot(*step)), float(np.arctan2(step[1], step[0]))
        hedge, trees = rng.random() < 0.55, rng.random() < 0.6
        height, spacing = rng.uniform(1.0, 2.4), rng.uniform(7.0, 22.0)
        species = (Species.ROUND, Species.BROAD, Species.COLUMN)[rng.integers(3)]
        for station in np.arange(5.0, length - 5.0, 9.0) if hedge else ():
            if rng.random() < 0.9:
                plant_hedge(plot, start + step * station / length, angle, 4.4, height)
        for station in np.arange(8.0, length - 8.0, spacing) if trees else ():
            at = start + step * station / length + 1.4 * np.array([-np.sin(angle), np.cos(angle)])
            if rng.random() < 0.8 and plot.free(at[0], at[1], 0.0, 0.5, 0.5):
                plant_tree(plot, at, species, rng.uniform(0.8, 1.4), low=True)


def plant_wood(plot: Plot, block: Block) -> None:
    """Fill a block with trees, thick or thin, and bushes along its rim."""
    rng = plot.rng
    spacing = rng.uniform(4.6, 8.5) * max(plot.character.tree_scale, 0.9)
    conifers = rng.random() if rng.random() < 0.5 else 0.1
    low, high = block.outline.min(axis=0), block.outline.max(axis=0)
    columns, rows = (np.maximum(((high - low) / spacing).astype(int), 1)).tolist()
    grid = np.stack(np.meshgrid(np.arange(columns), np.arange(rows)), axis=-1).reshape(-1, 2)
    points = low + (grid + rng.uniform(0.1, 0.9, grid.shape)) * spacing
    for at in points[_inside(block.outline, points)]:
        if rng.random() < 0.1 or not plot.free(at[0], at[1], 0.0, 1.0, 1.0):
            continue
        roll = rng.random()
        species = Species.CONIFER if roll < conifers else Species.BUSH if roll > 0.9 else Species.WILD
        plant_tree(plot, at, species, rng.uniform(0.8, 1.35), low=True)


def _inside(outline: F64, points: F64) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """(n,) is a point inside a polygon, by the even-odd rule?"""
    inside = np.zeros(len(points), bool)
    coarse = outline[:: max(len(outline) // 40, 1)]
    for a, b in zip(coarse, np.roll(coarse, -1, axis=0), strict=True):
        crosses = (a[1] <= points[:, 1]) != (b[1] <= points[:, 1])
        x = a[0] + (points[:, 1] - a[1]) / (b[1] - a[1] if b[1] != a[1] else 1.0) * (b[0] - a[0])
        inside ^= crosses & (points[:, 0] < x)
    return inside

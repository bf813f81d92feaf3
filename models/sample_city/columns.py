"""Render a picture whose columns are vertical planes: panoramas, and photos of a level camera."""

import math

import numpy as np

from .frustum import Column
from .kernel import kernel
from .march import march
from .scene import Scene
from .shade import GROUND, SKY, shade
from .solids import F32, F64, I64

REACH_M = 420.0


@kernel
def _look(
    scene: Scene,
    camera: tuple[float, float, float],
    azimuths: F64,
    scales: F64,
    slopes: F64,
    pixel: float,
    hits: I64,
    rays: F32,
    depth: F64,
    seen: I64,
) -> None:
    """Find where every ray ends; hits and rays are (columns, rows), as `shade` wants them.

    Depth and seen are scratch.
    """
    x, y, eye = camera
    stamp = seen[0] + 1
    for column in range(azimuths.shape[0]):
        azimuth = azimuths[column]
        dx = math.sin(azimuth)
        dy = math.cos(azimuth)
        hit = hits[column]
        line = Column(dx, dy, eye, scales[column], pixel, slopes, depth, hit)
        stamp = march(scene, x, y, line, REACH_M, seen, stamp)
        for row in range(slopes.shape[0]):
            slope = slopes[row] * scales[column]
            t = depth[row]
            if hit[row] < 0 and slope >= 0.0:
                hit[row] = SKY
                rays[column, row, 0] = dx
                rays[column, row, 1] = dy
                rays[column, row, 2] = slope
                rays[column, row, 3] = azimuth
                continue
            if hit[row] < 0:
                hit[row] = GROUND
                t = -eye / slope
            rays[column, row, 0] = x + dx * t
            rays[column, row, 1] = y + dy * t
            rays[column, row, 2] = eye + slope * t
            rays[column, row, 3] = t * math.sqrt(1.0 + slope * slope)


def render_columns(
    scene: Scene,
    camera: tuple[float, float, float],
    azimuths: F64,
    scales: F64,
    slopes: F64,
    pixel: float,
    samples: int,
) -> F32:
    """Render rays on a grid of azimuths and slopes.

    Args:
        camera: x, y in world metres, within the world, and height.
        azimuths: (columns,) radians clockwise from grid north. slopes: (rows,) strictly falling tangents of
            elevation, to be multiplied with scales (columns,).
        pixel: angle between rows, radians. samples: rows and columns averaged into one, both divisible by it.

    Returns:
        (rows / samples, columns / samples, 3) float32 linear light.
    """
    hits = np.empty((len(azimuths), len(slopes)), np.int64)
    rays = np.empty((len(azimuths), len(slopes), 4), np.float32)
    seen = np.zeros(len(scene.shape), np.int64)
    _look(scene, camera, azimuths, scales, slopes, pixel, hits, rays, np.empty(len(slopes)), seen)
    picture = np.zeros((len(azimuths) // samples, len(slopes) // samples, 3), np.float32)
    shade(scene, hits, rays, camera[2], pixel, 0.0, samples, picture)
    return np.ascontiguousarray(picture.transpose(1, 0, 2))

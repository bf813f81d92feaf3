"""Pictures that show no place: what a calibration has to answer with `no_match`."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Pixels = NDArray[np.uint8]
Floats = NDArray[np.float64]
WIDTH_PX, HEIGHT_PX = 240, 180


def pictures_of_nothing(count: int, seed: int, width_px: int = WIDTH_PX, height_px: int = HEIGHT_PX) -> list[Pixels]:
    """Draw plain fields, black frames, gradients, noise, stripes and rooms, in turn; (H, W, 3) uint8 each."""
    kinds: tuple[Callable[[np.random.Generator, int, int], Floats], ...] = (
        _plain, _dark, _gradient, _noise, _clouds, _stripes, _room, _room
    )  # fmt: skip
    drawn = []
    for number in range(count):
        rng = np.random.default_rng([seed, number])
        picture = kinds[number % len(kinds)](rng, width_px, height_px)
        picture = picture + rng.normal(0, rng.uniform(0, 4), picture.shape)
        drawn.append(np.clip(picture, 0, 255).astype(np.uint8))
    return drawn


def _plain(rng: np.random.Generator, width: int, height: int) -> Floats:
    return np.broadcast_to(rng.uniform(0, 255, 3), (height, width, 3)).copy()


def _dark(rng: np.random.Generator, width: int, height: int) -> Floats:
    return np.broadcast_to(rng.uniform(0, 6, 3), (height, width, 3)).copy()


def _gradient(rng: np.random.Generator, width: int, height: int) -> Floats:
    top, bottom = rng.uniform(0, 255, (2, 3))
    down = np.linspace(0, 1, height)[:, None, None]
    return np.broadcast_to(top * (1 - down) + bottom * down, (height, width, 3)).copy()


def _noise(rng: np.random.Generator, width: int, height: int) -> Floats:
    return rng.uniform(0, 255, (height, width, 3))


def _clouds(rng: np.random.Generator, width: int, height: int) -> Floats:
    coarse = rng.uniform(0, 255, (int(rng.integers(2, 12)), int(rng.integers(2, 16)), 3)).astype(np.uint8)
    smooth = Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC)
    return np.asarray(smooth, dtype=np.float64)


def _stripes(rng: np.random.Generator, width: int, height: int) -> Floats:
    y, x = np.mgrid[0:height, 0:width]
    angle, period = rng.uniform(0, np.pi), rng.uniform(6, 60)
    wave = (np.cos(angle) * x + np.sin(angle) * y) % period < period / 2
    one, other = rng.uniform(0, 255, (2, 3))
    striped: Floats = np.where(wave[..., None], one, other)
    return striped


def _room(rng: np.random.Generator, width: int, height: int) -> Floats:
    """Walls, ceiling and floor around a vanishing point, with windows, doors and furniture before them."""
    picture = np.empty((height, width, 3))
    y, x = np.mgrid[0:height, 0:width] / np.array([height, width])[:, None, None] - rng.uniform(0.4, 0.6, (2, 1, 1))
    steep = rng.uniform(0.6, 1.2)
    wall = rng.uniform(120, 250, 3)
    picture[:] = wall
    picture[np.abs(x) > 0.3] = wall * rng.uniform(0.7, 0.95)
    picture[(y > 0.25) & (y > steep * np.abs(x))] = rng.uniform(40, 180, 3)
    picture[(y < -0.25) & (-y > steep * np.abs(x))] = rng.uniform(200, 255, 3)
    for _ in range(int(rng.integers(2, 9))):
        left, top = rng.uniform(-0.5, 0.4), rng.uniform(-0.2, 0.3)
        box = (x > left) & (x < left + rng.uniform(0.05, 0.35)) & (y > top) & (y < top + rng.uniform(0.05, 0.4))
        picture[box] = rng.uniform(20, 255, 3)
    return picture * rng.uniform(0.4, 1.0)

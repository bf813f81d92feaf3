"""The bend of the city: a smooth map that turns straight streets into curved ones."""

from dataclasses import dataclass

import numpy as np

from .solids import F64


@dataclass(frozen=True)
class Warp:
    """Rotation about the middle of the world plus a sum of long waves.

    Attributes:
        middle_m: world coordinates of the middle. angle: radians.
        waves: (k, 4) wave vector (rad/m) and amplitude (m) of the displacement in x and y; phases: (k, 2) radians.
    """

    middle_m: float
    angle: float
    waves: F64
    phases: F64

    @classmethod
    def draw(cls, rng: np.random.Generator, middle_m: float) -> "Warp":
        """Draw waves of 320 to 900 m, displaced by a small share of the wavelength: bends stay drivable."""
        waves = []
        for wavelength in (320.0, 480.0, 650.0, 900.0):
            direction = rng.uniform(0.0, 2.0 * np.pi)
            k = 2.0 * np.pi / wavelength
            push = rng.uniform(0.0, 2.0 * np.pi)
            size = wavelength * rng.uniform(0.02, 0.045)
            waves.append((k * np.cos(direction), k * np.sin(direction), size * np.cos(push), size * np.sin(push)))
        return cls(middle_m, rng.uniform(0.0, 2.0 * np.pi), np.array(waves), rng.uniform(0.0, 2.0 * np.pi, (4, 2)))

    def __call__(self, points: F64) -> F64:
        """(n, 2) plan coordinates about the origin to (n, 2) world metres."""
        c, s = np.cos(self.angle), np.sin(self.angle)
        turned = points @ np.array([[c, s], [-s, c]])
        moved: F64 = turned.copy()
        for (kx, ky, ax, ay), (px, py) in zip(self.waves, self.phases, strict=True):
            inner = turned[:, 0] * kx + turned[:, 1] * ky
            moved[:, 0] += ax * np.sin(inner + px)
            moved[:, 1] += ay * np.sin(inner + py)
        return moved + self.middle_m

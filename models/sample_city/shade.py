"""Colour everything that a ray can end on; both views pass through here."""

import math

from .kernel import inlined, kernel
from .lighting import Rgb
from .noise import clamp
from .scene import Scene
from .solids import F32, I64
from .surface import solid_colour
from .terrain import ground_colour

GROUND, SKY = -1, -2


@inlined
def _sky_colour(scene: Scene, slope: float, azimuth: float) -> Rgb:
    light = scene.light
    count = scene.horizon.shape[0]
    far = int(azimuth / (2.0 * math.pi) * count + count) % count
    if slope < scene.horizon[far, 0]:
        veil = clamp(0.25 + 270.0 * light.haze_per_m, 0.25, 0.85)
        bare = (1.0 - veil) * (1.0 - 0.5 * light.snow)
        white = (1.0 - veil) * 0.4 * light.snow
        return (
            light.haze_r * (veil + white + bare * scene.horizon[far, 1]),
            light.haze_g * (veil + white + bare * scene.horizon[far, 2]),
            light.haze_b * (veil + white + bare * scene.horizon[far, 3]),
        )
    rows, columns = scene.sky.shape[:2]
    fy = max(math.atan(slope) / (0.5 * math.pi) * rows - 0.5, 0.0)
    fx = azimuth / (2.0 * math.pi) * columns - 0.5
    fx -= columns * math.floor(fx / columns)
    r0 = min(int(fy), rows - 1)
    r1 = min(r0 + 1, rows - 1)
    c0 = int(fx) % columns
    c1 = (c0 + 1) % columns
    v = fy - r0
    u = fx - int(fx)
    a = (1.0 - u) * (1.0 - v)
    b = u * (1.0 - v)
    c = (1.0 - u) * v
    d = u * v
    sky = scene.sky
    return (
        a * sky[r0, c0, 0] + b * sky[r0, c1, 0] + c * sky[r1, c0, 0] + d * sky[r1, c1, 0],
        a * sky[r0, c0, 1] + b * sky[r0, c1, 1] + c * sky[r1, c0, 1] + d * sky[r1, c1, 1],
        a * sky[r0, c0, 2] + b * sky[r0, c1, 2] + c * sky[r1, c0, 2] + d * sky[r1, c1, 2],
    )


@kernel
def shade(
    scene: Scene, hits: I64, rays: F32, eye: float, pixel: float, grain_m: float, samples: int, picture: F32
) -> None:
    """Colour the ends of rays and average them in squares of samples x samples.

    Args:
        hits: (A, B) solid, or GROUND, or SKY; A and B divisible by samples.
        rays: (A, B, 4) x, y, z of the end in world metres and the distance from the camera (0 from above); of a
            ray into the sky instead the horizontal unit direction, the tangent of elevation and the azimuth in
            radians.
        eye: height of the camera, to know how flat a ray meets the ground.
        pixel, grain_m: a pixel covers pixel * distance + grain_m metres.
        picture: (A / samples, B / samples, 3) zeros, which receive linear light through the haze.
    """
    light = scene.light
    size = scene.size_m
    weight = 1.0 / (samples * samples)
    for a in range(hits.shape[0]):
        line = picture[a // samples]
        for b in range(hits.shape[1]):
            i = hits[a, b]
            x = float(rays[a, b, 0])
            y = float(rays[a, b, 1])
            z = float(rays[a, b, 2])
            distance = float(rays[a, b, 3])
            if i == SKY:
                red, green, blue = _sky_colour(scene, z, distance)
            else:
                x -= size * math.floor(x / size)
                y -= size * math.floor(y / size)
                grain = pixel * distance + grain_m
                if i == GROUND:
                    red, green, blue = ground_colour(scene, x, y, grain, eye / distance if distance > 0.0 else 1.0)
                else:
                    red, green, blue = solid_colour(scene, i, x, y, z, grain)
                veil = 1.0 - math.exp(-light.haze_per_m * distance)
                red += veil * (light.haze_r - red)
                green += veil * (light.haze_g - green)
                blue += veil * (light.haze_b - blue)
            k = b // samples
            line[k, 0] += red * weight
            line[k, 1] += green * weight
            line[k, 2] += blue * weight

"""Colour of a point on a solid: which face it lies on, what that face shows, how it is lit."""

import math

from .facade import Skin, facade
from .kernel import inlined
from .lighting import Rgb, skylight, sunlight
from .noise import blotches, clamp, phase, speck, unit
from .scene import Scene
from .solids import (
    BUS,
    CAR_BODY,
    CAR_CABIN,
    COS,
    ELLIPSOID,
    FAMILY,
    FOOT_U,
    FOOT_V,
    FRUSTUM,
    HEDGE,
    HIGH,
    LEAF,
    LOW,
    NEEDLE,
    PANEL,
    ROOF,
    SEED,
    SIGN,
    SIN,
    SKIN,
    STYLE,
    TOP_U,
    TOP_V,
    WALL,
    X,
    Y,
)
from .vehicles import bus, car_body, car_cabin


@inlined
def _roof(scene: Scene, i: int, face: int, u: float, v: float, z: float, grain: float) -> Skin:
    """Tiles in courses; gable ends show the wall."""
    if face == 0 and scene.shape[i, TOP_U] == scene.shape[i, FOOT_U]:
        return scene.colour[i, 0], scene.colour[i, 1], scene.colour[i, 2], 0.0
    if face == 3:
        return 0.3, 0.28, 0.25, 0.0
    seed = scene.kind[i, SEED]
    along = u if face == 1 else v
    course = int(z * 3.2)
    near = clamp(1.5 - grain / 0.4, 0.25, 1.0)
    tone = 1.0 + near * (0.3 * unit(int(along * 2.0 + 100.0), course, seed) - 0.15)
    if z * 3.2 - course < 0.25:
        tone -= 0.16 * near
    if min(abs(v), abs(z - scene.shape[i, HIGH])) < 0.16:
        tone += 0.18
    return scene.colour[i, 3] * tone, scene.colour[i, 4] * tone, scene.colour[i, 5] * tone, 0.0


@inlined
def _flat_roof(scene: Scene, i: int, u: float, v: float) -> Skin:
    """Felt or gravel with seams, stains and a parapet."""
    seed = scene.kind[i, SEED]
    edge = min(scene.shape[i, FOOT_U] - abs(u), scene.shape[i, FOOT_V] - abs(v))
    if edge < 0.35:
        return 0.5 * scene.colour[i, 3] + 0.26, 0.5 * scene.colour[i, 4] + 0.26, 0.5 * scene.colour[i, 5] + 0.25, 0.0
    tone = 0.84 + 0.32 * blotches(scene.grain, u / 3.5, v / 3.5, seed)
    if edge < 0.8:
        tone *= 0.78
    seam = 2.0 + (seed % 4)
    if seed % 3 != 0 and phase(u, seam) < 0.22:
        tone *= 0.84
    tone *= 1.0 + 0.12 * (speck(scene.grain, u * 4.0, v * 4.0, seed) - 0.5)
    return scene.colour[i, 3] * tone, scene.colour[i, 4] * tone, scene.colour[i, 5] * tone, 0.0


@inlined
def _foliage(scene: Scene, i: int, u: float, v: float, z: float, grain: float) -> Skin:
    """Clumps of leaves: two grains of blotches that differ from moment to moment."""
    shift = scene.kind[i, SEED]
    coarse = blotches(scene.grain, 1.7 * u + 0.9 * z, 1.7 * v - 1.3 * z, shift)
    size = 1.0 / max(0.12, 1.2 * grain)
    fine = speck(scene.grain, u * size + 37.0 * math.floor(z * size), v * size, shift + 1)
    tone = 0.3 + 0.85 * coarse + 0.9 * fine * fine
    return scene.colour[i, 0] * tone, scene.colour[i, 1] * tone, scene.colour[i, 2] * tone, 0.0


@inlined
def _albedo(scene: Scene, i: int, face: int, u: float, v: float, z: float, grain: float) -> Skin:
    skin = scene.kind[i, SKIN]
    half_u = scene.shape[i, FOOT_U]
    half_v = scene.shape[i, FOOT_V]
    low = scene.shape[i, LOW]
    side = (scene.colour[i, 0], scene.colour[i, 1], scene.colour[i, 2])
    top = (scene.colour[i, 3], scene.colour[i, 4], scene.colour[i, 5])
    if skin == WALL:
        if face == 2:
            return _flat_roof(scene, i, u, v)
        a = u if face == 1 else v
        width = half_u if face == 1 else half_v
        forward = v < 0.0 if face == 1 else u > 0.0
        number = 2 * face + int(forward)
        a = a + width if forward else width - a
        return facade(
            side, scene.kind[i, STYLE], scene.kind[i, SEED], number, a, z, 2.0 * width, scene.shape[i, HIGH], grain
        )
    if skin in (LEAF, NEEDLE, HEDGE):
        return _foliage(scene, i, u, v, z, grain)
    if skin == ROOF:
        return _roof(scene, i, face, u, v, z - low, grain)
    if skin == CAR_BODY:
        return car_body(side, face, u, v, z, half_u)
    if skin == CAR_CABIN:
        share = (z - low) / (scene.shape[i, HIGH] - low)
        return car_cabin(side, face, u, v, share, half_u, scene.kind[i, STYLE] == 1)
    if skin == BUS:
        return bus(side, top, face, u, v, z)
    if skin == SIGN:
        rim = half_v - abs(v) < 0.06 or scene.shape[i, HIGH] - z < 0.06 or z - low < 0.06
        if u < 0.0:
            return 0.3, 0.3, 0.3, 0.0
        return (0.8, 0.8, 0.8, 0.0) if rim else (side[0], side[1], side[2], 0.0)
    if skin == PANEL:
        line = phase(u, 1.0) < 0.06 or phase(v, 1.6) < 0.06
        return (0.3, 0.3, 0.32, 0.0) if line else (side[0], side[1], side[2], 0.3)
    if face == 2:
        return top[0], top[1], top[2], 0.0
    tone = 0.85 + 0.3 * blotches(scene.grain, 4.0 * u, 3.0 * z, i)
    return side[0] * tone, side[1] * tone, side[2] * tone, 0.0


@inlined
def solid_colour(scene: Scene, i: int, x: float, y: float, z: float, grain: float) -> Rgb:
    """Lit colour, linear, of a point on solid i; x, y in world metres, within the world, grain in metres per pixel."""
    dx = x - scene.shape[i, X]
    dy = y - scene.shape[i, Y]
    half_world = 0.5 * scene.size_m
    dx -= scene.size_m if dx > half_world else -scene.size_m if dx < -half_world else 0.0
    dy -= scene.size_m if dy > half_world else -scene.size_m if dy < -half_world else 0.0
    low = scene.shape[i, LOW]
    high = scene.shape[i, HIGH]
    foot_u = scene.shape[i, FOOT_U]
    foot_v = scene.shape[i, FOOT_V]
    family = scene.kind[i, FAMILY]
    skin = scene.kind[i, SKIN]
    face = 0
    nx = 0.0
    ny = 0.0
    nz = 0.0
    u = dx
    v = dy
    if family == FRUSTUM:
        c = scene.shape[i, COS]
        s = scene.shape[i, SIN]
        u = dx * c + dy * s
        v = dy * c - dx * s
        lean_u = (foot_u - scene.shape[i, TOP_U]) / (high - low)
        lean_v = (foot_v - scene.shape[i, TOP_V]) / (high - low)
        gap_u = abs(foot_u - abs(u) - lean_u * (z - low)) / math.sqrt(1.0 + lean_u * lean_u)
        gap_v = abs(foot_v - abs(v) - lean_v * (z - low)) / math.sqrt(1.0 + lean_v * lean_v)
        gap_top = abs(high - z)
        gap_low = abs(z - low)
        if gap_low < min(gap_u, gap_v) and gap_low < gap_top:
            face = 3
            nz = -1.0
        elif gap_top < min(gap_u, gap_v) and scene.shape[i, TOP_V] > 0.0:
            face = 2
            nz = 1.0
        elif gap_u < gap_v:
            norm = math.copysign(1.0 / math.sqrt(1.0 + lean_u * lean_u), u)
            nx = c * norm
            ny = s * norm
            nz = abs(norm) * lean_u
        else:
            face = 1
            norm = math.copysign(1.0 / math.sqrt(1.0 + lean_v * lean_v), v)
            nx = -s * norm
            ny = c * norm
            nz = abs(norm) * lean_v
    elif family == ELLIPSOID:
        half = 0.5 * (high - low)
        nx = dx / (foot_u * foot_u)
        ny = dy / (foot_u * foot_u)
        nz = (z - 0.5 * (low + high)) / (half * half)
        norm = 1.0 / math.sqrt(nx * nx + ny * ny + nz * nz + 1e-12)
        nx *= norm
        ny *= norm
        nz *= norm
        face = 2 if nz > 0.8 else 0
    else:
        norm = 1.0 / math.sqrt(dx * dx + dy * dy + 1e-12)
        nx = dx * norm
        ny = dy * norm
        nz = 0.4 if skin == NEEDLE else 0.0
    r, g, b, gloss = _albedo(scene, i, face, u, v, z, grain)
    light = scene.light
    leafy = skin in (LEAF, NEEDLE, HEDGE)
    if light.snow > 0.0 and nz > 0.35:
        cover = 0.82 if not leafy else 0.6 * nz if skin == NEEDLE else 0.12
        r += cover * (0.76 - r)
        g += cover * (0.79 - g)
        b += cover * (0.86 - b)
    facing = nx * light.sun_x + ny * light.sun_y + nz * light.sun_z
    if leafy:
        facing = 0.34 + 0.66 * facing
    lit = 0.0
    if facing > 0.0 and light.sun_r > 0.0:
        lit = facing * sunlight(scene, x + 0.8 * nx, y + 0.8 * ny, z + 0.3)
    roomy = skylight(scene, x + 2.0 * nx, y + 2.0 * ny)
    height_share = clamp(z / 14.0, 0.0, 1.0)
    sky = (roomy + (1.0 - roomy) * height_share) * (0.72 + 0.28 * nz)
    if leafy and family == ELLIPSOID:
        sky *= 0.62 + 0.38 * clamp((z - low) / (high - low), 0.0, 1.0)
    if skin in (CAR_BODY, CAR_CABIN):
        sky *= 0.9
    lamp = 0.9 * light.night * r if light.night > 0.0 and skin == WALL and gloss > 0.05 and r > 0.08 else 0.0
    r = r * (sky * light.sky_r + lit * light.sun_r) + gloss * light.haze_r * (0.5 + 0.5 * roomy)
    g = g * (sky * light.sky_g + lit * light.sun_g) + gloss * light.haze_g * (0.5 + 0.5 * roomy)
    b = b * (sky * light.sky_b + lit * light.sun_b) + gloss * light.haze_b * (0.5 + 0.5 * roomy)
    return r + lamp, g + 0.8 * lamp, b + 0.5 * lamp

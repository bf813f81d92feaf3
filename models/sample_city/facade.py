"""What a wall looks like: windows by storey and bay, doors, shops, balconies, bricks."""

from .kernel import inlined
from .noise import clamp, mix, phase, unit
from .solids import Colour

# (red, green, blue, gloss): linear albedo, and the share of mirrored sky
Skin = tuple[float, float, float, float]


@inlined
def _glass(bay: int, storey: int, seed: int, rise: float) -> Skin:
    """A pane: dark room, curtain or blind, one in twenty lit; rise in [0, 1] goes up the pane."""
    fate = unit(bay, storey, seed)
    if fate < 0.2:
        return 0.42, 0.40, 0.36, 0.12
    if fate < 0.3 and rise > 0.45:
        return 0.50, 0.49, 0.46, 0.1
    if fate > 0.96:
        return 0.55, 0.42, 0.2, 0.1
    tone = 0.018 + 0.03 * unit(bay, storey, seed + 5)
    return tone, tone * 1.1, tone * 1.25, 0.07 + 0.15 * rise


@inlined
def _accent(seed: int) -> Colour:
    """A strong colour for awnings, doors, shutters and balconies."""
    pick = seed % 7
    if pick == 0:
        return 0.30, 0.03, 0.03
    if pick == 1:
        return 0.03, 0.08, 0.25
    if pick == 2:
        return 0.04, 0.15, 0.07
    if pick == 3:
        return 0.40, 0.24, 0.03
    if pick == 4:
        return 0.10, 0.06, 0.04
    if pick == 5:
        return 0.60, 0.60, 0.58
    return 0.12, 0.13, 0.15


@inlined
def _brick(wall: Colour, a: float, z: float, seed: int, near: float) -> Colour:
    """Courses of 16 cm, shown as far as they can be resolved: near goes from 1 at hand to 0."""
    course = int(z / 0.16)
    tone = 1.0 + near * (0.3 * unit(int(a / 0.5 + 0.5 * (course & 1)), course, seed) - 0.15)
    if z / 0.16 - course < 0.14:
        tone += 0.22 * near
    return wall[0] * tone, wall[1] * tone, wall[2] * tone


@inlined
def facade(
    wall: Colour, style: int, seed: int, face: int, a: float, z: float, width: float, height: float, grain: float
) -> Skin:
    """Albedo and gloss of one point of a wall.

    Args:
        wall: linear albedo. style: Facade. seed, face: stable numbers of the building and of this side of it.
        a: metres along the wall from its left edge, [0, width]. z: metres above the foot, [0, height].
        grain: metres that one pixel covers; details smaller than that are left out.
    """
    storeys = max(int(height / 3.15 + 0.25), 1)
    if style == 5:
        storeys = 1
    storey_m = height / storeys
    storey = min(int(z / storey_m), storeys - 1)
    up = z - storey * storey_m
    pitch = 1.9 + 0.28 * (seed % 8)
    if style == 3:
        pitch = 1.5
    bays = max(int(width / pitch), 1)
    bay_m = width / bays
    bay = min(int(a / bay_m), bays - 1)
    across = a - (bay + 0.5) * bay_m
    near = clamp(1.4 - grain / 0.12, 0.0, 1.0)
    r, g, b = wall[0], wall[1], wall[2]
    if style == 1:
        r, g, b = _brick(wall, a, z, seed, near)
    elif style == 8:
        tone = 1.0 - 0.2 * near if phase(z, 0.24) < 0.05 else 1.0
        r, g, b = r * tone, g * tone, b * tone
    elif style == 5:
        tone = 1.0 - 0.16 * clamp(1.4 - grain / 0.5, 0.0, 1.0) * float(int(a / 0.45) & 1)
        r, g, b = r * tone, g * tone, b * tone
    elif style == 6:
        joint = phase(up, 0.6) < 0.04 or phase(a + 0.6 * (int(z / 0.6) & 1), 1.2) < 0.04
        tone = 1.0 - 0.14 * near if joint else 1.0
        r, g, b = r * tone, g * tone, b * tone
    accent = _accent(seed // 8 % 97)
    ground_floor = storey == 0
    door_bay = mix(face, face, seed) % bays
    if z > height - 0.4:
        return r * 0.82 + 0.1, g * 0.82 + 0.1, b * 0.82 + 0.1, 0.0
    if ground_floor and style != 3 and style != 7 and up < min(2.25, 0.8 * storey_m) and bay == door_bay:
        half_door = 1.6 if style == 5 else 0.55
        if abs(across) < half_door and (style != 5 or bay_m > 1.0):
            pane = style != 5 and up > 1.3 and abs(across) < 0.3
            return (0.05, 0.06, 0.08, 0.2) if pane else (accent[0], accent[1], accent[2], 0.02)
        if abs(across) < half_door + 0.12:
            return 0.55, 0.54, 0.52, 0.0
    if style == 7 and ground_floor:
        if up > storey_m * 0.76:
            shop = _accent(mix(bay // 2, face, seed) % 97)
            return shop[0], shop[1], shop[2], 0.0
        if up > 0.35 and abs(across) < 0.5 * bay_m - 0.14:
            lit = 0.3 * unit(bay // 2, face, seed + 3) * unit(int(across * 2.5 + 30.0), int(up * 1.6) + bay, seed)
            return 0.03 + lit, 0.03 + lit * 0.85, 0.035 + lit * 0.6, 0.06 + 0.1 * up / storey_m
        return r * 0.55, g * 0.55, b * 0.55, 0.0
    if style == 3:
        if up < 0.35 or abs(across) > 0.5 * bay_m - 0.07:
            return r * 0.55, g * 0.6, b * 0.65, 0.05
        tint = 0.02 + 0.05 * unit(bay, storey, seed)
        return tint + 0.12 * r, tint + 0.12 * g, tint + 0.14 * b, 0.14 + 0.16 * unit(bay, storey, seed + 9)
    if style == 2:
        if 0.3 * storey_m < up < 0.8 * storey_m:
            if abs(across) > 0.5 * bay_m - 0.08:
                return 0.25, 0.26, 0.27, 0.0
            return _glass(bay, storey, seed + face, up / storey_m)
        return r, g, b, 0.0
    if style == 5:
        if height - 2.0 < z < height - 1.1 and abs(across) < 0.5 * bay_m - 0.2:
            return _glass(bay, storey, seed + face, 0.7)
        if height - 0.95 < z:
            return accent[0], accent[1], accent[2], 0.0
        return r, g, b, 0.0
    tall = storey_m * (0.62 if style == 6 else 0.5)
    sill = 0.27 * storey_m
    half = min((0.2 + 0.03 * (seed // 3 % 6)) * bay_m, 1.1)
    balcony = style == 4 and bay % 2 == seed % 2 and not ground_floor
    if balcony and up < 0.36 * storey_m and abs(across) < 0.46 * bay_m:
        rail = up > 0.08
        return (accent[0], accent[1], accent[2], 0.05) if rail else (0.4, 0.4, 0.4, 0.0)
    if balcony and abs(across) < 0.46 * bay_m:
        r, g, b = r * 0.5, g * 0.5, b * 0.5
        sill = 0.05
        tall = 0.72 * storey_m
    if bays > 1 or width > 1.6:
        if sill < up < sill + tall and abs(across) < half:
            frame = min(up - sill, sill + tall - up) < 0.07 or half - abs(across) < 0.07 or abs(across) < 0.035
            if frame:
                return 0.6, 0.6, 0.58, 0.02
            return _glass(bay, storey, seed + face, (up - sill) / tall)
        if sill - 0.12 < up <= sill and abs(across) < half + 0.1:
            return r * 0.5 + 0.25, g * 0.5 + 0.25, b * 0.5 + 0.24, 0.0
        shutters = seed % 5 == 0 and storeys < 4 and half + 0.05 < abs(across) < half + 0.45
        if shutters and sill < up < sill + tall:
            return accent[0], accent[1], accent[2], 0.0
    if z < 0.55:
        return r * 0.6, g * 0.6, b * 0.6, 0.0
    if up < 0.14 and storey > 0 and seed % 3 == 0:
        return r * 0.75 + 0.1, g * 0.75 + 0.1, b * 0.75 + 0.1, 0.0
    return r, g, b, 0.0

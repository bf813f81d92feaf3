"""Colour of a point on the ground: material, pattern, road paint, wear, snow, shadow."""

import math

from .kernel import inlined
from .lighting import Rgb, skylight, sunlight, under_trees, wrap
from .noise import blotches, clamp, phase, speck, unit
from .scene import Scene
from .solids import U8

GROUND_CELL_M = 0.25


@inlined
def material_at(ground: U8, x: float, y: float) -> int:
    """Material under a point in cells.

    Where four cells meet the heaviest bilinear weight wins, which rounds off the steps.
    """
    n = ground.shape[0]
    fx = x / GROUND_CELL_M - 0.5
    fy = y / GROUND_CELL_M - 0.5
    ix = math.floor(fx)
    iy = math.floor(fy)
    c0 = wrap(int(ix), n)
    r0 = wrap(int(iy), n)
    c1 = wrap(c0 + 1, n)
    r1 = wrap(r0 + 1, n)
    a = int(ground[r0, c0])
    b = int(ground[r0, c1])
    c = int(ground[r1, c0])
    d = int(ground[r1, c1])
    if a == b and a == c and a == d:
        return a
    u = fx - ix
    v = fy - iy
    wa = (1.0 - u) * (1.0 - v)
    wb = u * (1.0 - v)
    wc = (1.0 - u) * v
    wd = u * v
    ta = wa + (wb if b == a else 0.0) + (wc if c == a else 0.0) + (wd if d == a else 0.0)
    tb = wb + (wc if c == b else 0.0) + (wd if d == b else 0.0)
    tc = wc + (wd if d == c else 0.0)
    best = a
    weight = ta
    if b != a and tb > weight:
        best = b
        weight = tb
    if c != a and c != b and tc > weight:
        best = c
        weight = tc
    if d != a and d != b and d != c and wd > weight:
        best = d
    return best


@inlined
def _paint_at(scene: Scene, x: float, y: float) -> int:
    """Colour number of the road paint on a point, or -1; x and y within the world."""
    cells = scene.mark_cells
    cell = min(int(y / cells.cell_m), cells.columns - 1) * cells.columns + min(int(x / cells.cell_m), cells.columns - 1)
    for k in range(cells.start[cell], cells.start[cell + 1]):
        i = cells.items[k]
        dx = x - scene.marks[i, 0]
        dy = y - scene.marks[i, 1]
        c = scene.marks[i, 2]
        s = scene.marks[i, 3]
        if abs(dx * c + dy * s) <= scene.marks[i, 4] and abs(dy * c - dx * s) <= scene.marks[i, 5]:
            return int(scene.marks[i, 6])
    return -1


@inlined
def _pattern(material: int, x: float, y: float, near: float) -> Rgb:
    """Factors on the colour of a material: joints, furrows, mowing stripes, petals."""
    tone = 1.0
    if material == 3 or material == 13 or material == 4 or material == 21:
        if phase(x, 1.5) < 0.05 or phase(y, 1.5) < 0.05:
            tone -= 0.16 * near
        tone += 0.12 * (unit(int(x / 1.5), int(y / 1.5), material) - 0.5)
    elif material == 14:
        tone += 0.3 * (float((int(x / 2.0) + int(y / 2.0)) & 1) - 0.5)
    elif material == 2:
        tone += (0.4 * unit(int(x / 0.22), int(y / 0.22), material) - 0.2) * max(near, 0.35)
    elif material == 16:
        if phase(x, 6.0) < 0.1 or phase(y, 6.0) < 0.1:
            tone -= 0.15
    elif material == 18:
        tone += 0.16 * math.sin(2.4 * (0.8 * x + 0.6 * y))
    elif material == 24:
        tone += 0.22 * math.sin(2.9 * (0.9 * x - 0.44 * y)) * max(near, 0.3)
    elif material == 20:
        tone += 0.12 * (float(int(x / 5.0) & 1) - 0.5)
    elif material == 17:
        petal = unit(int(x / 0.3), int(y / 0.3), material)
        if petal > 0.6:
            return 2.6, 0.7 + petal, 1.2 + petal
        if petal > 0.4:
            return 2.4, 1.9, 0.5
    return tone, tone, tone


@inlined
def ground_colour(scene: Scene, x: float, y: float, grain: float, slant: float) -> Rgb:
    """Lit colour, linear, of the ground at world metres x, y, within the world.

    Args:
        grain: metres per pixel; finer details are left out. slant: sine of the angle between the ray and the ground.
    """
    material = material_at(scene.ground, x, y)
    near = clamp(1.5 - grain / 0.25, 0.0, 1.0)
    c, s = scene.turn
    fr, fg, fb = _pattern(material, x * c + y * s, y * c - x * s, near)
    broad = blotches(scene.grain, x / 7.0, y / 7.0, 0.0)
    middle = blotches(scene.grain, x / 1.3, y / 1.3, 1.0)
    fine = speck(scene.grain, x / 0.09, y / 0.09, 2.0)
    living = (7 <= material <= 10) or material == 17 or material == 18 or material >= 23
    rough = 1.0 if living else 0.45
    tone = 1.0 + rough * (0.36 * (broad - 0.5) + 0.34 * (middle - 0.5)) + near * rough * 0.4 * (fine - 0.5)
    r = scene.materials[material, 0] * fr * tone
    g = scene.materials[material, 1] * fg * tone
    b = scene.materials[material, 2] * fb * tone
    if living:
        dry = 0.35 * (blotches(scene.grain, x / 16.0, y / 16.0, 3.0) - 0.45)
        r *= 1.0 + dry
        b *= 1.0 - 0.4 * dry
    if material <= 1:
        patch = blotches(scene.grain, x / 2.6, y / 2.6, 4.0)
        if patch > 0.92 - 0.3 * scene.wear:
            mend = 1.0 - 0.4 * scene.wear
            r, g, b = r * mend, g * mend, b * mend
    paint = _paint_at(scene, x, y)
    light = scene.light
    if paint >= 0:
        if paint == 3:
            r, g, b = 0.045, 0.043, 0.042
        if paint == 2:
            tint = 0.9 + 0.2 * middle - 0.1 * light.snow
            r, g, b = 0.48 * tint, 0.47 * tint, 0.45 * tint
    if paint == 0 or paint == 1:
        keep = (0.92 - 0.35 * light.snow) * clamp(1.25 - 0.5 * middle - 0.25 * fine, 0.3, 1.0)
        r += keep * (0.66 - r)
        g += keep * ((0.45 if paint == 1 else 0.66) - g)
        b += keep * ((0.08 if paint == 1 else 0.64) - b)
    if light.snow > 0.0 and material <= 2:
        slush = clamp(2.2 * blotches(scene.grain, x / 3.0, y / 3.0, 5.0) - 1.1, 0.0, 0.6)
        r += slush * (0.66 - r)
        g += slush * (0.68 - g)
        b += slush * (0.72 - b)
    sun = 0.0
    if light.sun_r > 0.0:
        sun = light.sun_z * sunlight(scene, x, y, 0.0) * under_trees(scene, x, y)
    sky = skylight(scene, x, y)
    if material == 12:
        ripple = 0.9 + 0.2 * blotches(scene.grain, x / 0.8, y / 2.4, 6.0)
        mirror = (
            clamp(0.12 + 0.75 * (1.0 - slant) ** 3, 0.0, 0.6) * ripple * (0.4 + 0.6 * sky) * (1.0 - 0.6 * light.snow)
        )
        r = r * (sky * light.sky_r + sun * light.sun_r) * (1.0 - mirror) + mirror * light.haze_r
        g = g * (sky * light.sky_g + sun * light.sun_g) * (1.0 - mirror) + mirror * light.haze_g
        b = b * (sky * light.sky_b + sun * light.sun_b) * (1.0 - mirror) + mirror * light.haze_b
        return r, g, b
    r *= sky * light.sky_r + sun * light.sun_r
    g *= sky * light.sky_g + sun * light.sun_g
    b *= sky * light.sky_b + sun * light.sun_b
    if light.wet > 0.0 and (material <= 6 or (13 <= material <= 16)):
        puddle = light.wet * clamp(1.8 * broad - 0.3, 0.15, 1.0) * sky * clamp(0.04 + (1.0 - slant) ** 4, 0.0, 0.7)
        r += puddle * (light.haze_r - r)
        g += puddle * (light.haze_g - g)
        b += puddle * (light.haze_b - b)
    return r, g, b

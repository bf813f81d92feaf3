"""From linear light to the bytes of a camera: exposure, colour cast, contrast, blur, noise, JPEG."""

import io

import numpy as np
from PIL import Image

from .appearance import Appearance
from .kernel import kernel
from .noise import mix
from .solids import F32, U8

STEPS = 4096
BRIGHTEST = 2.0
AIR_LIGHT = 0.55
GREY = (0.3, 0.59, 0.11)


@kernel
def _develop(light: F32, matrix: F32, curve: F32, sigma: float, salt: int, keys: F32, image: U8) -> None:
    rows, columns = light.shape[:2]
    scale = (STEPS - 1) / BRIGHTEST
    for row in range(rows):
        for col in range(columns):
            r = light[row, col, 0]
            g = light[row, col, 1]
            b = light[row, col, 2]
            key = int(keys[col])
            for band in range(3):
                value = matrix[band, 0] * r + matrix[band, 1] * g + matrix[band, 2] * b + matrix[band, 3]
                shown = curve[min(max(int(value * scale), 0), STEPS - 1)]
                if sigma > 0.0:
                    bits = mix(3 * key + band, row, salt)
                    spread = (bits & 255) + ((bits >> 8) & 255) + ((bits >> 16) & 255) + ((bits >> 24) & 255)
                    shown += sigma * (spread - 510.0) / 147.8
                image[row, col, band] = np.uint8(min(max(shown + 0.5, 0.0), 255.0))


def _curve(contrast: float, gamma: float) -> F32:
    """Display value 0..255 of evenly spaced linear values: gamma, contrast about mid-grey, a soft shoulder."""
    value = np.linspace(0.0, BRIGHTEST, STEPS)
    shoulder = np.where(value > 0.75, 0.75 + 0.25 * np.tanh((value - 0.75) / 0.5), value)
    display = shoulder ** (gamma / 2.2)
    return np.asarray(255.0 * np.clip(0.45 + contrast * (display - 0.45), 0.0, 1.0), np.float32)


def develop(light: F32, appearance: Appearance, salt: int, column_keys: F32 | None = None) -> U8:
    """(H, W, 3) linear light to uint8, without compression.

    The noise of a pixel follows from salt, its row and its column's key (the column's number unless given).
    """
    light = _blur(light, appearance.blur_px)
    keys = np.arange(light.shape[1], dtype=np.float32) if column_keys is None else column_keys.astype(np.float32)
    image = np.empty(light.shape, np.uint8)
    curve = _curve(appearance.contrast, appearance.gamma)
    _develop(light, _matrix(appearance), curve, appearance.noise_sigma, salt, keys, image)
    return image


def _matrix(appearance: Appearance) -> F32:
    """(3, 4): gains, then the turn of hues about grey, then saturation, then the veil of air light."""
    c, s = np.cos(np.radians(appearance.hue_deg)), np.sin(np.radians(appearance.hue_deg)) / np.sqrt(3.0)
    third = (1.0 - c) / 3.0
    turn = c * np.eye(3) + third + s * np.array([[0.0, -1.0, 1.0], [1.0, 0.0, -1.0], [-1.0, 1.0, 0.0]])
    grey = np.tile(GREY, (3, 1))
    fade = grey + appearance.saturation * (np.eye(3) - grey)
    gains = np.diag(np.array(appearance.colour_cast) * appearance.exposure * (1.0 - appearance.veil))
    air = np.full((3, 1), AIR_LIGHT * appearance.veil)
    return np.asarray(np.hstack([fade @ turn @ gains, air]), np.float32)


def dim_rims(light: F32, vignette: float, both_ways: bool) -> F32:
    """Darken (H, W, 3) towards its corners, or (a panorama has no sides) towards its upper and lower rim."""
    if vignette <= 0.0:
        return light
    v = np.linspace(-1.0, 1.0, light.shape[0], dtype=np.float32)[:, None, None] ** 2
    u = np.linspace(-1.0, 1.0, light.shape[1], dtype=np.float32)[None, :, None] ** 2
    return np.asarray(light * (1.0 - np.float32(vignette) * (0.5 * (u + v) if both_ways else v)), np.float32)


def _blur(light: F32, sigma_px: float) -> F32:
    """Three-tap blurs in both directions; the side taps give the wanted variance."""
    if sigma_px < 0.1:
        return light
    if sigma_px > 0.8:
        light, sigma_px = _blur(light, 0.8), float(np.sqrt(sigma_px**2 - 0.64))
        return _blur(light, sigma_px)
    side = np.float32(min(0.5 * sigma_px * sigma_px, 0.33))
    padded = np.concatenate([light[:1], light, light[-1:]], axis=0)
    light = (1 - 2 * side) * light + side * (padded[:-2] + padded[2:])
    padded = np.concatenate([light[:, :1], light, light[:, -1:]], axis=1)
    return np.asarray((1 - 2 * side) * light + side * (padded[:, :-2] + padded[:, 2:]), np.float32)


def compress(image: U8, quality: int | None) -> U8:
    """What JPEG of a quality leaves of an image (H, W, 3); None leaves all."""
    if quality is None:
        return image
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "JPEG", quality=quality)
    return np.asarray(Image.open(buffer))

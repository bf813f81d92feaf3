"""What someone who writes an app must know: how a photo becomes `pixels`, and what to do with `embedding`."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.bundle import GroundView, ModelBundle, ModelManifest
from models.camera import Camera
from models.encoder import OnnxEncoder
from models.exporting.graph import is_any_width
from models.preprocess import ground_input

CHECK_FOV_DEG = 90.0
CHECK_PX = (96, 64)
SHOWN = 8
ABOUT = (
    "The network that describes a street-level photo, for use on a device. ground.onnx holds the weights as they are "
    "shipped and is for every ONNX Runtime; ground.ort is the same network in ONNX Runtime's own format, for its "
    "mobile and minimal builds, optimised for any processor (weights in float32). Send the description to a server, or "
    "compare it with rows of an index that was built with the same model (manifest.json: model_sha256). Steps in "
    "order; `check` has a photo and what must come out."
)
CANVAS = (
    "Turn the photo upright (EXIF orientation); 8-bit RGB.",
    "f = horizontal field of view in degrees, a known number: of the lens, or 360 for a panorama. "
    "W = columns, column_deg = 360 / W, per_deg = width_px / 360.",
    "w = round(f / column_deg), at least 1 and at most W: the columns that the photo saw (always W unless any_width). "
    "span = w * column_deg.",
    "left = -span / 2 if the heading is unknown. If the photo's centre heads h degrees clockwise from true north: "
    "first = round((h - span / 2) / column_deg) mod W, or 0 if w = W; left = first * column_deg - h.",
    "Canvas: height_px rows, w * column_px + 2 * margin_px columns. Column j, counted from -margin_px, looks along the "
    "azimuth left + (j + 0.5) / per_deg from the photo's centre; row i looks at the elevation "
    "(0.5 - (i + 0.5) / height_px) * vertical_fov_deg. If w < W, wrap azimuths into [-180, 180) and clamp them to "
    "+-(f / 2 - 0.5 / per_deg): margins repeat the photo's edge. If w = W they show the other side of the panorama.",
    "Shrink the photo, antialiased (triangle filter as wide as the reduction), until its width is about f * per_deg "
    "for a panorama, 2 * tan(f / 2) * 57.2958 * per_deg for a pinhole photo; never enlarge it. Width and height are "
    "those of the shrunk photo from here on.",
    "Where direction (a, e) lies in the photo, pixel edges at integers: panorama x = a * width / f + width / 2, "
    "y = height / 2 - e * width / f; level pinhole photo with F = width / 2 / tan(f / 2): x = F * tan(a) + width / 2, "
    "y = height / 2 - F * tan(e) / cos(a). With pitch and roll known, turn the ray by them first.",
    "Take the colour there bilinearly between pixel centres (half integers), repeating the edge; columns wrap around "
    "if f >= 359.5. Then (colour / 255 - mean) / std for each channel. Directions outside the photo "
    "become 0 after that.",
    "Run the network: `pixels` float32 (1, 3, height_px, canvas columns) gives `embedding` float32 (1, w * E). It is "
    "w columns of E channels, from left to right, of unit norm together; a column's norm is its weight.",
    "A tile is described by W columns; column k looks along the azimuths [k, k + 1) * column_deg clockwise from true "
    "north. For a first column s, put the photo's columns at (s + 0 .. w - 1) mod W and zeros elsewhere: the inner "
    "product with the tile times sqrt(W / w) is the similarity, the mean cosine of the columns by their weights. "
    "Heading known: s = first. Unknown: try all s; the best one heads (s * column_deg - left) mod 360. If "
    "turns_per_column is 2, also try s + 1/2: the curve over s of the inner products with a tile, read half way "
    "between its values by its Fourier series over W without the frequency W / 2.",
)
STRETCHED = (
    "Turn the photo upright (EXIF orientation); 8-bit RGB. It must have fov_deg horizontally; cut a wider panorama to "
    "its middle. If it is a panorama of 360 degrees and its heading known, roll it until north stands in its middle.",
    "Cut the middle rows if height > round(panorama_aspect * width * 360 / fov_deg).",
    "Stretch to width_px x height_px; `antialiased`: a triangle filter as wide as the reduction, "
    "`linear`: four neighbours.",
    "(colour / 255 - mean) / std for each channel; `pixels` float32 (1, 3, height_px, width_px).",
    "Run the network: `embedding` float32 (1, E), of unit norm. The inner product with a tile's is the similarity.",
)


def device_notes(bundle: ModelBundle) -> dict[str, Any]:
    """Say in words and numbers what the network takes and gives, with a photo to check an implementation by."""
    manifest, view = bundle.manifest, bundle.manifest.ground
    canvas: dict[str, Any] = view.model_dump(mode="json", exclude={"file", "sha256"})
    if isinstance(view, GroundView):
        columns = manifest.embedding.columns
        canvas |= {"column_px": view.width_px // columns, "column_deg": 360.0 / columns}
        canvas |= {"pixels_per_degree": view.width_px / 360.0}
    return {
        "format_version": 1,
        "model": manifest.title,
        "about": ABOUT,
        "input": {"name": "pixels", "type": "float32", "layout": "NCHW", "channels": "RGB", "batch": "any"},
        "output": {"name": "embedding", "type": "float32", **manifest.embedding.model_dump(), "order": "columns first"},
        "photo": canvas,
        "steps": list(CANVAS if isinstance(view, GroundView) else STRETCHED),
        "check": _check(bundle),
    }


def check_photo() -> NDArray[np.uint8]:
    """Paint the photo of `check`: (64, 96, 3)."""
    width, height = CHECK_PX
    x, y = np.meshgrid(np.arange(width), np.arange(height))
    return np.stack([x * 255 // (width - 1), y * 255 // (height - 1), (x * y) % 256], axis=2).astype(np.uint8)


def _check(bundle: ModelBundle) -> dict[str, Any]:
    manifest = bundle.manifest
    camera = _check_camera(manifest)
    ready = ground_input(check_photo(), camera, manifest.ground, manifest.embedding)
    description = OnnxEncoder(bundle, views=("ground",)).ground(ready.pixels[None])[0]
    middle = ready.pixels[:, ready.pixels.shape[1] // 2, ready.pixels.shape[2] // 2]
    return {
        "photo": "96 x 64 pixels, x from the left, y from the top: red = x * 255 // 95, green = y * 255 // 63, "
        f"blue = x * y mod 256; {camera.projection}, {camera.fov_deg:g} degrees, heading unknown, level",
        "pixels_shape": [1, *ready.pixels.shape],
        "pixels_mean": round(float(ready.pixels.mean()), 5),
        "pixels_at_the_middle": [round(float(value), 5) for value in middle],
        "columns_seen": ready.seen,
        "embedding_starts_with": [round(float(value), 5) for value in description.ravel()[:SHOWN]],
    }


def _check_camera(manifest: ModelManifest) -> Camera:
    if isinstance(manifest.ground, GroundView):
        return Camera("perspective", CHECK_FOV_DEG) if is_any_width(manifest.ground) else Camera("panorama", 360.0)
    return Camera("panorama", manifest.ground.fov_deg)

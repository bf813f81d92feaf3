"""Pictures of noise in a model's input sizes: enough for times and sizes, and for what conversion does to numbers."""

from __future__ import annotations

from models.bundle import GroundView, ModelManifest
from models.camera import GroundInput
from models.exporting.certificate import Sample
from models.exporting.graph import is_any_width, sample_pixels
from models.exporting.processor import TIMED, Float32s

NARROW_FOV_DEG = 90.0


def noise_sample(manifest: ModelManifest, count: int = TIMED) -> Sample:
    """Draw whole photos, tiles and, where the network takes any width, photos of 90 degrees; `count` of each."""
    total = manifest.embedding.columns
    firsts = manifest.embedding.turns
    whole = [GroundInput(pixels, total, firsts, -180.0) for pixels in _pictures(manifest, count)]
    narrow = _pictures(manifest, count, narrow_columns(manifest)) if is_any_width(manifest.ground) else []
    tiles = list(sample_pixels(manifest.aerial, count, seed=1).numpy())
    text = f"noise, {count} pictures a view: times, sizes and cosines count, the best tile says little"
    return Sample(text, whole, tiles, narrow)


def narrow_columns(manifest: ModelManifest) -> int:
    """Description columns of a photo of 90 degrees."""
    return max(1, round(NARROW_FOV_DEG / 360.0 * manifest.embedding.columns))


def _pictures(manifest: ModelManifest, count: int, columns: int | None = None) -> list[Float32s]:
    width_px = None
    if columns is not None and isinstance(manifest.ground, GroundView):
        width_px = columns * manifest.ground.width_px // manifest.embedding.columns
    return list(sample_pixels(manifest.ground, count, width_px).numpy())

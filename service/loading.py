"""From paths to a localizer that has answered once: open, verify, hold against each other, warm up."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from PIL import Image

from index.bundle import open_index
from index.search import Searcher
from models.bundle import default_bundle_path, open_model_bundle
from models.encoder import OnnxEncoder, ProviderPolicy
from models.image import ImageLimits
from service.index_localizer import IndexLocalizer
from service.localizer import localize
from service.query import CameraHints, Query

WARM_UP_SIZE_PX = (512, 256)


def load_localizer(
    index: Path,
    bundle: Path | None = None,
    *,
    provider: ProviderPolicy = "cpu",
    threads: int = 1,
    limits: ImageLimits | None = None,
) -> IndexLocalizer:
    """Open and verify a model bundle and an index and put them together.

    Args:
        index: index folder.
        bundle: model bundle folder; the committed one when None.

    Raises:
        BundleError, EncoderError: naming the file and what is wrong with it.
    """
    model = open_model_bundle(bundle or default_bundle_path())
    opened = open_index(index, model)
    encoder = OnnxEncoder(model, policy=provider, threads=threads, views=("ground",))
    return IndexLocalizer(encoder, Searcher(opened), limits)


def warm_up(localizer: IndexLocalizer) -> None:
    """Answer a grey photo of every usual kind, so that no client pays for the first time."""
    photo = io.BytesIO()
    Image.fromarray(np.full((*WARM_UP_SIZE_PX[::-1], 3), 128, dtype=np.uint8)).save(photo, "PNG")
    for fov_deg in localizer.usual_fov_deg:
        localize(localizer, photo.getvalue(), Query(top_k=1, camera=CameraHints(fov_deg=fov_deg)))

"""From paths to a localizer that has answered once: open, verify, hold against each other, warm up."""

from __future__ import annotations

import io
import logging
from pathlib import Path

import numpy as np
from PIL import Image

from index.bundle import open_index
from index.region_file import is_region
from index.region_opening import open_region
from index.search import Searcher
from index.shelf import MAX_OPEN
from models.image import ImageLimits
from service.index_localizer import IndexLocalizer
from service.localizer import localize
from service.models_held import ModelsHeld
from service.query import CameraHints, Mode, Query, make_prior

WARM_UP_SIZE_PX = (512, 256)
WARM_UP_RADIUS_M = 100.0
logger = logging.getLogger("skyfix")


def load_localizer(
    index: Path,
    models: ModelsHeld | None = None,
    *,
    name: str = "",
    limits: ImageLimits | None = None,
    max_open: int = MAX_OPEN,
) -> IndexLocalizer:
    """Open and verify an index, or a region of many, and the model bundle that belongs to it, and put them together.

    Args:
        index: index folder, or what `index.region_file.read_region` takes.
        models: the bundles there are; the committed one when None.
        name: what answers shall call the index, instead of its own name.
        max_open: members of a region that are kept open.

    Raises:
        BundleError, EncoderError: naming the file and what is wrong with it.
    """
    models = models or ModelsHeld()
    model = models.bundle_for(index)
    region = open_region(index, model, max_open=max_open) if is_region(index) else None
    gallery = region or Searcher(open_index(index, model), policy=models.policy)
    encoder = models.encoder_of(model)
    if region is None:
        return IndexLocalizer(encoder, gallery, limits, name=name)
    for notice in region.notices:
        logger.warning(notice)
    prior = make_prior(*region.about.middle, None, None, WARM_UP_RADIUS_M)
    return IndexLocalizer(encoder, gallery, limits, prior, name)


def warm_up(localizer: IndexLocalizer) -> None:
    """Answer a grey photo of every usual kind, so that no client pays for the first time.

    In a region it is asked for in the middle of the largest member, which is opened by that; the others stay closed.
    """
    photo = io.BytesIO()
    Image.fromarray(np.full((*WARM_UP_SIZE_PX[::-1], 3), 128, dtype=np.uint8)).save(photo, "PNG")
    for fov_deg in localizer.usual_fov_deg:
        prior = localizer.usual_prior
        camera = CameraHints(fov_deg=fov_deg)
        mode: Mode = "auto" if prior is None else "prior"
        localize(localizer, photo.getvalue(), Query(top_k=1, mode=mode, prior=prior, camera=camera))

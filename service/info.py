"""The answer of GET /info: what answers here, within which limits."""

from __future__ import annotations

from service.localizer import About
from service.responses import BoundsOut, Out, rounded_bounds
from service.schema import MAX_TOP_K
from service.settings import Settings


class LicenceOut(Out):
    """A licence as it was declared when the model was brought in."""

    subject: str
    licence: str
    holder: str
    source: str
    declared_by: str


class ModelInfo(Out):
    name: str
    label: str
    licence: str
    attribution: str
    precision: str
    licences: tuple[LicenceOut, ...]
    provider: str


class IndexInfo(Out):
    name: str
    tiles: int
    bounds: BoundsOut
    attribution: str
    licence: str


class LimitsInfo(Out):
    body_bytes: int
    image_pixels: int
    image_min_side_px: int
    image_max_side_px: int
    top_k: int


class InfoResponse(Out):
    version: str
    model: ModelInfo
    index: IndexInfo
    limits: LimitsInfo


def info_response(about: About, settings: Settings, version: str) -> InfoResponse:
    return InfoResponse(
        version=version,
        model=ModelInfo(
            name=about.model,
            label=about.model_label,
            licence=about.model_licence,
            attribution=about.model_attribution,
            precision=about.model_precision,
            licences=tuple(LicenceOut(**entry.model_dump()) for entry in about.model_ledger),
            provider=about.provider,
        ),
        index=IndexInfo(
            name=about.index,
            tiles=about.index_tiles,
            bounds=rounded_bounds(about.index_bounds),
            attribution=about.index_attribution,
            licence=about.index_licence,
        ),
        limits=LimitsInfo(
            body_bytes=settings.max_body_bytes,
            image_pixels=settings.max_pixels,
            image_min_side_px=settings.min_side_px,
            image_max_side_px=settings.max_side_px,
            top_k=MAX_TOP_K,
        ),
    )

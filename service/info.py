"""The answers of GET /info and GET /readyz: what answers here, within which limits."""

from __future__ import annotations

from pydantic import Field

from models.encoder import CPU
from service.localizer import About
from service.responses import BoundsOut, IndexState, Out, ReadyResponse, rounded_bounds
from service.schema import MAX_TOP_K
from service.served import Served
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


class ImageryInfo(Out):
    """Map tiles of an index's own imagery: /map/{index}/{z}/{x}/{y}, of the web map's grid, 256 px."""

    min_zoom: int
    max_zoom: int


class IndexInfo(Out):
    name: str = Field(description="Name and generation; search.index takes it with or without the generation.")
    model: str
    provider: str
    tiles: int
    bounds: BoundsOut
    attribution: str
    licence: str
    imagery: ImageryInfo | None = Field(default=None, description="None where the index keeps no pictures.")


class PageInfo(Out):
    """What the page at / has to know."""

    style_url: str | None = None
    demo: bool = Field(default=False, description="There are sample photos to click, at /samples/list.")


class LimitsInfo(Out):
    body_bytes: int
    image_pixels: int
    image_min_side_px: int
    image_max_side_px: int
    top_k: int


class InfoResponse(Out):
    version: str
    model: ModelInfo
    index: IndexInfo = Field(description="The one that answers when search.index names none.")
    indexes: tuple[IndexInfo, ...]
    limits: LimitsInfo
    page: PageInfo | None = Field(default=None, description="None where the page is turned off.")


def info_response(served: Served, settings: Settings, version: str) -> InfoResponse:
    """Tell what answers; of several models that of the default index, and at each index the name of its own.

    Raises:
        NotReady: the default index cannot answer.
    """
    about = served.default.ask().about
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
        index=_index_info(about),
        indexes=tuple(_index_info(each) for each in served.abouts),
        limits=LimitsInfo(
            body_bytes=settings.max_body_bytes,
            image_pixels=settings.max_pixels,
            image_min_side_px=settings.min_side_px,
            image_max_side_px=settings.max_side_px,
            top_k=MAX_TOP_K,
        ),
        page=PageInfo(style_url=settings.page_style_url, demo=settings.page_samples is not None)
        if settings.page
        else None,
    )


def _index_info(about: About) -> IndexInfo:
    return IndexInfo(
        name=about.index,
        model=about.model,
        provider=about.provider,
        tiles=about.index_tiles,
        bounds=rounded_bounds(about.index_bounds),
        attribution=about.index_attribution,
        licence=about.index_licence,
        imagery=None if about.index_imagery is None else ImageryInfo(**about.index_imagery.model_dump()),
    )


def readiness(served: Served, settings: Settings) -> ReadyResponse:
    """Tell that every index answers, and on what.

    Raises:
        NotReady: one does not, with the state of each.
    """
    served.check()
    providers = sorted({about.provider for about in served.abouts})
    return ReadyResponse(
        index=served.default.ask().about.index,
        indexes=tuple(IndexState.model_validate(state) for state in served.states()),
        providers=tuple(providers),
        degraded=settings.provider != "cpu" and CPU in providers,
    )

"""The answers of the public routes as pydantic models; a field that is not known is left out, never filled.

Probabilities, radii and the statuses that rest on them need a calibrated model; until a bundle carries one, an
answer has none of them and says `uncalibrated` in its notices.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from index.tiles import Bounds
from service.localizer import About
from service.query import Answer, Candidate
from service.schema import MAX_TOP_K
from service.settings import Settings

DECIMALS = 7
BoundsOut = Annotated[tuple[float, float, float, float], Field(description="West, south, east, north; WGS84 degrees.")]


class Out(BaseModel):
    model_config = ConfigDict(frozen=True, allow_inf_nan=False)


class PositionOut(Out):
    lat: float
    lon: float


class HeadingOut(Out):
    deg: float = Field(ge=0, lt=360, description="Of the photo's centre column, clockwise from true north.")


class TileOut(Out):
    id: str
    bounds: BoundsOut
    captured: str | None = None
    attribution: str | None = None


class CandidateOut(Out):
    rank: int = Field(ge=1)
    lat: float
    lon: float
    similarity: float = Field(ge=-1, le=1, description="Mean cosine of what the photo saw; higher is better.")
    heading_deg: float | None = Field(default=None, description="Only where headings were searched.")
    distance_to_prior_m: float | None = None
    tile: TileOut


class SearchOut(Out):
    mode_used: Literal["prior", "global"]
    tiles_scanned: int
    index: str
    model: str


class NoticeOut(Out):
    code: str
    detail: str


class LocalizeResponse(Out):
    """Ranked places; `position` and `heading` are those of the first candidate."""

    request_id: str
    status: Literal["outside_coverage"] | None = Field(
        default=None,
        description="Only when no tile reaches into the prior's circle. Other statuses need a calibrated model.",
    )
    position: PositionOut | None = None
    heading: HeadingOut | None = None
    candidates: tuple[CandidateOut, ...]
    search: SearchOut
    notices: tuple[NoticeOut, ...]
    timings_ms: dict[str, float]


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


def localize_response(answer: Answer, request_id: str, seconds: Mapping[str, float]) -> LocalizeResponse:
    best = answer.candidates[0] if answer.candidates else None
    return LocalizeResponse(
        request_id=request_id,
        status=answer.status,
        position=PositionOut(lat=_rounded(best.lat), lon=_rounded(best.lon)) if best else None,
        heading=HeadingOut(deg=_heading(best.heading_deg)) if best and best.heading_deg is not None else None,
        candidates=tuple(_candidate(candidate) for candidate in answer.candidates),
        search=SearchOut(
            mode_used=answer.mode_used, tiles_scanned=answer.tiles_scanned, index=answer.index, model=answer.model
        ),
        notices=tuple(NoticeOut(code=notice.code, detail=notice.detail) for notice in answer.notices),
        timings_ms={stage: round(value * 1000, 2) for stage, value in seconds.items()},
    )


def _candidate(candidate: Candidate) -> CandidateOut:
    distance_m = candidate.distance_to_prior_m
    return CandidateOut(
        rank=candidate.rank,
        lat=_rounded(candidate.lat),
        lon=_rounded(candidate.lon),
        similarity=round(candidate.similarity, 6),
        heading_deg=None if candidate.heading_deg is None else _heading(candidate.heading_deg),
        distance_to_prior_m=None if distance_m is None else round(distance_m, 2),
        tile=TileOut(
            id=candidate.tile.id,
            bounds=_rounded_bounds(candidate.tile.bounds),
            captured=candidate.tile.captured,
            attribution=candidate.tile.attribution,
        ),
    )


def _rounded(degrees: float) -> float:
    return round(degrees, DECIMALS)


def _rounded_bounds(bounds: Bounds) -> Bounds:
    return Bounds(*(_rounded(side) for side in bounds))


def _heading(degrees: float) -> float:
    return round(degrees, 2) % 360.0


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
            bounds=_rounded_bounds(about.index_bounds),
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

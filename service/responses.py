"""The answers of the public routes as pydantic models; a field that is not known is left out, never filled.

Probabilities, radii and the statuses that rest on them need a calibrated model; where a bundle carries none, an
answer has none of them and says `uncalibrated` in its notices.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from index.tiles import Bounds
from service.explaining.responses import AttentionOut, attention_out
from service.query import Answer, Candidate, Reckoning, Status

DECIMALS = 7
CONFIDENCE_DEFINITION: Literal["P(error <= 25 m)"] = "P(error <= 25 m)"
BoundsOut = Annotated[tuple[float, float, float, float], Field(description="West, south, east, north; WGS84 degrees.")]


class Out(BaseModel):
    model_config = ConfigDict(frozen=True, allow_inf_nan=False)


class PositionOut(Out):
    """WGS84 degrees; metres. The radii and the covariance need a calibrated model."""

    lat: float
    lon: float
    radius_m_68: float | None = Field(default=None, description="Of 100 such answers 68 are no further off than this.")
    radius_m_95: float | None = Field(default=None, description="The same for 95; it may reach to other candidates.")
    covariance_enu_m2: tuple[float, float, float, float] | None = Field(
        default=None,
        description="East-east, east-north, north-east, north-north; of the first candidate alone.",
    )


class HeadingOut(Out):
    deg: float = Field(ge=0, lt=360, description="Of the photo's centre column, clockwise from true north.")
    accuracy_deg_68: float | None = Field(default=None, description="Within this of `deg` in 68 of 100 such answers.")


class TileOut(Out):
    id: str
    bounds: BoundsOut
    captured: str | None = Field(default=None, description="When the imagery was taken, as its source says.")
    attribution: str | None = Field(default=None, description="Whom to name beside the imagery.")


class CandidateOut(Out):
    rank: int = Field(ge=1)
    lat: float
    lon: float
    similarity: float = Field(ge=-1, le=1, description="Mean cosine of what the photo saw; higher is better.")
    probability: float | None = Field(default=None, ge=0, le=1, description="That the photo was taken at this place.")
    heading_deg: float | None = Field(default=None, description="Only where headings were searched.")
    distance_to_prior_m: float | None = Field(default=None, description="From where the prior was.")
    tile: TileOut


class SearchOut(Out):
    mode_used: Literal["prior", "global"]
    tiles_scanned: int = Field(description="Tiles that the photo was compared with.")
    index: str = Field(description="Name and generation of the index that answered.")
    model: str = Field(description="Name and version of the model.")


class NoticeOut(Out):
    code: str
    detail: str


class AliveResponse(Out):
    status: Literal["alive"] = "alive"


class IndexState(Out):
    name: str
    status: Literal["ready", "not_ready"]
    index: str | None = Field(default=None, description="Name and generation, if it is ready.")
    reason: str | None = Field(
        default=None,
        description="loading, probes_failed, encoder_fails, or the code of the error that loading it ended in.",
    )


class ReadyResponse(Out):
    """Every index answers."""

    status: Literal["ready"] = "ready"
    index: str = Field(description="The one that answers when search.index names none.")
    indexes: tuple[IndexState, ...]
    providers: tuple[str, ...] = Field(description="What really runs the networks.")
    degraded: bool = Field(description="A GPU was wished, and a network runs on the CPU.")


class ReloadedIndex(Out):
    name: str
    result: Literal["taken", "refused"]
    index: str | None = Field(default=None, description="What answers from now on.")
    code: str | None = Field(default=None, description="Why what was there answers on.")
    detail: str | None = None


class ReloadResponse(ReloadedIndex):
    """Every index that was meant was taken; the first of them, and all."""

    result: Literal["taken"] = "taken"
    indexes: tuple[ReloadedIndex, ...]


class ReloadRefused(Out):
    """An index was refused, and what was there answers on; others in the list may have been taken."""

    name: str | None = None
    result: Literal["refused"] = "refused"
    code: str
    detail: str
    indexes: tuple[ReloadedIndex, ...]


class LocalizeResponse(Out):
    """Ranked places; `position` and `heading` are those of the first candidate."""

    request_id: str = Field(description="As in the header X-Request-Id; names the request in the log.")
    status: Status | None = Field(
        default=None,
        description="localized; ambiguous: several places explain the photo, the candidates say which; no_match: the "
        "evidence is too weak, or the photo is from elsewhere; outside_coverage: no tile reaches into the prior's "
        "circle. Only outside_coverage is said by a model without calibration.",
    )
    position: PositionOut | None = None
    heading: HeadingOut | None = None
    confidence: float | None = Field(default=None, ge=0, le=1, description="That `position` is as near as that.")
    confidence_definition: Literal["P(error <= 25 m)"] | None = Field(
        default=None, description="What confidence means."
    )
    probability_outside_index: float | None = Field(
        default=None, ge=0, le=1, description="That the photo was taken where there is no imagery."
    )
    candidates: tuple[CandidateOut, ...] = Field(description="At most `top_k`, best first.")
    search: SearchOut
    notices: tuple[NoticeOut, ...] = Field(description="What to know about how the answer came about.")
    timings_ms: dict[str, float] = Field(description="By stage, as in the header Server-Timing.")
    attention: AttentionOut | None = None


def localize_response(answer: Answer, request_id: str, seconds: Mapping[str, float]) -> LocalizeResponse:
    best, known = answer.candidates[0] if answer.candidates else None, answer.reckoning
    accuracy = known.heading_accuracy_deg_68 if known else None
    return LocalizeResponse(
        request_id=request_id,
        status=answer.status,
        position=_position(best, known) if best else None,
        heading=None if best is None or best.heading_deg is None else heading_out(best.heading_deg, accuracy),
        confidence=round(known.confidence, 4) if known else None,
        confidence_definition=CONFIDENCE_DEFINITION if known else None,
        probability_outside_index=round(known.probability_outside_index, 4) if known else None,
        candidates=tuple(_candidate(candidate) for candidate in answer.candidates),
        search=SearchOut(
            mode_used=answer.mode_used, tiles_scanned=answer.tiles_scanned, index=answer.index, model=answer.model
        ),
        notices=tuple(NoticeOut(code=notice.code, detail=notice.detail) for notice in answer.notices),
        timings_ms={stage: round(value * 1000, 2) for stage, value in seconds.items()},
        attention=attention_out(answer.attention),
    )


def _position(best: Candidate, known: Reckoning | None) -> PositionOut:
    lat, lon = _rounded(best.lat), _rounded(best.lon)
    if known is None:
        return PositionOut(lat=lat, lon=lon)
    east, cross, _, north = (round(value, 2) + 0.0 for value in known.covariance_enu_m2)  # + 0.0: no -0.0
    return PositionOut(
        lat=lat,
        lon=lon,
        radius_m_68=round(known.radius_m_68, 1),
        radius_m_95=round(known.radius_m_95, 1),
        covariance_enu_m2=(east, cross, cross, north),
    )


def heading_out(heading_deg: float, accuracy: float | None) -> HeadingOut:
    return HeadingOut(deg=_heading(heading_deg), accuracy_deg_68=None if accuracy is None else round(accuracy, 1))


def _candidate(candidate: Candidate) -> CandidateOut:
    distance_m = candidate.distance_to_prior_m
    return CandidateOut(
        rank=candidate.rank,
        lat=_rounded(candidate.lat),
        lon=_rounded(candidate.lon),
        similarity=round(candidate.similarity, 6),
        probability=None if candidate.probability is None else round(candidate.probability, 4),
        heading_deg=None if candidate.heading_deg is None else _heading(candidate.heading_deg),
        distance_to_prior_m=None if distance_m is None else round(distance_m, 2),
        tile=TileOut(
            id=candidate.tile.id,
            bounds=rounded_bounds(candidate.tile.bounds),
            captured=candidate.tile.captured,
            attribution=candidate.tile.attribution,
        ),
    )


def _rounded(degrees: float) -> float:
    return round(degrees, DECIMALS)


def rounded_bounds(bounds: Bounds) -> Bounds:
    return Bounds(*(_rounded(side) for side in bounds))


def _heading(degrees: float) -> float:
    return round(degrees, 2) % 360.0

"""The answer of POST /correct as pydantic models; a field that is not known is left out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from pydantic import Field

from service.correct.question import Question
from service.correct.schema import FixRequest
from service.fleet.fix import Corrected, FleetNotice, Place, Status
from service.responses import DECIMALS, Out, PositionOut

STATUS_MEANING = (
    "corrected: moved by photos, its own or, through the motion, those of its device before and after it; kept: as it "
    "was sent; rejected_outlier: its photo contradicts it beyond the gate, so it is left as it was sent, and "
    "photo_position says where the photo places it; not_localized: it has a photo, and no imagery lies around it."
)


class OriginalOut(Out):
    """The fix as it was sent."""

    timestamp: str | None = None
    lat: float
    lon: float
    accuracy_m: float | None = None
    accuracy_percentile: float | None = None
    heading_deg: float | None = None
    speed_mps: float | None = None


class PhotoPositionOut(Out):
    """WGS84 degrees; metres."""

    lat: float
    lon: float
    radius_m_68: float
    radius_m_95: float


class SnappedOut(Out):
    """WGS84 degrees; metres."""

    lat: float
    lon: float
    distance_m: float = Field(description="From `position`.")


class CorrectedOut(Out):
    index: int = Field(ge=0, description="Place of the fix in the call, from 0.")
    device_id: str | None = Field(default=None, description="As it was sent.")
    status: Status = Field(description=STATUS_MEANING)
    original: OriginalOut
    position: PositionOut
    moved_m: float = Field(ge=0, description="From the fix to `position`.")
    innovation_chi2: float | None = Field(
        default=None,
        description="How far the fix is from what its own photo says, a chi-square of two degrees of freedom if both "
        "are honest: above 13.8 in one of a thousand.",
    )
    visual_used: bool = Field(description="Its own photo counted.")
    confidence: float | None = Field(default=None, ge=0, le=1, description="P(error <= 25 m), where a photo counted.")
    photo_position: PhotoPositionOut | None = Field(
        default=None, description="Where the photo alone places it, where it tells a place."
    )
    snapped: SnappedOut | None = Field(
        default=None, description="The place on the road network, where the service has one to ask; it moves nothing."
    )


class FleetNoticeOut(Out):
    code: str
    detail: str
    fix_indexes: tuple[int, ...] = Field(description="The fixes it is about; none: the call.")


class CorrectResponse(Out):
    """Each fix with what is believed of it, in the order of the call."""

    request_id: str = Field(description="As in the header X-Request-Id; names the request in the log.")
    corrected: tuple[CorrectedOut, ...] = Field(description="One for one.")
    index: str = Field(description="Name and generation of the index that answered.")
    model: str = Field(description="Name and version of the model.")
    notices: tuple[FleetNoticeOut, ...] = Field(description="What to know about how the answer came about.")
    timings_ms: dict[str, float] = Field(description="By stage, all photos together, as in the header Server-Timing.")


class SummaryOut(Out):
    """The last line of an answer in lines."""

    request_id: str
    is_complete: bool = Field(description="False: the call ended early, by the problem in the line before.")
    fixes: int
    statuses: dict[str, int] = Field(description="Fixes by status.")
    problems: int = Field(description="Lines with a problem.")
    index: str
    model: str
    notices: tuple[FleetNoticeOut, ...] = Field(description="Indexes count lines that are not blank, from 0.")
    timings_ms: dict[str, float]


def corrected_out(asked: FixRequest, found: Corrected, index: int, snapped: SnappedOut | None = None) -> CorrectedOut:
    """Tell one fix."""
    east, cross, _, north = (round(value, 2) + 0.0 for value in found.covariance_enu_m2)  # + 0.0: no -0.0
    chi2, confidence = found.innovation_chi2, found.confidence
    return CorrectedOut(
        index=index,
        device_id=asked.device_id,
        status=found.status,
        original=OriginalOut(**asked.model_dump(include=set(OriginalOut.model_fields))),
        position=PositionOut(
            lat=round(found.lat, DECIMALS),
            lon=round(found.lon, DECIMALS),
            radius_m_68=round(found.radius_m_68, 1),
            radius_m_95=round(found.radius_m_95, 1),
            covariance_enu_m2=(east, cross, cross, north),
        ),
        moved_m=round(found.moved_m, 2),
        innovation_chi2=None if chi2 is None else round(chi2, 2),
        visual_used=found.visual_used,
        confidence=None if confidence is None else round(confidence, 4),
        photo_position=None if found.photo is None else _place(found.photo),
        snapped=snapped,
    )


def _place(place: Place) -> PhotoPositionOut:
    return PhotoPositionOut(
        lat=round(place.lat, DECIMALS),
        lon=round(place.lon, DECIMALS),
        radius_m_68=round(place.radius_m_68, 1),
        radius_m_95=round(place.radius_m_95, 1),
    )


def notices_out(notices: Iterable[FleetNotice]) -> tuple[FleetNoticeOut, ...]:
    """Tell notices, those that say the same as one."""
    by_text: dict[tuple[str, str], set[int]] = {}
    for notice in notices:
        by_text.setdefault((notice.code, notice.detail), set()).update(notice.fix_indexes)
    return tuple(
        FleetNoticeOut(code=code, detail=detail, fix_indexes=tuple(sorted(indexes)))
        for (code, detail), indexes in by_text.items()
    )


def correct_response(
    question: Question,
    corrected: Sequence[Corrected],
    notices: Iterable[FleetNotice],
    names: tuple[str, str],
    request_id: str,
    seconds: Mapping[str, float],
    snapped: Mapping[int, SnappedOut] | None = None,
) -> CorrectResponse:
    """Tell a whole call.

    Args:
        corrected: one for each fix of the question, in its order.
        names: of the index and of the model.
        snapped: by index.
    """
    beside = snapped or {}
    return CorrectResponse(
        request_id=request_id,
        corrected=tuple(
            corrected_out(asked, found, index, beside.get(index))
            for index, (asked, found) in enumerate(zip(question.fixes, corrected, strict=True))
        ),
        index=names[0],
        model=names[1],
        notices=notices_out(notices),
        timings_ms={stage: round(value * 1000, 2) for stage, value in seconds.items()},
    )

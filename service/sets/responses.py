"""The answers of POST /localize/batch and POST /localize/set as pydantic models."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

from pydantic import Field

from models.errors import SkyfixError
from service.problems import Problem, body_of
from service.responses import HeadingOut, LocalizeResponse, NoticeOut, Out, heading_out, localize_response
from service.sets.locating import PhotoSaid, SetAnswer
from service.sets.parts import IMAGES
from service.sets.working import SetQuery, photo_notices
from service.view import View


class AnsweredPhoto(Out):
    """A photo that was answered."""

    status: Literal[200] = 200
    answer: LocalizeResponse


class BatchResponse(Out):
    """Every photo for itself: `results[i]` is the answer about photo i, or the problem that it met."""

    request_id: str = Field(description="As in the header X-Request-Id; names the request in the log.")
    results: tuple[AnsweredPhoto | Problem, ...] = Field(description="In the order of the photos.")


class SetPhoto(Out):
    """What is said of one photo of a set."""

    used: bool = Field(description="False for a photo that was left out, see `problem`.")
    heading: HeadingOut | None = None
    notices: tuple[NoticeOut, ...]
    problem: Problem | None = Field(default=None, description="Why it was left out, with skip_unusable.")


class LocalizeSetResponse(LocalizeResponse):
    """One place for all photos; `position` is that of the first candidate, headings are those of `photos`."""

    photos: tuple[SetPhoto, ...] = Field(description="In the order of the photos.")


def set_response(
    said: SetAnswer,
    query: SetQuery,
    views: Sequence[View | SkyfixError],
    request_id: str,
    seconds: Mapping[str, float],
) -> LocalizeSetResponse:
    answer = localize_response(said.answer, request_id, seconds)
    photos = tuple(_photo(said, query, number, view, request_id) for number, view in enumerate(views))
    return LocalizeSetResponse(**dict(answer), photos=photos)


def _photo(said: SetAnswer, query: SetQuery, number: int, view: View | SkyfixError, request_id: str) -> SetPhoto:
    known = said.photos.get(number, PhotoSaid())
    notices = photo_notices(query, number, view, disagrees=known.disagrees)
    problem = None if isinstance(view, View) else Problem(**body_of(view, request_id, f"{IMAGES}.{number}"))
    return SetPhoto(
        used=problem is None,
        heading=None if known.heading_deg is None else heading_out(known.heading_deg, known.heading_accuracy_deg_68),
        notices=tuple(NoticeOut(code=notice.code, detail=notice.detail) for notice in notices),
        problem=problem,
    )

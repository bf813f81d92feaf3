"""A set without a server: photos looked at one after the other, here and now."""

from __future__ import annotations

import time
from collections.abc import Sequence

from models.errors import ImageError
from service.localizer import Localizer, with_posterior
from service.sets.locating import SetAnswer
from service.sets.working import SetQuery, answer_set
from service.view import View

STAGES = ("decode", "preprocess", "inference", "search")


def localize_set(
    localizer: Localizer, photos: Sequence[bytes], query: SetQuery
) -> tuple[SetAnswer, list[View], dict[str, float]]:
    """Say where photos of one place were taken; give the views and the seconds of each stage too.

    Raises:
        ImageError, ParameterError, EncoderError: of the first photo that is at fault.
    """
    seconds, views = dict.fromkeys(STAGES, 0.0), []
    for number, (data, asked) in enumerate(zip(photos, query.each, strict=True), start=1):
        marks = [time.perf_counter()]
        try:
            photo = localizer.decode(data)
        except ImageError as error:
            raise type(error)(f"Photo {number}: {error}") from None
        marks.append(time.perf_counter())
        prepared = localizer.prepare(photo, asked)
        marks.append(time.perf_counter())
        views.append(View(prepared, localizer.describe(prepared)))
        marks.append(time.perf_counter())
        for stage, began, ended in zip(STAGES, marks, marks[1:], strict=False):
            seconds[stage] += ended - began
    began = time.perf_counter()
    said = answer_set(localizer, query, views)
    seconds["search"] = time.perf_counter() - began
    return said, views, with_posterior(seconds, said.answer)

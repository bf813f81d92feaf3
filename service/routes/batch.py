"""POST /localize/batch: up to 16 photos in, an answer or a problem for each out."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse

from models.errors import SkyfixError
from service.abandoned import while_there
from service.deadline import HEADER as DEADLINE
from service.deadline import Deadline, deadline_of
from service.errors import Overloaded
from service.instance import Service
from service.many_photos import check_many, few_at_once, weight_of
from service.problems import INTERNAL, INTERNAL_DETAIL, body_of, problem_of
from service.query import Answer
from service.requests import Upload
from service.responses import localize_response
from service.sets.asked import ask_each
from service.sets.parts import IMAGES
from service.sets.receiving import receive
from service.timeline import Timeline, server_timing

PATH = "/localize/batch"
NO_PLACE = "There was no place for this photo. Send it again in a moment."
logger = logging.getLogger("skyfix")


def add_batch(app: FastAPI, service: Service) -> None:
    settings = service.settings

    @app.post(PATH)
    async def localize_batch(request: Request) -> JSONResponse:
        service.served.check_any()
        media_type = check_many(request, settings)
        deadline = deadline_of(request.headers.get(DEADLINE), settings.deadline_s)
        timeline: Timeline = request.state.timeline
        with service.pipeline.place(weight_of(request, settings)) as held:
            with timeline.measure("receive"):
                asked = await receive(request, service, media_type, ask_each, least=1)
            photos = {place: each for place, each in enumerate(asked) if isinstance(each, Upload)}
            batch = _Batch(service, photos, deadline, timeline, request.state.request_id)
            answered = await while_there(request.receive, batch.answer(held.grow(len(photos))))
        found = [answered.get(place, each) for place, each in enumerate(asked)]
        request.state.answers = [outcome for outcome in found if isinstance(outcome, Answer)]
        with timeline.measure("serialize"):
            results = [batch.told(place, outcome) for place, outcome in enumerate(found)]
            response = JSONResponse({"request_id": request.state.request_id, "results": results})
        seconds = timeline.seconds()
        response.headers["Server-Timing"] = server_timing(seconds)
        return response


class _Batch:
    """The photos of one request while they are worked on, by their place in it."""

    def __init__(
        self, service: Service, photos: Mapping[int, Upload], deadline: Deadline, timeline: Timeline, request_id: str
    ) -> None:
        self._service, self._photos, self._deadline, self._id = service, photos, deadline, request_id
        self._timelines = {place: timeline.photo() for place in photos}

    async def answer(self, most: int) -> dict[int, Answer | Exception]:
        """Answer so many photos, all at once, as each has a place in the queue; the others had none."""
        numbers = list(self._photos)
        found = await few_at_once(min(most, len(numbers)), most, lambda number: self._answer(numbers[number]))
        late = (Overloaded(NO_PLACE) for _ in numbers[most:])
        return dict(zip(numbers, (*found, *late), strict=True))

    async def _answer(self, place: int) -> Answer | Exception:
        upload, timeline = self._photos[place], self._timelines[place]
        try:
            localizer = self._service.served.named(upload.parameters.search.index).ask()
            query = upload.parameters.to_query(self._service.settings.top_k)
            return await self._service.pipeline.localize(localizer, upload.image, query, self._deadline, timeline)
        except (SkyfixError, MemoryError):
            raise
        except Exception as error:  # the outermost loop of one photo: the others go on
            logger.exception("request %s failed at photo %d", self._id, place)
            return error

    def told(self, place: int, outcome: object) -> dict[str, Any]:
        """Say what came of a photo."""
        if isinstance(outcome, Answer):
            answer = localize_response(outcome, self._id, self._timelines[place].seconds())
            return {"status": 200, "answer": answer.model_dump(exclude_none=True)}
        if isinstance(outcome, SkyfixError):
            return body_of(outcome, self._id, f"{IMAGES}.{place}")
        return problem_of(500, INTERNAL, INTERNAL_DETAIL, self._id)

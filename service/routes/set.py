"""POST /localize/set: photos of one place in, one answer out."""

from __future__ import annotations

from collections.abc import Sequence

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response

from models.errors import SkyfixError
from service.abandoned import while_there
from service.deadline import HEADER as DEADLINE
from service.deadline import Deadline, deadline_of
from service.instance import Service
from service.localizer import Localizer
from service.many_photos import check_many, few_at_once, weight_of
from service.problems import for_skyfix_error
from service.sets.asked import SetAsked, ask_together
from service.sets.locating import SetAnswer
from service.sets.parts import IMAGES
from service.sets.receiving import receive
from service.sets.responses import set_response
from service.sets.working import UNUSABLE, SetQuery, answer_set, set_query
from service.timeline import Timeline, server_timing
from service.view import View

PATH = "/localize/set"
LEAST = 2
Views = list[View | SkyfixError]


def add_set(app: FastAPI, service: Service) -> None:
    settings = service.settings

    @app.post(PATH)
    async def localize_set(request: Request) -> Response:
        service.served.check_any()
        media_type = check_many(request, settings)
        deadline = deadline_of(request.headers.get(DEADLINE), settings.deadline_s)
        timeline: Timeline = request.state.timeline
        with service.pipeline.place(weight_of(request, settings)) as held:
            with timeline.measure("receive"):
                asked = await receive(request, service, media_type, ask_together, least=LEAST)
            localizer = service.served.named(asked.photos[0].parameters.search.index).ask()
            queries = [photo.parameters.to_query(settings.top_k) for photo in asked.photos]
            about = set_query(queries, asked.relative_deg)
            places = held.grow(len(asked.photos))
            work = _work(service, localizer, asked, about, places, deadline, timeline)
            views, said = await while_there(request.receive, work)
        if said is None:
            number, error = next((n, view) for n, view in enumerate(views) if isinstance(view, SkyfixError))
            return for_skyfix_error(request, error, f"{IMAGES}.{number}")
        request.state.answer = said.answer
        seconds = timeline.seconds()
        with timeline.measure("serialize"):
            told = set_response(said, about, views, request.state.request_id, seconds)
            response = JSONResponse(told.model_dump(exclude_none=True))
        response.headers["Server-Timing"] = server_timing(seconds)
        return response


async def _work(
    service: Service,
    localizer: Localizer,
    asked: SetAsked,
    query: SetQuery,
    places: int,
    deadline: Deadline,
    timeline: Timeline,
) -> tuple[Views, SetAnswer | None]:
    """Look at the photos, as many at once as the request has places, then answer; no answer if one is at fault.

    Raises:
        SkyfixError: what keeps the service from looking at a photo, or from answering.
    """
    timelines = [timeline.photo() for _ in asked.photos]

    async def look(number: int) -> View:
        photo = asked.photos[number].image
        return await service.pipeline.view(localizer, photo, query.each[number], deadline, timelines[number])

    views = await few_at_once(len(asked.photos), places, look)
    for view in views:
        if isinstance(view, SkyfixError) and not isinstance(view, UNUSABLE):
            raise view
    if _at_fault(views, asked.skip_unusable):
        return views, None
    said = await service.pipeline.search(lambda: answer_set(localizer, query, views), deadline, timeline)
    if said.answer.reckoning is not None:
        timeline.give_end("posterior", "search", said.answer.reckoning.seconds)
    return views, said


def _at_fault(views: Sequence[View | SkyfixError], skip: bool) -> bool:
    good = sum(isinstance(view, View) for view in views)
    return good == 0 or (good < len(views) and not skip)

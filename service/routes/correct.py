"""POST /correct: fixes with noisy GPS and photos in, corrected fixes out, one for one."""

from __future__ import annotations

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel

from service.abandoned import while_there
from service.correct.geojson import corrected_collection
from service.correct.question import Question
from service.correct.reading import ACCEPTED, FORMAT, NDJSON, format_of, read_question
from service.correct.responses import CorrectResponse, SnappedOut, correct_response
from service.correct.settled import read_settled
from service.correct.snapper import Snapping, open_snapper
from service.correct.stream import LineResponse, Stream
from service.correct.work import fixes_of, look, settle
from service.deadline import HEADER as DEADLINE
from service.deadline import Deadline, deadline_of
from service.geojson import MEDIA_TYPE as GEOJSON
from service.geojson import prefers_geojson
from service.instance import Service
from service.localizer import Localizer
from service.many_photos import read_many, weight_of
from service.requests import check_headers
from service.timeline import Timeline, server_timing


def add_correct(app: FastAPI, service: Service) -> None:
    settings, snapper = service.settings, open_snapper(service.settings)

    @app.post("/correct")
    async def correct(request: Request) -> Response:
        service.served.check_any()
        media_type = check_headers(request, settings.max_many_body_bytes, ACCEPTED)
        deadline = deadline_of(request.headers.get(DEADLINE), settings.deadline_s)
        timeline: Timeline = request.state.timeline
        if media_type == NDJSON:
            return _streamed(service, request, deadline)
        with service.pipeline.place(weight_of(request, settings)):
            with timeline.measure("receive"):
                body = await read_many(request, service)
                question = await service.pipeline.off_loop(lambda: _read(request, media_type, body))
            body = b""  # the photos are copies
            localizer = service.served.named(question.settled.search.index).ask()
            work = _answer(service, snapper, localizer, question, deadline, request)
            answer = await while_there(request.receive, work)
        with timeline.measure("serialize"):
            drawn = prefers_geojson(request.headers.get("accept", ""))
            content: BaseModel = corrected_collection(answer, moments_of(question)) if drawn else answer
            response = JSONResponse(content.model_dump(exclude_none=True), media_type=GEOJSON if drawn else None)
        response.headers["Server-Timing"] = server_timing(timeline.seconds())
        return response


def _read(request: Request, media_type: str, body: bytes) -> Question:
    content_type = request.headers.get("content-type", "")
    return read_question(media_type, content_type, request.query_params.multi_items(), body)


def _streamed(service: Service, request: Request, deadline: Deadline) -> Response:
    """Answer in lines while lines are read. Until the first line of the answer a call fails as any other."""
    query = request.query_params.multi_items()
    format_of(NDJSON, [text for name, text in query if name == FORMAT])
    settled = read_settled((name, text) for name, text in query if name != FORMAT)
    localizer = service.served.named(settled.search.index).ask()
    held = service.pipeline.place(weight_of(request, service.settings))
    return LineResponse(Stream(service, localizer, settled, deadline, request).answer(), held)


async def _answer(
    service: Service,
    snapper: Snapping | None,
    localizer: Localizer,
    question: Question,
    deadline: Deadline,
    request: Request,
) -> CorrectResponse:
    timeline: Timeline = request.state.timeline
    seen = await look(service.pipeline, localizer, question, deadline, timeline)
    corrected, notices = await settle(service.pipeline, question, seen, deadline, timeline)
    service.metrics.count_fixes(corrected)
    snapped: dict[int, SnappedOut] = {}
    if snapper is not None:
        snapped, failed = await snapper.snap(fixes_of(question.fixes), corrected)
        notices = (*notices, *failed)
    names = localizer.about.index, localizer.about.model
    return correct_response(question, corrected, notices, names, request.state.request_id, timeline.seconds(), snapped)


def moments_of(question: Question) -> dict[int, float]:
    """When each fix was taken, in seconds since 1970; none for those that do not say."""
    told = ((index, fix.moment) for index, fix in enumerate(question.fixes))
    return {index: moment.timestamp() for index, moment in told if moment is not None}

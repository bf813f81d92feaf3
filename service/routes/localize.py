"""POST /localize: one photo in, ranked places out."""

from __future__ import annotations

from functools import partial

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel

from service.abandoned import while_there
from service.deadline import HEADER as DEADLINE
from service.deadline import deadline_of
from service.geojson import MEDIA_TYPE as GEOJSON
from service.geojson import feature_collection, prefers_geojson
from service.geopose.accepted import MEDIA_TYPE as GEOPOSE
from service.geopose.accepted import geopose_profile
from service.geopose.answer import posed
from service.instance import Service
from service.requests import RAW_TYPES, check_headers, parse_upload, read_body
from service.responses import localize_response
from service.timeline import Timeline, server_timing


def add_localize(app: FastAPI, service: Service) -> None:
    settings = service.settings

    @app.post("/localize")
    async def localize(request: Request) -> JSONResponse:
        service.served.check_any()
        media_type = check_headers(request, settings.max_body_bytes)
        deadline = deadline_of(request.headers.get(DEADLINE), settings.deadline_s)
        timeline: Timeline = request.state.timeline
        with service.pipeline.place():
            with timeline.measure("receive"):
                body = await read_body(request, settings.max_body_bytes, settings.body_timeout_s)
                if media_type in RAW_TYPES:  # there is nothing to take apart
                    upload = parse_upload(request, media_type, body)
                else:
                    upload = await service.pipeline.off_loop(lambda: parse_upload(request, media_type, body))
            body = b""  # of a form the photo is a copy, and many wait here
            localizer = service.served.named(upload.parameters.search.index).ask()
            query = upload.parameters.to_query(settings.top_k)
            work = service.pipeline.localize(localizer, upload.image, query, deadline, timeline)
            answer = await while_there(request.receive, work)
        request.state.answer = answer
        seconds = timeline.seconds()
        with timeline.measure("serialize"):
            accept = request.headers.get("accept", "")
            drawn, profile = prefers_geojson(accept), geopose_profile(accept)
            told = localize_response(answer, request.state.request_id, seconds)
            if profile is not None:
                sigma_m, heights = settings.dem_sigma_m, service.heights
                pose = await service.pipeline.off_loop(partial(posed, told, query.camera, profile, heights, sigma_m))
                response = JSONResponse(pose.model_dump(), media_type=GEOPOSE)
            else:
                content: BaseModel = feature_collection(told) if drawn else told
                response = JSONResponse(content.model_dump(exclude_none=True), media_type=GEOJSON if drawn else None)
        response.headers["Server-Timing"] = server_timing(seconds)
        return response

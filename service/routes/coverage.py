"""GET /coverage: where there is imagery."""

from __future__ import annotations

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse

from service.alikeness import aliasing_everywhere
from service.coverage import coverage_at, coverage_everywhere, coverage_request
from service.geojson import MEDIA_TYPE as GEOJSON
from service.instance import Service


def add_coverage(app: FastAPI, service: Service) -> None:
    @app.get("/coverage")
    async def coverage(request: Request) -> JSONResponse:
        asked = coverage_request(request.query_params.multi_items())
        localizer = service.served.named(asked.index).ask()
        if asked.aliasing:
            alike = await service.pipeline.off_loop(lambda: aliasing_everywhere(localizer))
            return JSONResponse(alike.model_dump(exclude_none=True), media_type=GEOJSON)
        if asked.lat is None or asked.lon is None:
            drawn = await service.pipeline.off_loop(lambda: coverage_everywhere(localizer))
            return JSONResponse(drawn.model_dump(exclude_none=True), media_type=GEOJSON)
        lat, lon = asked.lat, asked.lon
        answer = await service.pipeline.off_loop(lambda: coverage_at(localizer, lat, lon))
        return JSONResponse(answer.model_dump(exclude_none=True))

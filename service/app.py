"""The public HTTP application: POST /localize, GET /livez, /readyz, /info. Nothing exists until create_app."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from models.errors import SkyfixError
from service.abandoned import while_there
from service.access_log import AccessLog
from service.deadline import HEADER as DEADLINE
from service.deadline import deadline_of
from service.door.guard import Guard
from service.door.keys import Scope
from service.door.middleware import Door
from service.environment import program_version
from service.errors import Draining
from service.geojson import MEDIA_TYPE as GEOJSON
from service.geojson import feature_collection, prefers_geojson
from service.info import info_response, readiness
from service.localizer import Localizer
from service.metrics import Metrics
from service.openapi import public_document
from service.pipeline import Pipeline
from service.problems import for_http_exception, for_skyfix_error
from service.requests import RAW_TYPES, check_headers, parse_upload, read_body
from service.responses import localize_response
from service.room.threads import Room
from service.served import Served
from service.settings import Settings
from service.telemetry import Telemetry
from service.timeline import Timeline
from service.tracing import Tracer, open_tracer

ACCESS: Mapping[str, Scope | None] = {
    "/localize": "localize",
    "/info": "localize",
    "/openapi.json": "localize",
    "/livez": None,
    "/readyz": None,
}
"""The scope that a key needs for each route; None is open to everybody."""


OpenRoom = Callable[[Settings, Metrics], Room]


class Service:
    """What the routes share: settings, metrics, threads, and the indexes by the names that the settings give them."""

    def __init__(self, settings: Settings, tracer: Tracer | None = None, open_room: OpenRoom | None = None) -> None:
        self.settings = settings
        self.guard = Guard(settings)
        self.version = program_version()
        self.metrics = Metrics(self.version)
        self.tracer = tracer or open_tracer(settings.otlp_endpoint, self.version, os.environ)
        self.pipeline = Pipeline(self.metrics, settings.sizes, open_room and open_room(settings, self.metrics))
        self.served = Served([index.name for index in settings.index] or [""])
        self.draining = False

    def reload_keys(self) -> None:
        """Read the key file again; a bad one changes nothing."""
        taken = self.guard.reload()
        if taken is not None:
            self.metrics.key_reloads.labels("taken" if taken else "refused").inc()

    def install(self, localizer: Localizer, key: str = "") -> None:
        """Answer with this localizer from now on; it has just answered its probes.

        Raises:
            IndexMismatch: another index is called the same.
        """
        self.served.install(key, localizer)
        self.metrics.serve(self.served, self.settings.provider)

    def note_recall(self, localizer: Localizer, recall: float) -> None:
        """Remember what the probes of a localizer said, if it is one that answers."""
        for resident in self.served:
            if resident.localizer is localizer:
                resident.recall = recall
        self.metrics.serve(self.served, self.settings.provider)


def create_app(
    settings: Settings,
    localizer: Localizer | None = None,
    tracer: Tracer | None = None,
    open_room: OpenRoom | None = None,
) -> FastAPI:
    """Build the application.

    Args:
        localizer: answers from the start; without one the app is not ready until `app.state.service.install`.
        tracer: takes the traces; by default as the settings and OTEL_ variables say.
        open_room: makes the room where photos are decoded; threads by default.

    Raises:
        UsageError, KeyFileInvalid: the settings would let in everybody, or the key file is not to be trusted.
    """
    service = Service(settings, tracer, open_room)
    if localizer is not None:
        service.install(localizer)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        service.pipeline.close()
        if service.tracer is not None:
            await asyncio.to_thread(service.tracer.close)

    app = FastAPI(
        title="Skyfix",
        version=service.version,
        openapi_url="/openapi.json" if settings.expose_openapi else None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        lifespan=lifespan,
    )
    if settings.expose_openapi:
        document = public_document(service.version, asks_for_keys=settings.key_file is not None)
        app.openapi = lambda: document  # type: ignore[method-assign]  # FastAPI's own way to put another one there
    app.state.service = service
    app.add_exception_handler(SkyfixError, _on_loop(for_skyfix_error))
    app.add_exception_handler(HTTPException, _on_loop(for_http_exception))
    app.add_middleware(Door, guard=service.guard, router=app.router, access=ACCESS)
    app.add_middleware(
        Telemetry,
        metrics=service.metrics,
        router=app.router,
        routes=frozenset(ACCESS),
        tracer=service.tracer,
        untraced=frozenset(path for path, needed in ACCESS.items() if needed is None),
    )
    app.add_middleware(AccessLog, routes=ACCESS, quiet=[path for path, needed in ACCESS.items() if needed is None])
    _add_localize(app, service)
    _add_states(app, service)
    return app


def _on_loop(handle: Callable[[Request, Exception], Response]) -> Callable[[Request, Exception], Awaitable[Response]]:
    """Translate errors where they are caught: a plain function would wait for a thread, behind the photos' own."""

    async def handled(request: Request, error: Exception) -> Response:
        return handle(request, error)

    return handled


def _add_localize(app: FastAPI, service: Service) -> None:
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
            drawn = prefers_geojson(request.headers.get("accept", ""))
            told = localize_response(answer, request.state.request_id, seconds)
            content: BaseModel = feature_collection(told) if drawn else told
            response = JSONResponse(content.model_dump(exclude_none=True), media_type=GEOJSON if drawn else None)
        response.headers["Server-Timing"] = ", ".join(f"{name};dur={s * 1000:.2f}" for name, s in seconds.items())
        return response


def _add_states(app: FastAPI, service: Service) -> None:
    settings = service.settings

    @app.get("/livez")
    async def livez() -> JSONResponse:
        return JSONResponse({"status": "alive"})

    @app.get("/readyz")
    async def readyz() -> JSONResponse:
        ready = readiness(service.served, settings)
        if service.draining:
            raise Draining("Not ready: the service is about to stop.")
        return JSONResponse(ready.model_dump(exclude_none=True))

    @app.get("/info")
    async def info() -> JSONResponse:
        return JSONResponse(info_response(service.served, settings, service.version).model_dump())

"""The public HTTP application. Nothing exists until create_app."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager

from fastapi import FastAPI, Request
from fastapi.responses import Response
from starlette.exceptions import HTTPException

from models.errors import SkyfixError
from service.access_log import AccessLog
from service.door.middleware import OPEN, Access, Door
from service.instance import OpenRoom, Service
from service.localizer import Localizer
from service.openapi import public_document
from service.problems import for_http_exception, for_skyfix_error
from service.routes.batch import add_batch
from service.routes.correct import add_correct
from service.routes.coverage import add_coverage
from service.routes.localize import add_localize
from service.routes.map_tiles import MAP, add_map
from service.routes.page import OPEN_PAGES, add_page
from service.routes.set import add_set
from service.routes.states import add_states
from service.routes.track import add_track
from service.settings import Settings
from service.telemetry import Telemetry
from service.tracing import Tracer

ACCESS: Mapping[str, Access] = {
    "/localize": "localize",
    "/localize/batch": "batch",
    "/localize/set": "localize",
    "/correct": "batch",
    "/track": "localize",
    "/coverage": "localize",
    "/info": "localize",
    "/openapi.json": "localize",
    "/livez": None,
    "/readyz": None,
    **dict.fromkeys(OPEN_PAGES, OPEN),
    MAP: "localize",
}
"""The scope that a key needs for each route; `OPEN` asks for none, None is for probes."""
ROUTES = (add_localize, add_batch, add_set, add_correct, add_track, add_states, add_coverage, add_map, add_page)


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
        UsageError, KeyFileInvalid, TrackSecretInvalid: the settings would let in everybody, or a file that they name is
            not to be trusted.
    """
    service = Service(settings, tracer, open_room)
    if localizer is not None:
        service.install(localizer)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        service.pipeline.close()
        if service.heights is not None:
            service.heights.close()
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
    for add_route in ROUTES:
        add_route(app, service)
    return app


def _on_loop(handle: Callable[[Request, Exception], Response]) -> Callable[[Request, Exception], Awaitable[Response]]:
    """Translate errors where they are caught: a plain function would wait for a thread, behind the photos' own."""

    async def handled(request: Request, error: Exception) -> Response:
        return handle(request, error)

    return handled

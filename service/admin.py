"""The admin application: /metrics and /admin/reload, on an address of its own, never on the public one."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from prometheus_client.exposition import choose_encoder
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from models.errors import SkyfixError
from service.errors import UnknownIndex
from service.keeper import Outcome
from service.metrics import Metrics
from service.problems import INTERNAL, INTERNAL_DETAIL

Reload = Callable[[str | None], Awaitable[Sequence[Outcome]]]
OPENMETRICS = "application/openmetrics-text"


def create_admin_app(metrics: Metrics, reload: Reload) -> Starlette:
    """Build the application that Prometheus scrapes and that loads models and indexes anew.

    Args:
        metrics: of the service.
        reload: loads the index of that name, or every one; raises UnknownIndex.
    """

    async def serve_metrics(request: Request) -> Response:
        """Speak OpenMetrics to who takes it, for only that has exemplars; the library trips over odd Accept headers."""
        encode, media_type = choose_encoder(OPENMETRICS if OPENMETRICS in request.headers.get("accept", "") else "")
        return Response(encode(metrics.registry), headers={"Content-Type": media_type})

    async def serve_reload(request: Request) -> Response:
        """200 if every index that was meant was taken, 409 if one was refused; the others are taken all the same."""
        try:
            outcomes = await reload(request.query_params.get("index"))
        except UnknownIndex as error:
            return JSONResponse({"result": "refused", "code": error.code, "detail": str(error), "indexes": []}, 404)
        told = [told_of(outcome) for outcome in outcomes]
        first = next((each for each in told if each["result"] == "refused"), told[0])
        return JSONResponse({**first, "indexes": told}, 200 if first["result"] == "taken" else 409)

    return Starlette(routes=[Route("/metrics", serve_metrics), Route("/admin/reload", serve_reload, methods=["POST"])])


def told_of(outcome: Outcome) -> dict[str, str]:
    told = {"name": outcome.name, "result": outcome.result}
    if outcome.error is None:
        return {**told, "index": outcome.index or outcome.name}
    known = isinstance(outcome.error, SkyfixError)
    code = outcome.error.code if isinstance(outcome.error, SkyfixError) else INTERNAL
    return {**told, "code": code, "detail": str(outcome.error) if known else INTERNAL_DETAIL}

"""GET /livez, /readyz and /info: whether it lives, whether it answers, and what it is."""

from __future__ import annotations

from fastapi import FastAPI
from fastapi.responses import JSONResponse

from service.errors import Draining
from service.info import info_response, readiness
from service.instance import Service


def add_states(app: FastAPI, service: Service) -> None:
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
        return JSONResponse(info_response(service.served, settings, service.version).model_dump(exclude_none=True))

"""The body of a request of several photos: read whole, and taken apart beside the loop."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from starlette.requests import Request

from service.instance import Service
from service.many_photos import read_many
from service.sets.parts import Parcel, unpack

T = TypeVar("T")


async def receive(request: Request, service: Service, media_type: str, ask: Callable[[Parcel], T], *, least: int) -> T:
    """Give what is asked.

    Args:
        ask: reads the parameters.
        least: photos that there have to be.

    Raises:
        BodyTooLarge, BodyTimeout, ClientDisconnect, and those of `unpack` and of `ask`.
    """
    body = await read_many(request, service)
    content_type, has_query = request.headers.get("content-type", ""), bool(request.query_params)
    return await service.pipeline.off_loop(lambda: ask(unpack(media_type, content_type, body, has_query, least)))

"""Several photos in one request: its body and limit, the places it holds, and photos that go a few at once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from starlette.requests import Request

from models.errors import SkyfixError
from service.instance import Service
from service.requests import FORM_OR_JSON, check_headers, read_body
from service.settings import Settings

T = TypeVar("T")


def check_many(request: Request, settings: Settings) -> str:
    """Refuse by the headers alone what can be refused; give the media type, one of FORM_OR_JSON.

    Raises:
        EncodingUnsupported, UnsupportedMediaType, BodyTooLarge.
    """
    return check_headers(request, settings.max_many_body_bytes, FORM_OR_JSON)


def weight_of(request: Request, settings: Settings) -> int:
    """Places that a body holds while it is read: as many as bodies of one photo would take its bytes.

    A body whose headers do not say its length counts as the largest.
    """
    length = request.headers.get("content-length", "")
    announced = int(length) if length.isdecimal() and len(length) <= 15 else settings.max_many_body_bytes
    return max(1, -(-min(announced, settings.max_many_body_bytes) // settings.max_body_bytes))


async def read_many(request: Request, service: Service) -> bytes:
    """Read the body. Raises BodyTooLarge, BodyTimeout; ClientDisconnect when the peer is gone."""
    return await read_body(request, service.settings.max_many_body_bytes, service.settings.body_timeout_s)


async def few_at_once(count: int, most: int, work: Callable[[int], Awaitable[T]]) -> list[T | SkyfixError]:
    """Run work for 0 to count - 1, at most so many at once; give what came of each, in order.

    A deliberate error is what came of its item, and the others go on. Any other error ends them all and is raised, as
    does being cancelled: what is not begun by then never is.
    """
    found: dict[int, T | SkyfixError] = {}
    left = iter(range(count))

    async def some() -> None:
        for number in left:
            try:
                found[number] = await work(number)
            except SkyfixError as error:
                found[number] = error

    tasks = [asyncio.ensure_future(some()) for _ in range(min(count, max(1, most)))]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    return [found[number] for number in range(count)]

"""Lines of a body as they come: bounded in length, in number of bytes and in time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator

from service.errors import BodyTimeout, BodyTooLarge
from service.requests import GRACE_S, SLOWEST_BYTES_PER_S


class TooLong:
    """In place of a line that is longer than lines may be."""


async def lines_of(
    chunks: AsyncIterator[bytes], most_bytes: int, longest: int, deadline_s: float
) -> AsyncGenerator[bytes | TooLong]:
    """Cut a body into lines, without their ends; the last one needs none. What is too long is read over.

    The time in which the taker works on what it was given does not count.

    Raises:
        BodyTooLarge, BodyTimeout: as for bodies that are read whole.
    """
    held, received, waited, is_long = bytearray(), 0, 0.0, False
    source = aiter(chunks)
    while True:
        allowed = min(deadline_s, max(GRACE_S, received / SLOWEST_BYTES_PER_S)) - waited
        started = asyncio.get_running_loop().time()
        try:
            chunk = await asyncio.wait_for(anext(source), max(0.001, allowed))
        except StopAsyncIteration:
            break
        except TimeoutError as error:
            slowest = f"nor, after {GRACE_S:g} s, at {SLOWEST_BYTES_PER_S // 1024} KiB a second"
            raise BodyTimeout(f"The body did not arrive within {deadline_s:g} s, {slowest}.") from error
        waited += asyncio.get_running_loop().time() - started
        received += len(chunk)
        if received > most_bytes:
            raise BodyTooLarge(f"The body has more than {most_bytes} bytes. Send it in parts.")
        *whole, rest = chunk.split(b"\n")
        for piece in whole:
            held += piece
            yield TooLong() if is_long or len(held) > longest else bytes(held)
            held, is_long = bytearray(), False
        held += rest
        if len(held) > longest:
            held, is_long = bytearray(), True
    if held or is_long:
        yield TooLong() if is_long or len(held) > longest else bytes(held)

"""Lines of NDJSON into fixes, in windows: each line read and checked, what is wrong with it kept beside the others."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass

from models.errors import SkyfixError
from service.correct.lines import TooLong
from service.correct.schema import MOST_FIXES, MOST_PHOTOS, PART, FixRequest
from service.errors import InvalidParameters
from service.parameters import parse_json, read_model
from service.requests import from_base64

WINDOW_FIXES, WINDOW_PHOTOS = 100, 4


@dataclass(frozen=True, slots=True)
class Line:
    """One line.

    Attributes:
        index: place among the lines that are not blank, from 0.
        number: place among all lines, from 1.
        fix: without its image. None where `error` says what is wrong.
    """

    index: int
    number: int
    fix: FixRequest | None = None
    photo: bytes | None = None
    error: SkyfixError | None = None


async def windows_of(lines: AsyncIterator[bytes | TooLong], longest: int) -> AsyncGenerator[list[Line]]:
    """Gather lines, at most so many fixes and photos at a time.

    Args:
        longest: bytes a line may have, for the message.

    Raises:
        InvalidParameters: the call has more fixes or photos than calls have; what was gathered is given before.
        What the lines raise, likewise.
    """
    window: list[Line] = []
    index = number = photos = all_photos = 0
    try:
        async for content in lines:
            number += 1
            if not isinstance(content, TooLong) and not content.strip():
                continue
            if index >= MOST_FIXES:
                raise InvalidParameters([("", f"a call has at most {MOST_FIXES} fixes.")])
            line = _read(content, index, number, longest)
            index, photos = index + 1, photos + (line.photo is not None)
            if all_photos + photos > MOST_PHOTOS:
                raise InvalidParameters([("", f"a call has at most {MOST_PHOTOS} photos.")])
            window.append(line)
            if len(window) >= WINDOW_FIXES or photos >= WINDOW_PHOTOS:
                yield window
                window, photos, all_photos = [], 0, all_photos + photos
    except SkyfixError:
        if window:
            yield window
        raise
    if window:
        yield window


def _read(content: bytes | TooLong, index: int, number: int, longest: int) -> Line:
    try:
        if isinstance(content, TooLong):
            raise InvalidParameters([("", f"has more than {longest} bytes.")])
        fix = read_model(FixRequest, parse_json(content))
        return Line(index, number, fix.model_copy(update={"image": None}), _photo(fix))
    except SkyfixError as error:
        return Line(index, number, error=error)


def _photo(fix: FixRequest) -> bytes | None:
    if fix.image is None:
        if fix.image_timestamp is not None or fix.camera is not None:
            raise InvalidParameters([("image", "is needed with image_timestamp and camera.")])
        return None
    if fix.image.startswith(PART):
        raise InvalidParameters([("image", "names a part, but this is no form. Send the file in base64.")])
    return from_base64(fix.image, "image")

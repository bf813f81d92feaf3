"""Several photos in one request: what a body weighs, and work that goes a few at once."""

from __future__ import annotations

import asyncio

import pytest
from starlette.requests import Request

from models.errors import ImageEmpty, ParameterError, SkyfixError
from service.errors import InvalidParameters, Overloaded
from service.many_photos import few_at_once, weight_of
from service.problems import body_of
from service.settings import Settings

SETTINGS = Settings(max_body_bytes=1024, max_many_body_bytes=4096)


@pytest.mark.parametrize(
    ("length", "weight"),
    [("0", 1), ("1024", 1), ("1025", 2), ("4096", 4), ("99999", 4), ("9" * 20, 4), ("", 4), ("a lot", 4)],
)
def test_a_body_weighs_as_many_places_as_bodies_of_one_photo(length: str, weight: int) -> None:
    headers = [(b"content-length", length.encode())] if length else []
    assert weight_of(Request({"type": "http", "headers": headers}), SETTINGS) == weight


def test_results_stand_in_order_and_no_more_run_at_once_than_allowed() -> None:
    running = most = 0

    async def work(number: int) -> int:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.01 * (5 - number))
        running -= 1
        if number == 2:
            raise ImageEmpty("empty")
        return number

    found = asyncio.run(few_at_once(5, 2, work))
    assert most == 2
    assert [each for each in found if isinstance(each, int)] == [0, 1, 3, 4]
    assert isinstance(found[2], ImageEmpty)


def test_a_fault_of_the_program_ends_all_and_is_raised() -> None:
    begun: list[int] = []

    async def work(number: int) -> None:
        begun.append(number)
        await asyncio.sleep(0)
        raise KeyError(number)

    with pytest.raises(KeyError):
        asyncio.run(few_at_once(5, 1, work))
    assert begun == [0]


@pytest.mark.parametrize(
    ("error", "pointers", "detail"),
    [
        (
            ParameterError("camera.fov_deg", "is wrong."),
            ["images.3.camera.fov_deg"],
            "images.3.camera.fov_deg: is wrong.",
        ),
        (InvalidParameters([("a", "is x."), ("b", "is y.")]), ["images.3.a", "images.3.b"], "images.3.a: is x."),
        (ImageEmpty("The image is empty."), ["images.3"], "The image is empty."),
        (Overloaded("All taken."), None, "All taken."),
    ],
)
def test_a_problem_of_one_photo_names_it(error: SkyfixError, pointers: list[str] | None, detail: str) -> None:
    body = body_of(error, "r", "images.3")
    assert body["detail"] == detail
    assert [fault["pointer"] for fault in body.get("errors", [])] == (pointers or [])

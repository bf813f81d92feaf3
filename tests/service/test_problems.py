"""The table from exception to problem, and the paths that are not there."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import index.build  # noqa: F401  all errors have to be known before they are walked
from models.errors import BundleError, ChecksumMismatch, EncoderNonFinite, SkyfixError
from models.image import Photo
from service.app import create_app
from service.problems import STATUS, status_of
from service.settings import Settings
from tests.service.conftest import Client, check_problem
from tests.service.world import encode


@pytest.mark.parametrize(
    "path", ["/nowhere", "/metrics", "/docs", "/openapi.json", "/localize/", "http://localhost//localize", "/.env"]
)
def test_paths_that_are_not_there(client: Client, path: str) -> None:
    check_problem(client.get(path), 404, "not_found")


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "TRACE", "OPTIONS"])
def test_methods_that_are_not_there(client: Client, method: str) -> None:
    response = client.request(method, "/localize")
    check_problem(response, 405, "method_not_allowed")
    assert response.headers["allow"] == "POST"


def subclasses(kind: type[SkyfixError]) -> Iterator[type[SkyfixError]]:
    for child in kind.__subclasses__():
        yield child
        yield from subclasses(child)


def test_every_error_that_serving_can_meet_has_a_status() -> None:
    serving = ("models.errors", "index.", "service.")
    for kind in (kind for kind in subclasses(SkyfixError) if kind.__module__.startswith(serving)):
        named = next(entry for entry in kind.__mro__ if entry in STATUS)
        assert named is not SkyfixError, f"{kind.__name__} is in no row of the table"
        assert 400 <= status_of(kind) < 600


def test_codes_are_words_of_their_own() -> None:
    codes = [kind.code for kind in subclasses(SkyfixError)]
    assert all(code.isidentifier() for code in codes)


class Broken:
    """A localizer that raises where it should decode."""

    def __init__(self, localizer: Any, error: Exception) -> None:
        self.about, self._error = localizer.about, error

    def decode(self, _: bytes) -> Photo:
        raise self._error

    prepare = describe = search = map_tile = None
    failures_in_a_row = 0
    likelihoods = coverage = None


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (RuntimeError("secret"), 500, "internal"),
        (MemoryError("secret"), 429, "overloaded"),
        (EncoderNonFinite("secret"), 500, "encoder_non_finite"),
        (ChecksumMismatch("secret"), 503, "checksum_mismatch"),
        (BundleError("secret"), 503, "bundle"),
    ],
)
def test_our_own_failures_say_nothing_of_the_inside(localizer: Any, error: Exception, status: int, code: str) -> None:
    broken: Any = Broken(localizer, error)
    response = Client(create_app(Settings(), broken)).raw(encode(np.full((64, 64, 3), 128, np.uint8)))
    check_problem(response, status, code)
    assert "secret" not in response.text

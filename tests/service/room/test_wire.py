"""What a worker sends is believed only as far as it fits together."""

from __future__ import annotations

import json
import socket
import time
from typing import Any

import numpy as np
import pytest

from models.camera import GroundInput
from models.errors import ImageTooSmall, ParameterError
from service.prepared import Prepared
from service.query import Notice, make_prior
from service.room.wire import Spent, WorkerLied, pack_error, pack_prepared, receive, send, unpack

GROUND = GroundInput(np.arange(24, dtype=np.float32).reshape(3, 2, 4), 2, np.array([5, 6]), -22.5)
PREPARED = Prepared(
    GROUND, True, make_prior(52.5, 13.4, 60.0, None, None), 70.0, (Notice("a", "b"),), (400, 300), "panorama"
)
SPENT = Spent(0.1, 0.2, 3.0)


def test_what_is_packed_comes_out_again() -> None:
    text, pixels = pack_prepared(PREPARED, SPENT)
    told, found = unpack(text, bytearray(pixels))
    assert isinstance(found, Prepared)
    np.testing.assert_array_equal(found.ground.pixels, GROUND.pixels)
    np.testing.assert_array_equal(found.ground.firsts, GROUND.firsts)
    assert (found.prior, found.notices, found.size_px) == (PREPARED.prior, PREPARED.notices, (400, 300))
    assert found.projection == "panorama"
    assert told.spent == SPENT


def test_errors_come_out_as_what_they_were() -> None:
    _, small = unpack(pack_error(ImageTooSmall("31 x 31"), SPENT), bytearray())
    _, parameter = unpack(pack_error(ParameterError("prior.lat", "is 91."), SPENT), bytearray())
    assert (type(small), str(small)) == (ImageTooSmall, "31 x 31")
    assert isinstance(parameter, ParameterError)
    assert (parameter.pointer, parameter.detail) == ("prior.lat", "is 91.")


LIES: list[dict[str, Any]] = [
    {"shape": [3, 2, 5]},
    {"shape": [24]},
    {"shape": [3, -2, -4]},
    {"shape": [0, 2, 4]},
    {"firsts": []},
    {"seen": "many"},
    {"error": "rate_limited"},
    {"error": "KeyError"},
    {"prior": {"lat": "north"}},
    {"projection": "fisheye"},
]


@pytest.mark.parametrize("lie", LIES)
def test_lies_are_found_out(lie: dict[str, Any]) -> None:
    text, pixels = pack_prepared(PREPARED, SPENT)
    with pytest.raises(WorkerLied):
        unpack(json.dumps(json.loads(text) | lie).encode(), bytearray(pixels))


@pytest.mark.parametrize("text", [b"", b"{", b"[]", b"\x80\x04N.", b'{"spent": NaN}'])
def test_what_is_no_json_is_a_lie(text: bytes) -> None:
    with pytest.raises(WorkerLied):
        unpack(text, bytearray())


def test_a_peer_that_stops_in_the_middle() -> None:
    one, other = socket.socketpair()
    with one, other:
        send(one, (b"abc", b"d"))
        assert receive(other, 4) == b"abcd"
        send(one, (b"ab",))
        with pytest.raises(TimeoutError):
            receive(other, 3, time.monotonic() + 0.05)
        one.close()
        with pytest.raises(EOFError):
            receive(other, 3)

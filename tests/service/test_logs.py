"""Log lines: whole, valid, without a word of what clients sent, and never worth waiting for."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import threading
import time
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from service.access_log import network_of
from service.app import create_app
from service.errors import AddressUnavailable
from service.index_localizer import IndexLocalizer
from service.logs import Format, Level, Outlet, open_log
from service.settings import Settings
from tests.service.conftest import WHOLE_CIRCLE, Client

NASTY = ["a\nb", "\r\n{}", '"}, {"level": "error', "\x1b[31mred", "\u2028\u0085", "\ud800", "%s %d", "nul\x00"]


@dataclass
class Heard:
    """What came out of a log."""

    text: str = ""

    @property
    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.text.split("\n")[:-1]]


@contextlib.contextmanager
def listening(form: Format = "json", level: Level = "info") -> Iterator[Heard]:
    """Collect what is logged inside."""
    heard, (reading, writing) = Heard(), os.pipe()
    with open(reading, "rb") as reader:  # noqa: PTH123
        with open_log(form, level, writing):
            yield heard
        os.close(writing)
        heard.text = reader.read().decode("ascii" if form == "json" else "utf-8")


def test_a_line_has_a_time_a_level_a_message_and_fields() -> None:
    with listening() as heard:
        logging.getLogger("skyfix").info("hello %s", "there", extra={"fields": {"count": 3}})
    (line,) = heard.lines
    assert line.pop("time").endswith("Z")
    assert line == {"level": "info", "logger": "skyfix", "message": "hello there", "count": 3}


@pytest.mark.parametrize("form", ["json", "text"])
@pytest.mark.parametrize("text", NASTY)
def test_nothing_ends_a_line_or_speaks_to_a_terminal(text: str, form: Format) -> None:
    with listening(form) as heard:
        logging.getLogger("skyfix").warning("%s", text, extra={"fields": {"value": text}})
    assert heard.text.count("\n") == 1
    assert heard.text[:-1].isprintable()
    if form == "json":
        assert heard.lines[0]["message"] == heard.lines[0]["value"] == text


def test_of_an_exception_its_kind_and_its_way_but_no_value() -> None:
    with listening() as heard:
        try:
            float("canary-52.5163")
        except ValueError:
            logging.getLogger("skyfix").exception("request failed")
    (line,) = heard.lines
    assert line["error"] == "ValueError"
    assert line["trace"][-1].startswith("service/test_logs.py:")
    assert "canary" not in heard.text


def test_other_libraries_are_heard_from_warnings_on_and_by_their_first_line() -> None:
    with listening(level="debug") as heard:
        logging.getLogger("PIL.TiffImagePlugin").debug("tag: GPSLatitude - value: canary")
        logging.getLogger("uvicorn.error").warning("Invalid HTTP request received.")
        logging.getLogger("asyncio").error("Task exception was never retrieved\nfuture: <canary>")
        logging.getLogger("skyfix").debug("detail")
        with warnings.catch_warnings():
            warnings.simplefilter("always")
            warnings.warn("old", DeprecationWarning, stacklevel=1)
    assert [line["logger"] for line in heard.lines] == ["uvicorn.error", "asyncio", "skyfix", "py.warnings"]
    assert "canary" not in heard.text


def test_whatever_nobody_catches_is_a_line() -> None:
    with listening() as heard:
        thread = threading.Thread(target=lambda: 1 / 0)
        thread.start()
        thread.join()
        with contextlib.suppress(AddressUnavailable), open_log("json", "info", os.open(os.devnull, os.O_WRONLY)):
            raise AddressUnavailable("gone")
    assert heard.lines[0]["error"] == "ZeroDivisionError"


def test_a_deliberate_end_is_the_last_line() -> None:
    reading, writing = os.pipe()
    with pytest.raises(AddressUnavailable), open_log("json", "info", writing):
        raise AddressUnavailable("Cannot listen.")
    os.close(writing)
    with open(reading, "rb") as reader:  # noqa: PTH123
        line = json.loads(reader.read())
    assert (line["level"], line["message"], line["code"]) == ("critical", "Cannot listen.", "address_unavailable")


def test_logging_is_as_before_afterwards() -> None:
    before = logging.getLogger().handlers[:], logging.getLogger("skyfix").level
    with listening():
        pass
    assert (logging.getLogger().handlers[:], logging.getLogger("skyfix").level) == before


def test_a_reader_who_does_not_read_costs_lines_and_no_time() -> None:
    reading, writing = os.pipe()
    outlet, told = Outlet(writing, most=10), []
    outlet.on_drop = lambda: told.append(1)
    started = time.monotonic()
    for _ in range(300):
        outlet.put("x" * 1000)
    assert time.monotonic() - started < 5
    assert outlet.dropped == len(told) > 150
    os.close(reading)
    outlet.close()
    os.close(writing)


def test_a_reader_who_is_gone_is_counted() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    outlet = Outlet(writing)
    outlet.put("one")
    outlet.put("two")
    outlet.close()
    os.close(writing)
    outlet.put("after the end")
    assert outlet.dropped == 3


def test_a_full_disk_is_counted() -> None:
    with open("/dev/full", "wb") as full:  # noqa: PTH123
        outlet = Outlet(full.fileno())
        outlet.put("one")
        outlet.close()
    assert outlet.dropped == 1


@pytest.mark.parametrize(
    ("host", "network"),
    [
        ("203.0.113.77", "203.0.113.0/24"),
        ("2001:db8:1:2::7", "2001:db8:1::/48"),
        ("::ffff:203.0.113.77", "203.0.113.0/24"),
        ("testclient", None),
    ],
)
def test_a_peer_is_told_by_its_network(host: str, network: str | None) -> None:
    assert network_of((host, 1234)) == network


def test_a_request_is_one_line(localizer: IndexLocalizer, photo: bytes) -> None:
    client = Client(create_app(Settings(), localizer))
    with listening() as heard:
        client.raw(photo, lat=52.5163, lon=13.3777, accuracy_m=60, **WHOLE_CIRCLE)
        client.form(b"no photo at all", lat="52.5163", lon="13.3777")
        client.get("/secret/52.5163?key=canary")
        client.get("/livez")
    answered, refused, lost = heard.lines
    assert answered["message"] == "request"
    assert (answered["route"], answered["status"], answered["bytes"]) == ("/localize", 200, len(photo))
    assert (answered["width_px"], answered["height_px"]) == (512, 256)
    assert (refused["status"], refused["code"]) == (415, "image_type_unsupported")
    assert (lost["route"], lost["status"]) == ("unmatched", 404)
    assert {"request_id", "ms", "peer"} <= set(answered)
    assert not any(word in heard.text for word in ("52.51", "13.37", "canary", "secret", "photo.png"))


def test_probes_are_lines_for_those_who_want_all(client: Client) -> None:
    with listening(level="debug") as heard:
        client.get("/livez")
    assert [line["route"] for line in heard.lines] == ["/livez"]

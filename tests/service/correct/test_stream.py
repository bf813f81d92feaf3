"""POST /correct in lines: one for one, bad lines told and passed over, limits of a whole call, order kept."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from service.app import create_app
from service.correct.lines import TooLong, lines_of
from service.errors import BodyTimeout, BodyTooLarge
from service.index_localizer import IndexLocalizer
from service.settings import Settings
from tests.service.conftest import Client, check_problem
from tests.service.correct.conftest import fix
from tests.service.door.conftest import running
from tests.service.world import encode, panorama

Json = dict[str, Any]
TYPE = {"Content-Type": "application/x-ndjson"}
CAMERA = {"projection": "panorama", "fov_deg": "360"}


def lines(*fixes: Any) -> bytes:
    return b"".join(each if isinstance(each, bytes) else json.dumps(each).encode() + b"\n" for each in fixes)


def ask(client: Client, content: Any, **query: str) -> tuple[list[Json], Json]:
    """Give the lines of an answer, and its summary."""
    answer = client.request("POST", "/correct", content=content, headers=TYPE, params={**CAMERA, **query})
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/x-ndjson"
    *told, summary = [json.loads(line) for line in answer.text.splitlines()]
    return told, summary["summary"]


def with_photo(number: int, **more: Any) -> Json:
    return fix(number, image=base64.b64encode(encode(panorama(number))).decode(), **more)


def test_a_line_out_for_every_line_in(fleet: Client) -> None:
    told, summary = ask(fleet, lines(with_photo(7, east_m=40.0), fix(8, device_id="b"), fix(9, device_id="c")))
    assert [line["corrected"]["status"] for line in told] == ["corrected", "kept", "kept"]
    assert [line["corrected"]["index"] for line in told] == [0, 1, 2]
    assert (summary["is_complete"], summary["fixes"], summary["problems"]) == (True, 3, 0)
    assert summary["statuses"] == {"corrected": 1, "kept": 2}


def test_lines_and_json_say_the_same_within_a_window(fleet: Client) -> None:
    fixes = [with_photo(7, east_m=40.0), fix(7, east_m=35.0, second=1), fix(7, east_m=30.0, second=2)]
    told, _ = ask(fleet, lines(*fixes))
    camera = {"projection": "panorama", "fov_deg": 360}
    whole = fleet.request("POST", "/correct", json={"fixes": fixes, "camera": camera}).json()
    assert [line["corrected"] for line in told] == whole["corrected"]


def test_a_bad_line_is_told_by_its_number_and_the_rest_goes_on(fleet: Client) -> None:
    content = lines(fix(7), b"\n", b"{\n", {**fix(8), "lat": 91}, b'{"lat": NaN, "lon": 1}\n', fix(9), {"fix": 1})
    told, summary = ask(fleet, content)
    assert [next(iter(line)) for line in told] == ["corrected", "problem", "problem", "problem", "corrected", "problem"]
    problems = [line["problem"] for line in told if "problem" in line]
    assert [(each["index"], each["line"], each["code"]) for each in problems] == [
        (1, 3, "malformed_json"),
        (2, 4, "invalid_parameter"),
        (3, 5, "malformed_json"),
        (5, 7, "unknown_parameter"),
    ]
    assert problems[1]["errors"] == [{"pointer": "lat", "detail": "has to be less than or equal to 90."}]
    assert [line["corrected"]["index"] for line in told if "corrected" in line] == [0, 4]
    assert (summary["problems"], summary["fixes"], summary["is_complete"]) == (4, 2, True)


def test_photos_of_many_windows_count_for_what_comes_after(fleet: Client) -> None:
    """250 fixes are three windows; the photo of the first moves fixes of its device in the second."""
    fixes = [with_photo(7, east_m=40.0), *(fix(7, east_m=40.0, second=0, device_id="v") for _ in range(0))]
    fixes += [fix(8, device_id=f"d{number}") for number in range(99)]
    fixes += [fix(7, east_m=40.0, second=1), *(fix(9, device_id=f"e{number}") for number in range(150))]
    told, summary = ask(fleet, lines(*fixes))
    assert [line["corrected"]["index"] for line in told] == list(range(251))
    assert told[100]["corrected"]["status"] == "corrected"
    assert told[100]["corrected"]["visual_used"] is False
    assert summary["statuses"] == {"corrected": 2, "kept": 249}


def test_notices_name_lines_whatever_window_they_were_in(fleet: Client) -> None:
    bad = base64.b64encode(b"no photo at all, but long enough").decode()
    content = lines(b"{\n", *[fix(8, device_id=f"d{number}") for number in range(120)], fix(7, image=bad), b"[]\n")
    told, summary = ask(fleet, lines(content, fix(8, device_id="d0", second=5), fix(8, device_id="d0", second=3)))
    assert len(told) == 125
    notices = {notice["code"]: notice["fix_indexes"] for notice in summary["notices"]}
    assert notices == {"image_type_unsupported": [121], "timestamps_out_of_sequence": [124]}


def test_a_call_has_a_thousand_fixes_and_no_more(fleet: Client) -> None:
    told, summary = ask(fleet, lines(*[fix(7, device_id=f"d{number}") for number in range(1010)]))
    assert [line["corrected"]["index"] for line in told[:-1]] == list(range(1000))
    assert told[-1]["problem"]["code"] == "invalid_parameter"
    assert "line" not in told[-1]["problem"]
    assert (summary["is_complete"], summary["fixes"]) == (False, 1000)


def test_a_call_has_32_photos_and_no_more(fleet: Client) -> None:
    photo = base64.b64encode(b"no photo").decode()
    told, summary = ask(fleet, lines(*[fix(7, device_id=f"d{number}", image=photo) for number in range(34)]))
    assert len(told) == 33
    assert "photos" in told[-1]["problem"]["detail"]
    assert (summary["is_complete"], summary["fixes"]) == (False, 32)


def test_what_is_wrong_before_the_first_line_is_a_problem_as_elsewhere(fleet: Client) -> None:
    for query, status, code in (
        ("?index=elsewhere", 404, "unknown_index"),
        ("?false_alarm_rate=2", 422, "invalid_parameter"),
        ("?fov=3", 422, "unknown_parameter"),
        ("?format=traccar", 422, "invalid_parameter"),
    ):
        check_problem(fleet.request("POST", f"/correct{query}", content=lines(fix(7)), headers=TYPE), status, code)


def test_a_full_service_refuses_lines_before_it_reads_them(calibrated: IndexLocalizer) -> None:
    client = Client(create_app(Settings(places=1), calibrated))

    async def with_the_place_taken(asking: httpx.AsyncClient) -> httpx.Response:
        with client.app.state.service.pipeline.place():
            return await asking.post("/correct", content=lines(fix(7)), headers=TYPE)

    check_problem(client.run(with_the_place_taken), 429, "overloaded")
    assert client.metric("skyfix_queue_depth", queue="localize") == 0.0


def test_a_body_that_is_too_large_ends_the_stream_with_a_problem(calibrated: IndexLocalizer) -> None:
    client = Client(create_app(Settings(max_body_bytes=1024, max_many_body_bytes=4096), calibrated))

    async def chunks() -> AsyncIterator[bytes]:
        for number in range(40):
            yield lines(fix(7, device_id=f"d{number}"))

    told, summary = ask(client, chunks())
    assert told[-1]["problem"]["code"] == "body_too_large"
    assert summary["is_complete"] is False
    assert summary["fixes"] == len(told) - 1 > 5


def test_windows_are_answered_while_the_body_still_comes(calibrated: IndexLocalizer) -> None:
    """Over a real socket: the first window's lines are there before the last line is sent."""
    with running(Settings(), calibrated) as service:
        seen: list[int] = []
        arrived = asyncio.Event()

        async def body() -> AsyncIterator[bytes]:
            yield lines(*[fix(7, device_id=f"d{number}") for number in range(100)])
            await asyncio.wait_for(arrived.wait(), 10)
            yield lines(fix(8))

        async def talk() -> None:
            reader, writer = await asyncio.open_connection("127.0.0.1", service.port)
            writer.write(
                b"POST /correct HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/x-ndjson\r\n"
                b"Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
            )

            async def send() -> None:
                async for chunk in body():
                    writer.write(b"%x\r\n%s\r\n" % (len(chunk), chunk))
                    await writer.drain()
                writer.write(b"0\r\n\r\n")

            sending = asyncio.create_task(send())
            received = b""
            while chunk := await reader.read(65536):
                received += chunk
                seen.append(received.count(b'"corrected"'))
                if b'"index":99' in received:
                    arrived.set()
            await sending
            writer.close()
            assert received.count(b'{"corrected"') == 101
            assert b'"is_complete":true' in received

        asyncio.run(talk())


async def cut(chunks: list[bytes], *, most: int = 10_000, longest: int = 10, deadline_s: float = 1.0) -> list[Any]:
    async def given() -> AsyncIterator[bytes]:
        for chunk in chunks:
            yield chunk

    found = [line async for line in lines_of(given(), most, longest, deadline_s)]
    return ["too long" if isinstance(line, TooLong) else line for line in found]


@pytest.mark.parametrize(
    ("chunks", "expected"),
    [
        ([], []),
        ([b"a\nb"], [b"a", b"b"]),
        ([b"a\nb\n"], [b"a", b"b"]),
        ([b"a", b"b", b"\n", b"\n", b"c"], [b"ab", b"", b"c"]),
        ([b"0123456789\n", b"01234567890\n", b"x"], [b"0123456789", "too long", b"x"]),
        ([b"01234", b"56789", b"0123", b"4\nok\n"], ["too long", b"ok"]),
        ([b"0" * 50], ["too long"]),
    ],
)
def test_lines_are_cut_wherever_chunks_end(chunks: list[bytes], expected: list[Any]) -> None:
    assert asyncio.run(cut(chunks)) == expected


def test_lines_that_come_too_slowly_or_are_too_many(fleet: Client) -> None:  # noqa: ARG001
    async def slow() -> AsyncIterator[bytes]:
        yield b"a\n"
        await asyncio.sleep(30)

    async def take() -> None:
        async for _ in lines_of(slow(), 100, 100, 0.05):
            pass

    with pytest.raises(BodyTimeout):
        asyncio.run(take())
    with pytest.raises(BodyTooLarge):
        asyncio.run(cut([b"a\n"] * 100, most=50))

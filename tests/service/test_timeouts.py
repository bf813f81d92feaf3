from __future__ import annotations

import pytest

from service.app import create_app
from service.index_localizer import IndexLocalizer
from service.settings import Settings
from tests.service.conftest import Client, check_problem


def _ask(client: Client, photo: bytes, timeout: str) -> dict[str, object]:
    headers = {"Content-Type": "image/png", "X-Request-Timeout-Ms": timeout}
    response = client.request("POST", "/localize", content=photo, headers=headers)
    if response.status_code == 200:
        return {"status_code": 200}
    return check_problem(response, 422, "invalid_parameter")


def test_a_photo_that_waited_too_long_is_not_begun(localizer: IndexLocalizer, photo: bytes) -> None:
    client = Client(create_app(Settings(deadline_s=1e-6), localizer))
    check_problem(client.raw(photo), 504, "deadline_exceeded")
    assert client.metric("skyfix_rejected_total", reason="deadline_exceeded") == 1


@pytest.mark.parametrize("value", ["0", "soon", "-5", "1e3"])
def test_a_timeout_that_is_no_number_is_refused(client: Client, photo: bytes, value: str) -> None:
    assert _ask(client, photo, value)["errors"] == [
        {"pointer": "x-request-timeout-ms", "detail": "is not a whole number of milliseconds from 1 to 600000."}
    ]


def test_with_time_enough_there_is_an_answer(client: Client, photo: bytes) -> None:
    assert _ask(client, photo, "20000") == {"status_code": 200}
    assert client.metric("skyfix_batch_size_count", stage="inference") == 1

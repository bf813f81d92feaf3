"""What the OpenAPI document shows of /correct is taken, and what was answered is an answer."""

from __future__ import annotations

import json
from typing import Any

import pytest
from jsonschema import ValidationError

from service.correct.examples import ANSWER, QUESTION, STREAM, STREAMED
from service.correct.reading import ACCEPTED, FORMATS, NDJSON
from service.correct.responses import CorrectResponse, SummaryOut
from service.correct.schema import CorrectRequest
from service.correct.settled import FLAT
from tests.service.conftest import Client
from tests.service.correct.conftest import form
from tests.service.documents import PUBLIC, check, check_answer
from tests.service.test_openapi import LOCALIZE

Json = dict[str, Any]
OPERATION: Json = PUBLIC["paths"]["/correct"]["post"]
CONTENT: Json = OPERATION["requestBody"]["content"]


def test_every_encoding_is_in_the_document() -> None:
    assert set(CONTENT) == set(ACCEPTED)
    named = {each["name"] for each in OPERATION["parameters"] if each["in"] == "query"}
    assert named == {"format", *FLAT}
    formats = next(each for each in OPERATION["parameters"] if each["name"] == "format")["schema"]["enum"]
    assert formats == list(FORMATS)
    headers = {each["name"] for each in OPERATION["parameters"] if each["in"] == "header"}
    assert headers == {each["name"] for each in LOCALIZE["parameters"] if each["in"] == "header"}


@pytest.mark.parametrize("media_type", sorted(set(ACCEPTED) - {"multipart/form-data"}))
def test_an_example_can_be_sent_as_it_is(fleet: Client, media_type: str) -> None:
    example = CONTENT[media_type]["example"]
    body = example if isinstance(example, str) else json.dumps(example)
    answer = fleet.request("POST", "/correct", content=body, headers={"Content-Type": media_type})
    assert answer.status_code == 200, answer.text
    if media_type == NDJSON:
        assert json.loads(answer.text.splitlines()[-1])["summary"]["is_complete"]
    else:
        check_answer(answer, "/correct")


def test_the_form_that_is_shown_needs_its_photo(fleet: Client) -> None:
    example = CONTENT["multipart/form-data"]["example"]["fixes"]
    answer = fleet.request("POST", "/correct", files=form(example, img0=b"no photo"))
    assert answer.status_code == 200, answer.text
    told = {notice["code"]: notice["fix_indexes"] for notice in answer.json()["notices"]}
    assert told["image_undecodable"] == [0]


def test_what_was_answered_is_an_answer() -> None:
    assert CorrectResponse.model_validate(ANSWER).model_dump(mode="json", exclude_none=True) == ANSWER
    assert len(ANSWER["corrected"]) == len(QUESTION["fixes"])
    assert {one["status"] for one in ANSWER["corrected"]} == {"corrected", "kept"}
    first, problem, summary = STREAMED
    assert [next(iter(line)) for line in STREAMED] == ["corrected", "problem", "summary"]
    assert (problem["problem"]["line"], len(STREAM)) == (2, 2)
    assert first["corrected"]["status"] == "kept"
    assert SummaryOut.model_validate(summary["summary"]).is_complete


BOTH: list[tuple[Json, bool]] = [
    ({"fixes": []}, False),
    ({"fixes": [{"lat": 1, "lon": 2}]}, True),
    ({"fixes": [{"lat": 1, "lon": 2}] * 1001}, False),
    ({"fixes": [{"lat": 1, "lon": 2, "accuracy_percentile": 68}]}, False),
    ({"fixes": [{"lat": 1, "lon": 2, "timestamp": "2026-11-21T20:23:10Z"}]}, True),
    ({"fixes": [{"lat": 1, "lon": 2, "timestamp": "2026-11-21T20:23:60Z"}]}, False),
    ({"fixes": [{"lat": 1, "lon": 2, "timestamp": "2026-11-21T20:23:10"}]}, False),
    ({"fixes": [{"lat": 1, "lon": 2, "device_id": ""}]}, False),
    ({"fixes": [{"lat": 1, "lon": 2, "device_id": "van 17 (old)"}]}, True),
    ({"fixes": [{"lat": 1, "lon": 2, "device_id": "é"}]}, False),
    ({"fixes": [{"lat": 1, "lon": 2, "altitude": 3}]}, False),
    ({"fixes": [{"lat": 1, "lon": 2}], "false_alarm_rate": 0}, False),
    ({"fixes": [{"lat": 1, "lon": 2}], "camera": {"yaw_deg": 90}}, True),
    ({"fixes": [{"lat": 1, "lon": 2}], "search": {"mode": "auto"}}, False),
    ({"fixes": [{"lat": 1, "lon": 2}], "smooth": None}, False),
]


@pytest.mark.parametrize(("asked", "good"), BOTH, ids=[json.dumps(asked)[:70] for asked, _ in BOTH])
def test_schema_and_service_take_the_same_calls(asked: Json, good: bool) -> None:
    for takes in (
        lambda: check(asked, {"$ref": "#/components/schemas/CorrectRequest"}),
        lambda: CorrectRequest.model_validate(asked),
    ):
        try:
            takes()
        except (ValueError, ValidationError):
            assert not good
        else:
            assert good

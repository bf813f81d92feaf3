"""`include` over HTTP: asked in every encoding, told only then, small."""

from __future__ import annotations

import base64
import json

import numpy as np
import pytest

from tests.service.conftest import WHOLE_CIRCLE, Client, check_problem
from tests.service.documents import check_answer
from tests.service.world import encode, panorama


def test_flat_and_nested_ask_for_the_same(client: Client) -> None:
    photo = encode(panorama(7, 20.0))
    flat = client.raw(photo, include="attention", **WHOLE_CIRCLE)
    document = {"camera": {"projection": "panorama", "fov_deg": 360}, "include": ["attention"]}
    nested = client.form(photo, request=json.dumps(document))
    check_answer(flat, "/localize")
    assert flat.json()["attention"] == nested.json()["attention"]


def test_it_is_left_out_where_it_was_not_asked(client: Client) -> None:
    assert "attention" not in client.raw(encode(panorama(7)), **WHOLE_CIRCLE).json()
    document = {"include": [], "camera": {"projection": "panorama", "fov_deg": 360}}
    assert "attention" not in client.form(encode(panorama(7)), request=json.dumps(document)).json()


def test_it_is_small_and_says_how_it_lies(client: Client) -> None:
    answer = client.raw(encode(panorama(7, 20.0)), include="attention", **WHOLE_CIRCLE).json()
    found = answer["attention"]
    assert len(json.dumps(found)) <= 4096
    for name in ("photo", "tile"):
        grid = found[name]
        values = np.frombuffer(base64.b64decode(grid["values"]), dtype=np.uint8)
        assert values.size == grid["width"] * grid["height"]
        assert values.max() == 255
    columns = found["columns"]
    assert np.mean(columns["cosines"]) == pytest.approx(answer["candidates"][0]["similarity"], abs=1e-3)
    assert columns["step_deg"] == 45.0


@pytest.mark.parametrize(("include", "status"), [("attention,attention", 200), ("Attention", 422), ("", 422)])
def test_another_word_is_refused(client: Client, include: str, status: int) -> None:
    answer = client.raw(encode(panorama(7)), include=include, **WHOLE_CIRCLE)
    assert answer.status_code == status
    if status == 422:
        problem = check_problem(answer, 422, "invalid_parameter")
        assert problem["errors"][0]["pointer"] == "include"


def test_a_nested_word_is_pointed_at(client: Client) -> None:
    answer = client.form(encode(panorama(7)), request=json.dumps({"include": ["saliency"]}))
    problem = check_problem(answer, 422, "invalid_parameter")
    assert problem["errors"][0]["pointer"] == "include.0"


def test_each_photo_of_a_batch_may_ask_and_a_set_may_not(client: Client) -> None:
    photo = encode(panorama(7))
    camera = {"projection": "panorama", "fov_deg": 360}
    files = [("image", ("photo.png", photo, "image/png"))] * 2
    said = {"camera": camera, "images": [{"include": ["attention"]}, {}]}
    batch = client.request("POST", "/localize/batch", files=files, data={"request": json.dumps(said)}).json()
    assert [("attention" in result["answer"]) for result in batch["results"]] == [True, False]
    said = {"camera": camera, "include": ["attention"], "images": [{}, {}]}
    refused = client.request("POST", "/localize/set", files=files, data={"request": json.dumps(said)})
    check_problem(refused, 422, "unknown_parameter")

"""Sample photos: what a list may name, and what is served of a folder."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from models.errors import UsageError
from service.app import create_app
from service.index_localizer import IndexLocalizer
from service.page.samples import LIST, MOST, Told, read_samples, write_samples
from service.settings import Settings
from tests.service.conftest import Client

GOOD: dict[str, Any] = {
    "file": "a.png",
    "caption": "거리",
    "fields": {"fov_deg": "70"},
    "truth": {"lat": 48.0, "lon": 9.0},
}


@pytest.fixture
def folder(tmp_path: Path, photo: bytes) -> Path:
    inside = tmp_path / "samples"
    inside.mkdir()
    (inside / "a.png").write_bytes(photo)
    (inside / "notes.txt").write_text("mine")
    (tmp_path / "secret.png").write_bytes(photo)
    return inside


def test_what_was_written_is_read(folder: Path) -> None:
    told: Told = {"file": "a.png", "caption": "거리", "fields": {}, "truth": None}
    write_samples(folder, [told])
    sample = read_samples(folder)["a.png"]
    assert (sample.path, sample.media_type, sample.told) == (folder / "a.png", "image/png", told)


@pytest.mark.parametrize(
    ("listed", "said"),
    [
        ("{", "no list of samples"),
        (json.dumps(GOOD), "no list of samples"),
        (json.dumps([GOOD | {"fields": {"fov_deg": 70}}]), "fields.fov_deg"),
        (json.dumps([GOOD | {"truth": {"lat": 48.0}}]), "truth.lon"),
        (json.dumps([{"file": "a.png"}]), "caption"),
        (json.dumps([GOOD | {"file": "../secret.png"}]), "'../secret.png'"),
        (json.dumps([GOOD | {"file": "notes.txt"}]), "no JPEG, PNG or WebP"),
        (json.dumps([GOOD | {"file": "b.png"}]), "beside it"),
        (json.dumps([GOOD | {"file": ""}]), "beside it"),
    ],
)
def test_a_bad_list_is_refused_with_its_reason(folder: Path, listed: str, said: str) -> None:
    (folder / LIST).write_text(listed, encoding="utf-8")
    with pytest.raises(UsageError, match="samples") as refused:
        read_samples(folder)
    assert said in str(refused.value)


def test_a_folder_without_a_list_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read"):
        read_samples(tmp_path)


def test_a_long_list_is_cut(folder: Path) -> None:
    (folder / LIST).write_text(json.dumps([GOOD] * MOST + [GOOD | {"file": "gone.png"}]), encoding="utf-8")
    assert list(read_samples(folder)) == ["a.png"]


def test_samples_are_served_and_nothing_else_of_the_folder(
    folder: Path, photo: bytes, localizer: IndexLocalizer, settings: Settings
) -> None:
    (folder / LIST).write_text(json.dumps([GOOD]), encoding="utf-8")
    client = Client(create_app(settings.model_copy(update={"page_samples": folder}), localizer))
    assert client.get("/samples/list").json() == {"samples": [GOOD]}
    sent = client.get("/samples/a.png")
    assert (sent.content, sent.headers["content-type"]) == (photo, "image/png")
    for path in ("/samples/notes.txt", "/samples/samples.json", "/samples/..%2fsecret.png", "/samples/a.PNG"):
        assert client.get(path).status_code == 404
    assert client.get("/info").json()["page"]["demo"] is True
    (folder / "a.png").unlink()
    assert client.get("/samples/a.png").status_code == 404


def test_without_samples_the_list_is_empty(client: Client) -> None:
    assert client.get("/samples/list").json() == {"samples": []}
    assert client.get("/info").json()["page"].get("demo") is False

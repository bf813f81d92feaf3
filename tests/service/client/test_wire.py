"""Both clients against a server that misbehaves, the key that nobody gets to see, and what the package depends on."""

from __future__ import annotations

import ast
import dataclasses
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

import service.client
from service import info, responses, schema
from service.client import (
    Client,
    ConnectionFailed,
    DeadlinePassed,
    ProblemError,
    Retries,
    UnexpectedAnswer,
    answers,
    question,
)
from service.client.wire import Endpoint, endpoint
from service.explaining import responses as explaining
from service.problems import NotReadyProblem
from service.requests import RAW_TYPES
from service.settings import load_settings
from tests.service.client.conftest import Ask, Said, fake, problem

KEY = "k" * 43
HTML = {"Content-Type": "text/html"}


@pytest.mark.parametrize(("status", "code"), [(429, "rate_limited"), (503, "draining")])
def test_a_full_house_is_asked_again_with_the_same_photo(ask: Ask, status: int, code: str) -> None:
    with fake(problem(status, code), problem(status, code), problem(422, "image_empty")) as server:
        with pytest.raises(ProblemError, match="image_empty"):
            ask(server.url, "localize", b"photo")
        assert [body for _, _, body in server.asked] == [b"photo"] * 3
        server.replies[:] = [problem(status, code)]
        with pytest.raises(ProblemError, match=code):
            ask(server.url, "localize", b"photo")
        assert len(server.asked) == 3 + 4


def test_retry_after_is_kept(ask: Ask) -> None:
    with fake(problem(429, "rate_limited", **{"Retry-After": "1"}), problem(422, "image_empty")) as server:
        started = time.monotonic()
        with pytest.raises(ProblemError) as caught:
            ask(server.url, "localize", b"photo")
        assert time.monotonic() - started >= 1.0
        assert caught.value.code == "image_empty"
        left = [int(headers["x-request-timeout-ms"]) for _, headers, _ in server.asked]
        assert 29_000 < left[0] <= 30_000
        assert left[1] <= left[0] - 1000


def test_a_wait_beyond_the_time_is_the_refusal_itself(ask: Ask) -> None:
    with fake(problem(503, "not_ready", **{"Retry-After": "60"})) as server:
        with pytest.raises(ProblemError) as caught:
            ask(server.url, "localize", b"photo", timeout_s=5)
        assert (caught.value.status, len(server.asked)) == (503, 1)


def test_a_connection_that_is_hung_up_is_tried_again(ask: Ask) -> None:
    with fake(Said(hang_up=True), Said(hang_up=True), Said()) as server:
        assert ask(server.url, "ready").index == "fake@1"
        assert len(server.asked) == 3
        server.replies[:] = [Said(hang_up=True)]
        with pytest.raises(ConnectionFailed, match="4 attempts"):
            ask(server.url, "ready")


def test_nobody_there(ask: Ask) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(ConnectionFailed) as caught:
        ask(f"http://127.0.0.1:{port}", "ready")
    assert caught.value.__cause__ is not None


@pytest.mark.parametrize("reply", [Said(body=b"x" * 100, pause_s=0.1), Said(pause_s=30)])
def test_an_answer_that_comes_too_slowly(ask: Ask, reply: Said) -> None:
    with fake(reply) as server, pytest.raises(DeadlinePassed):
        ask(server.url, "ready", timeout_s=0.3)


@pytest.mark.parametrize(
    "reply",
    [
        Said(502, b"<h1>Bad Gateway</h1>", HTML),
        Said(503, b"{}", {"Content-Type": "application/problem+json"}),
        Said(200, b"<h1>Welcome</h1>", HTML),
        Said(200, b"[1]"),
        Said(200, b"\xff{"),
        Said(301, b"", {"Location": "http://127.0.0.1:1/elsewhere"}),
        Said(200, b"not gzip", {"Content-Encoding": "br, gzip"}),
    ],
)
def test_what_is_no_answer_is_told_from_one(ask: Ask, reply: Said) -> None:
    expected = ConnectionFailed if "Content-Encoding" in reply.headers else UnexpectedAnswer
    with fake(reply) as server, pytest.raises(expected):
        ask(server.url, "info", options={"retries": Retries(most=0)})


def test_an_endless_answer_is_not_gathered(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("service.client.wire.MOST_ANSWER_BYTES", 1000)
    with fake(Said(body=b" " * 2000)) as server, pytest.raises(UnexpectedAnswer, match="more than 1000 bytes"):
        ask(server.url, "info")


def test_headers_and_query_of_a_photo(ask: Ask) -> None:
    with fake(problem(422, "image_empty")) as server:
        trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
        with pytest.raises(ProblemError):
            ask(
                server.url + "/",
                "localize",
                b"\x89PNG\r\n\x1a\n",
                camera=question.Camera(heading_deg=210, fov_deg=68.5),
                exif=question.Exif(use_gps_as_prior=True),
                search=question.Search(index="a&b=c"),
                top_k=2,
                request_id="r1",
                traceparent=trace,
                options={"api_key": KEY},
            )
        path, headers, _ = server.asked[0]
    assert path == "/localize?top_k=2&index=a%26b%3Dc&fov_deg=68.5&heading_deg=210&use_gps_as_prior=true"
    assert (headers["content-type"], headers["traceparent"], headers["x-request-id"]) == ("image/png", trace, "r1")
    assert headers["authorization"] == f"Bearer {KEY}"
    assert "application/json" in headers["accept"]


@pytest.mark.parametrize(
    ("given", "environ", "expected"),
    [
        ((None, None, None), {}, Endpoint("http://127.0.0.1:8080")),
        (("https://a.example/maps/", None, None), {}, Endpoint("https://a.example/maps")),
        ((None, None, None), {"SKYFIX_URL": "http://b:1", "SKYFIX_API_KEY": KEY}, Endpoint("http://b:1", KEY)),
        (("http://a", KEY[1:], None), {"SKYFIX_URL": "http://b", "SKYFIX_API_KEY": KEY}, Endpoint("http://a", KEY[1:])),
    ],
)
def test_where_and_with_which_key(given: tuple[Any, Any, Any], environ: dict[str, str], expected: Endpoint) -> None:
    assert endpoint(*given, environ) == expected


def test_a_key_from_a_file_that_the_environment_names(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text(f"{KEY}\n")
    assert endpoint(None, None, None, {"SKYFIX_API_KEY_FILE": str(file)}).key == KEY
    with pytest.raises(FileNotFoundError):
        endpoint(None, None, tmp_path / "nowhere", {})
    file.write_text("zwölf äpfel")
    with pytest.raises(ValueError, match="skyfix keys new"):
        endpoint(None, None, file, {})


@pytest.mark.parametrize(
    ("given", "word"),
    [
        (("127.0.0.1:8080", None, None), "base URL"),
        (("ftp://a", None, None), "base URL"),
        (("http://user:word@a", None, None), "base URL"),
        (("http://a", "secret with spaces", None), "API key"),
        (("http://a", "secret-secret-secret\r\nX-Evil: 1", None), "API key"),
        (("http://a", KEY, "file"), "not both"),
    ],
)
def test_what_cannot_be_an_address_or_a_key(given: tuple[Any, Any, Any], word: str) -> None:
    with pytest.raises(ValueError, match=word) as caught:
        endpoint(*given, {})
    assert "secret" not in str(caught.value)
    assert "user:word" not in str(caught.value)


def test_the_key_is_never_shown(ask: Ask) -> None:
    with Client("http://127.0.0.1:1", api_key=KEY, retries=Retries(most=0)) as client:
        assert KEY not in repr(client) + repr(vars(client))
        with pytest.raises(ConnectionFailed) as caught:
            client.info()
    assert KEY not in repr(caught.value) + repr(caught.value.__cause__)
    with pytest.raises(ValueError, match="timeout_s"):
        ask("http://127.0.0.1:1", "info", timeout_s=0)


def test_the_variables_of_the_client_do_not_pass_for_settings_of_the_service() -> None:
    """Who sets a client's key and thinks that the service asks for it has to hear so."""
    with pytest.raises(Exception, match="SKYFIX_API_KEY is not a setting"):
        load_settings({"SKYFIX_API_KEY": KEY})


PAIRS: tuple[tuple[type[Any], type[BaseModel]], ...] = (
    (answers.Answer, responses.LocalizeResponse),
    (answers.Position, responses.PositionOut),
    (answers.Heading, responses.HeadingOut),
    (answers.Candidate, responses.CandidateOut),
    (answers.Tile, responses.TileOut),
    (answers.Searched, responses.SearchOut),
    (answers.Notice, responses.NoticeOut),
    (answers.Attention, explaining.AttentionOut),
    (answers.Grid, explaining.GridOut),
    (answers.Columns, explaining.ColumnsOut),
    (answers.Info, info.InfoResponse),
    (answers.ModelInfo, info.ModelInfo),
    (answers.Licence, info.LicenceOut),
    (answers.IndexInfo, info.IndexInfo),
    (answers.Imagery, info.ImageryInfo),
    (answers.Page, info.PageInfo),
    (answers.Limits, info.LimitsInfo),
    (answers.IndexState, responses.IndexState),
    (question.Prior, schema.PriorRequest),
    (question.Camera, schema.CameraRequest),
    (question.Search, schema.SearchRequest),
    (question.Exif, schema.ExifRequest),
)


@pytest.mark.parametrize(("mine", "theirs"), PAIRS, ids=[theirs.__name__ for _, theirs in PAIRS])
def test_the_fields_are_those_of_the_service(mine: type[Any], theirs: type[BaseModel]) -> None:
    assert {each.name for each in dataclasses.fields(mine)} == set(theirs.model_fields)


def test_a_problem_and_readiness_have_all_that_is_said() -> None:
    assert {each.name for each in dataclasses.fields(answers.Problem)} == set(NotReadyProblem.model_fields) - {"type"}
    assert {each.name for each in dataclasses.fields(answers.Ready)} == {"index", "indexes", "degraded"}
    assert set(responses.ReadyResponse.model_fields) == {"status", "index", "indexes", "providers", "degraded"}


def test_it_imports_only_httpx_and_pydantic() -> None:
    allowed = {"httpx", "pydantic", "service.client", "__future__", *sys.stdlib_module_names}
    for path in Path(*service.client.__path__).glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import | ast.ImportFrom):
                names = [node.module or "."] if isinstance(node, ast.ImportFrom) else [each.name for each in node.names]
                for name in names:
                    assert name.split(".")[0] in allowed or name.startswith("service.client"), (path.name, name)


def test_it_loads_nothing_else_of_the_service() -> None:
    code = "import sys, service.client; print([m for m in sys.modules if m.split('.')[0] in ('models', 'index', 'fastapi', 'numpy') or m.startswith('service.') and not m.startswith('service.client')])"  # noqa: E501
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60)
    assert done.stdout.strip() == "[]", done.stderr


@pytest.mark.parametrize(
    ("data", "media_type"),
    [
        (b"\xff\xd8\xff\xe0", "image/jpeg"),
        (b"\x89PNG\r\n\x1a\n", "image/png"),
        (b"RIFF\0\0\0\0WEBPVP8 ", "image/webp"),
        (b"RIFF\0\0\0\0WAVEfmt ", "image/jpeg"),
        (b"\0\0\0\x18ftypheic\0\0\0\0", "image/heic"),
        (b"", "image/jpeg"),
    ],
)
def test_the_media_type_by_the_first_bytes(data: bytes, media_type: str) -> None:
    assert question.media_type_of(data) == media_type
    assert media_type in RAW_TYPES


def test_a_file_that_is_no_photo_for_any_service_is_not_sent(tmp_path: Path) -> None:
    huge = tmp_path / "huge.jpg"
    with huge.open("wb") as file:
        file.truncate(question.MOST_IMAGE_BYTES + 1)
    with pytest.raises(ValueError, match="more than"):
        question.bytes_of(huge)
    with (tmp_path / "text").open("w+") as text, pytest.raises(ValueError, match="'rb'"):
        question.bytes_of(text)  # type: ignore[arg-type]

"""docs/clients.md: what it shows can be sent, and names nothing that the OpenAPI document does not know."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from service.index_localizer import IndexLocalizer
from service.settings import Settings
from tests.service.documents import PUBLIC, check
from tests.service.door.conftest import Running, running
from tests.service.world import encode, panorama

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/clients.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
LOCALIZE: dict[str, Any] = PUBLIC["paths"]["/localize"]["post"]
STANDARD = {"authorization", "x-api-key", "content-type", "accept"}


def blocks(language: str) -> list[str]:
    return [text for name, text in BLOCKS if name == language]


def _names(part: object) -> Iterator[str]:
    """Property names and closed words of every schema."""
    if isinstance(part, dict):
        yield from part.get("properties", {})
        yield from (word for word in (*part.get("enum", ()), part.get("const")) if isinstance(word, str))
        for each in part.values():
            yield from _names(each)
    elif isinstance(part, list):
        for each in part:
            yield from _names(each)


WORDS = {*_names(PUBLIC), *(parameter["name"] for parameter in LOCALIZE["parameters"])}
HEADERS = {
    *STANDARD,
    *(parameter["name"].lower() for parameter in LOCALIZE["parameters"] if parameter["in"] == "header"),
    *(name.lower() for answer in LOCALIZE["responses"].values() for name in answer.get("headers", {})),
}
TYPES = {*LOCALIZE["requestBody"]["content"], *LOCALIZE["responses"]["200"]["content"]}
CURLS = [line for block in blocks("sh") for line in block.splitlines() if line.startswith("curl")]


@pytest.fixture(scope="module")
def served(localizer: IndexLocalizer) -> Iterator[Running]:
    with running(Settings(), localizer) as service:
        yield service


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "photo.jpg").write_bytes(encode(panorama(7), "JPEG"))
    return tmp_path


def check_header(name: str, value: str) -> None:
    assert name.lower() in HEADERS, name
    if name.lower() in ("content-type", "accept"):
        assert value in TYPES, value


@pytest.mark.parametrize("line", CURLS)
def test_a_curl_line_names_what_exists(line: str) -> None:
    words = shlex.split(line)
    url = urlsplit(next(word for word in words if word.startswith("http")))
    method = "post" if {"-F", "--data-binary"} & set(words) else "get"
    assert method in PUBLIC["paths"][url.path]
    query = {parameter["name"] for parameter in LOCALIZE["parameters"] if parameter["in"] == "query"}
    assert {name for name, _ in parse_qsl(url.query)} <= query
    flat, nested = LOCALIZE["requestBody"]["content"]["multipart/form-data"]["schema"]["anyOf"]
    fields = dict(words[place + 1].split("=", 1) for place, word in enumerate(words) if word == "-F")
    assert not fields or set(fields) <= set(flat["properties"]) or set(fields) <= set(nested["properties"])
    if "request" in fields:
        check(json.loads(fields["request"].split(";")[0]), {"$ref": "#/components/schemas/LocalizeRequest"})
    for place, word in enumerate(words):
        if word == "-H":
            check_header(*words[place + 1].split(": ", 1))


@pytest.mark.skipif(shutil.which("curl") is None, reason="no curl here")
def test_curl_lines_are_answered(served: Running, folder: Path) -> None:
    for line in CURLS:
        script = line.replace("http://127.0.0.1:8080", f"http://127.0.0.1:{served.port}") + " -w '\n%{http_code}'"
        done = subprocess.run(
            ["bash", "-c", script],
            cwd=folder,
            env={"KEY": "k" * 20, "PATH": "/usr/bin:/bin"},
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        )
        assert done.stdout.endswith("\n200"), (line, done.stdout)


@pytest.mark.parametrize("code", blocks("python"))
def test_python_runs_as_it_is_shown(served: Running, folder: Path, code: str) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        cwd=folder,
        env={"SKYFIX_URL": f"http://127.0.0.1:{served.port}", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout


@pytest.mark.parametrize("language", ["kotlin", "swift"])
def test_words_headers_and_paths_of_a_phone_exist(language: str) -> None:
    (code,) = blocks(language)
    literals = re.findall(
        r'"((?:[^"\\$]|\\.|\$(?!\{))*)"', re.sub(r"\$\{[^}]*\}", "", re.sub(r"//.*|/\*.*?\*/", "", code))
    )
    words = {text for text in literals if re.fullmatch(r"[a-z][a-z0-9_]*", text)}
    assert {"lat", "lon", "accuracy_m", "accuracy_percentile", "status", "code", "detail", "request_id"} <= words
    assert words <= WORDS, words - WORDS
    headers = {text for text in literals if re.fullmatch(r"[A-Z][A-Za-z]*(-[A-Za-z]+)*", text)} - {"POST"}
    assert {"Authorization", "X-Request-Timeout-Ms", "Retry-After"} <= headers
    assert {name.lower() for name in headers} <= HEADERS, headers
    paths = {match for text in literals for match in re.findall(r"/[a-z]+$", text) if not text.startswith("image")}
    assert paths == {"/localize"}
    assert {text for text in literals if text.startswith(("image/", "application/"))} <= TYPES
    assert "429" in code
    assert "503" in code

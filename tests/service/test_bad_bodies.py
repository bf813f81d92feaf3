"""Bodies of the wrong type, shape, size or speed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from service.app import create_app
from service.settings import Settings
from tests.service.conftest import Client, check_problem


def form(*parts: str, end: str = "--B--\r\n") -> bytes:
    return "".join(f"--B\r\nContent-Disposition: form-data; {part}\r\n" for part in parts).encode() + end.encode()


IMAGE_PART = 'name="image"; filename="a.png"\r\n\r\nx'
MULTIPART = {
    "no boundary in the type": ("", form(IMAGE_PART), 400, "malformed_multipart"),
    "boundary too long": (f"; boundary={'B' * 300}", b"", 400, "malformed_multipart"),
    "empty body": ("; boundary=B", b"", 400, "malformed_multipart"),
    "no closing boundary": ("; boundary=B", form(IMAGE_PART, end=""), 400, "malformed_multipart"),
    "another boundary": ("; boundary=C", form(IMAGE_PART), 400, "malformed_multipart"),
    "part without a name": ("; boundary=B", form("\r\n\r\nx"), 400, "malformed_multipart"),
    "nine part headers": ("; boundary=B", form('name="a"' + "\r\nA: b" * 8 + "\r\n\r\nx"), 400, "malformed_multipart"),
    "long part header": ("; boundary=B", form(f'name="a"\r\nA: {"b" * 5000}\r\n\r\nx'), 400, "malformed_multipart"),
    "seventeen fields": ("; boundary=B", form(*['name="a"\r\n\r\n1'] * 17), 400, "too_many_parts"),
    "two files": ("; boundary=B", form(IMAGE_PART, IMAGE_PART), 400, "too_many_parts"),
    "long field": ("; boundary=B", form(f'name="a"\r\n\r\n{"1" * 5000}'), 400, "too_many_parts"),
    "no image": ("; boundary=B", form('name="top_k"\r\n\r\n1'), 422, "missing_image"),
    "image under another name": ("; boundary=B", form('name="file"; filename="a.png"\r\n\r\nx'), 422, "missing_image"),
    "a field twice": ("; boundary=B", form(IMAGE_PART, *['name="top_k"\r\n\r\n1'] * 2), 422, "duplicate_field"),
    "document twice": ("; boundary=B", form(IMAGE_PART, *['name="request"\r\n\r\n{}'] * 2), 422, "duplicate_field"),
    "document and fields": (
        "; boundary=B",
        form(IMAGE_PART, 'name="request"\r\n\r\n{}', 'name="top_k"\r\n\r\n1'),
        422,
        "duplicate_field",
    ),
}


@pytest.mark.parametrize("name", MULTIPART)
def test_bad_forms(client: Client, name: str) -> None:
    options, body, status, code = MULTIPART[name]
    headers = {"Content-Type": f"multipart/form-data{options}"}
    check_problem(client.request("POST", "/localize", content=body, headers=headers), status, code)


def test_a_field_twice_in_the_query(client: Client, photo: bytes) -> None:
    headers = {"Content-Type": "image/png"}
    response = client.request("POST", "/localize?top_k=1&top_k=2", content=photo, headers=headers)
    check_problem(response, 422, "duplicate_field")


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        ({"Content-Type": "text/plain"}, 415, "unsupported_media_type"),
        ({"Content-Type": "application/x-www-form-urlencoded"}, 415, "unsupported_media_type"),
        ({}, 415, "unsupported_media_type"),
        ({"Content-Type": "image/gif"}, 415, "image_type_unsupported"),
        ({"Content-Type": "image/avif"}, 415, "image_type_unsupported"),
        ({"Content-Type": "image/png", "Content-Encoding": "gzip"}, 415, "encoding_unsupported"),
        ({"Content-Type": "image/png", "Content-Length": "1000000000000"}, 413, "body_too_large"),
        ({"Content-Type": "image/png", "Content-Length": "9" * 400}, 413, "body_too_large"),
    ],
)
def test_refused_by_headers_alone(client: Client, headers: dict[str, str], status: int, code: str) -> None:
    async def unread() -> AsyncIterator[bytes]:
        raise AssertionError("the body was read")
        yield b""

    check_problem(client.request("POST", "/localize", content=unread(), headers=headers), status, code)


@pytest.mark.parametrize("body", ["{", "[]", "{}", '{"image": 5}', '{"image": "no base64!"}', '{"image": "QUJ"}'])
def test_bad_json_bodies(client: Client, body: str) -> None:
    headers = {"Content-Type": "application/json"}
    problem = client.request("POST", "/localize", content=body, headers=headers).json()
    assert problem["code"] in {"malformed_json", "missing_image", "invalid_parameter"}


def test_body_over_the_limit(client: Client) -> None:
    check_problem(client.raw(b"\xff\xd8\xff" + b"0" * 9_000_000), 413, "body_too_large")
    check_problem(client.form(b"\xff\xd8\xff" + b"0" * 8 * 1024 * 1024), 413, "body_too_large")


def test_body_over_the_limit_without_a_length(client: Client) -> None:
    async def endless() -> AsyncIterator[bytes]:
        for _ in range(1000):
            yield b"0" * 100_000

    headers = {"Content-Type": "image/png"}
    check_problem(client.request("POST", "/localize", content=endless(), headers=headers), 413, "body_too_large")


def test_slow_body(localizer: Any) -> None:
    async def slow() -> AsyncIterator[bytes]:
        yield b"0"
        await asyncio.sleep(30)

    client = Client(create_app(Settings(body_timeout_s=0.05), localizer))
    headers = {"Content-Type": "image/png"}
    check_problem(client.request("POST", "/localize", content=slow(), headers=headers), 408, "body_timeout")


def test_query_parameters_belong_to_raw_bodies(client: Client, photo: bytes) -> None:
    response = client.request("POST", "/localize?top_k=1", files={"image": photo})
    check_problem(response, 422, "unknown_parameter")


def test_field_that_is_not_utf8(client: Client) -> None:
    body = form(IMAGE_PART, 'name="mode"\r\n\r\nauto').replace(b"auto", b"\xff\xfe")
    headers = {"Content-Type": "multipart/form-data; boundary=B"}
    check_problem(client.request("POST", "/localize", content=body, headers=headers), 400, "malformed_multipart")


@pytest.mark.parametrize("file_name", ["../../etc/x", "a\0b", "x" * 3000, "\u202egnp.a"])
def test_file_names_are_never_looked_at(client: Client, photo: bytes, file_name: str) -> None:
    disposition = f'form-data; name="image"; filename="{file_name}"'.encode()
    body = b"--B\r\nContent-Disposition: " + disposition + b"\r\n\r\n" + photo + b"\r\n--B--\r\n"
    headers = {"Content-Type": "multipart/form-data; boundary=B"}
    assert client.request("POST", "/localize", content=body, headers=headers).status_code == 200


def test_preamble_and_epilogue_are_skipped(client: Client, photo: bytes) -> None:
    body = b'\r\n--B\r\nContent-Disposition: form-data; name="image"; filename="a"\r\n\r\n' + photo + b"\r\n--B--"
    headers = {"Content-Type": 'multipart/form-data; boundary="B"'}
    for end in (b"", b"\r\n", b"\r\n" + b"-" * 1_000_000):
        assert client.request("POST", "/localize", content=body + end, headers=headers).status_code == 200

"""Fetching the map library: from a small registry of the test's own, held to a digest."""

from __future__ import annotations

import base64
import hashlib
import http.server
import io
import tarfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from service.errors import VendorFailed
from service.page import vendor
from service.page.files import VENDOR_FILES
from service.page.vendor import IN_PACKAGE, NAME, VERSION, fetch, main, unpack
from tests.service.running import free_port


def package(*, without: str = "", extra: dict[str, bytes] | None = None) -> bytes:
    """A release whose files hold their own names."""
    held = {member: name.encode() for name, member in IN_PACKAGE.items() if name != without} | (extra or {})
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as archive:
        for member, content in held.items():
            about = tarfile.TarInfo(member)
            about.size = len(content)
            archive.addfile(about, io.BytesIO(content))
    return stream.getvalue()


class Registry(http.server.ThreadingHTTPServer):
    content = b""
    asked: list[str]


class Handler(http.server.BaseHTTPRequestHandler):
    server: Registry

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        self.send_response(200)
        self.end_headers()
        self.wfile.write(self.server.content)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def registry() -> Iterator[Registry]:
    with Registry(("127.0.0.1", 0), Handler) as server:
        server.asked = []
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def url(server: Registry) -> str:
    return f"http://127.0.0.1:{server.server_address[1]}/"


@pytest.fixture
def pinned(registry: Registry, monkeypatch: pytest.MonkeyPatch) -> Registry:
    """The registry holds what is pinned."""
    registry.content = package(extra={"package/dist/other.js": b"", "../../outside.txt": b"no"})
    digest = base64.b64encode(hashlib.sha512(registry.content).digest()).decode()
    monkeypatch.setattr(vendor, "SHA512", digest)
    monkeypatch.setenv("NPM_CONFIG_REGISTRY", url(registry))
    return registry


def test_the_page_gets_its_files_and_no_others(pinned: Registry, tmp_path: Path) -> None:
    folder = tmp_path / "static" / "vendor"
    assert main(folder) == 0
    assert pinned.asked == [f"/{NAME}/-/{NAME}-{VERSION}.tgz"]
    assert {path.name for path in folder.iterdir()} == {*VENDOR_FILES, "VERSION"}
    assert (folder / "LICENSE.txt").read_text() == "LICENSE.txt"
    assert not (tmp_path / "outside.txt").exists()


def test_what_is_there_is_not_fetched_again_unless_it_is_another_release(pinned: Registry, tmp_path: Path) -> None:
    assert main(tmp_path) == main(tmp_path) == 0
    assert len(pinned.asked) == 1
    (tmp_path / "VERSION").write_text(f"{NAME} 1.0.0\n")
    assert main(tmp_path) == 0
    assert len(pinned.asked) == 2


def test_another_file_than_the_pinned_one_is_refused(registry: Registry, tmp_path: Path) -> None:
    registry.content = package()
    with pytest.raises(VendorFailed, match="another"):
        fetch(url(registry))
    assert list(tmp_path.iterdir()) == []


def test_a_registry_that_is_down_leaves_nothing_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("NPM_CONFIG_REGISTRY", f"http://127.0.0.1:{free_port()}")
    assert main(tmp_path / "vendor") == 1
    assert "cannot be fetched" in capsys.readouterr().err
    assert not (tmp_path / "vendor").exists()


def test_a_release_without_a_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(VendorFailed, match="LICENSE"):
        unpack(package(without="LICENSE.txt"), tmp_path)
    assert not (tmp_path / "VERSION").exists()

"""What is served of the page: a closed list, with types, tags and a policy; nothing beside it."""

from __future__ import annotations

from pathlib import Path

import pytest

from service.app import create_app
from service.index_localizer import IndexLocalizer
from service.page.files import STATIC, TYPES, VENDOR_FILES, has_map, policy, read_files
from service.settings import Settings
from tests.service.conftest import Client

ESCAPES = (
    "page/..%2f..%2ffiles.py",
    "page/%2e%2e/%2e%2e/files.py",
    "page//etc/passwd",
    "page/js/../../files.py",
    "page/style.css%00",
    "page/STYLE.css",
    "page/vendor/VERSION",
    "page/index.html",
    "page/",
    "page",
)


def laid_out(root: Path, *names: str) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(name.encode())


def test_only_what_belongs_to_the_page_is_read(tmp_path: Path) -> None:
    laid_out(tmp_path, "index.html", "js/a.js", "notes.md", "style.css~", ".hidden", "vendor/VERSION", "vendor/evil.js")
    laid_out(tmp_path, *(f"vendor/{name}" for name in VENDOR_FILES))
    (tmp_path / "link.js").symlink_to(tmp_path / "notes.md")
    found = read_files(tmp_path)
    assert set(found) == {"index.html", "js/a.js", *(f"vendor/{name}" for name in VENDOR_FILES)}
    assert has_map(found)
    assert found["js/a.js"].content == b"js/a.js"
    assert found["vendor/maplibre-gl.mjs"].media_type == "text/javascript; charset=utf-8"


def test_without_the_library_there_is_no_map(tmp_path: Path) -> None:
    laid_out(tmp_path, "index.html", "vendor/maplibre-gl.css")
    assert not has_map(read_files(tmp_path))


def test_every_file_has_its_type_and_a_tag_that_answers_304(client: Client) -> None:
    for name, file in read_files().items():
        path = "/" if name == "index.html" else f"/page/{name}"
        response = client.get(path)
        assert response.status_code == 200, name
        assert response.content == file.content
        assert response.headers["content-type"] == TYPES[Path(name).suffix]
        assert response.headers["x-content-type-options"] == "nosniff"
        again = client.get(path, headers={"If-None-Match": response.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")
        assert client.get(path, headers={"If-None-Match": '"other"'}).status_code == 200


@pytest.mark.parametrize("path", ESCAPES)
def test_nothing_beside_the_page_is_served(client: Client, path: str) -> None:
    assert client.get(f"/{path}").status_code == 404


def test_a_type_is_known_for_everything_that_lies_there() -> None:
    names = [path for path in STATIC.rglob("*") if path.is_file() and path.parent.name != "vendor"]
    assert {path.suffix for path in names} <= set(TYPES)


def test_the_policy_lets_nothing_in_from_elsewhere(client: Client) -> None:
    sent = client.get("/").headers["content-security-policy"]
    assert sent == policy(None)
    assert "default-src 'none'" in sent
    assert "unsafe" not in sent
    assert "http" not in sent
    assert "img-src 'self' data: blob: https: http:" in policy("https://maps.example.org/style.json")
    assert "script-src 'self';" in policy("https://maps.example.org/style.json")


def test_the_page_itself_names_no_other_host() -> None:
    allowed = ("http://www.w3.org/2000/svg",)
    for name, file in read_files().items():
        if not name.startswith("vendor/"):
            text = file.content.decode()
            for known in allowed:
                text = text.replace(known, "")
            assert "http://" not in text, name
            assert "https://" not in text, name
            assert "<script>" not in text, name
            assert "style=" not in text, name


def test_a_page_that_is_turned_off_is_nowhere(localizer: IndexLocalizer, settings: Settings) -> None:
    client = Client(create_app(settings.model_copy(update={"page": False}), localizer))
    for path in ("/", "/page/style.css", "/page/js/main.js", "/samples/list", "/map/painted/12/1/1"):
        assert client.get(path).status_code == 404
    assert client.get("/info").json().get("page") is None
    assert client.get("/readyz").status_code == 200

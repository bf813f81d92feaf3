"""What is found in a folder: in order, never through a link, never by opening a pipe."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from service.geotagging.walk import REPORT_MARK, Leftover, Odd, Photo, walk


def touch(*paths: Path) -> None:
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")


def test_photos_come_in_order_and_nothing_else_does(tmp_path: Path) -> None:
    names = ["b.JPG", "a/2.png", "a/1.webp", "c.heic", "a.jpeg"]
    ignored = [
        ".hidden.jpg",
        ".dir/x.jpg",
        "b.JPG.xmp",
        "a.xmp",
        "raw.CR2",
        "notes.txt",
        f"r/{REPORT_MARK}",
        "r/map.png",
    ]
    touch(*(tmp_path / name for name in names + ignored))
    assert [item.name for item in walk(tmp_path) if isinstance(item, Photo)] == [
        "a/1.webp",
        "a/2.png",
        "a.jpeg",
        "b.JPG",
        "c.heic",
    ]
    assert len(list(walk(tmp_path))) == len(names)


def test_a_photo_in_the_folder_of_a_report_is_one(tmp_path: Path) -> None:
    touch(tmp_path / REPORT_MARK, tmp_path / "map.png", tmp_path / "photo.png")
    assert [item.name for item in walk(tmp_path) if isinstance(item, Photo)] == ["photo.png"]


def test_a_folder_that_cannot_be_read_is_a_row(tmp_path: Path) -> None:
    (tmp_path / "closed").mkdir(mode=0)
    if os.access(tmp_path / "closed", os.R_OK):
        pytest.skip("this user may read everything")
    assert [(item.name, item.code) for item in walk(tmp_path) if isinstance(item, Odd)] == [("closed", "unreadable")]


def test_odd_things_are_named_and_not_opened(tmp_path: Path) -> None:
    root, outside = tmp_path / "root", tmp_path / "outside"
    touch(root / "photo.jpg", outside / "secret.jpg")
    os.mkfifo(root / "pipe.jpg")
    (root / "out.jpg").symlink_to(outside / "secret.jpg")
    (root / "dangling.jpg").symlink_to("nowhere")
    (root / "folder").symlink_to(outside, target_is_directory=True)
    (root / "loop").symlink_to(root, target_is_directory=True)
    (root / "folder.jpg").mkdir()
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(root / "socket.jpg"))
        items = list(walk(root))
    odd = {item.name: item.code for item in items if isinstance(item, Odd)}
    assert odd == {"pipe.jpg": "not_a_file", "socket.jpg": "not_a_file", "out.jpg": "link", "dangling.jpg": "link"}
    assert [item.name for item in items if isinstance(item, Photo)] == ["photo.jpg"]


def test_names_that_are_no_text_are_shown(tmp_path: Path) -> None:
    raw = os.fsencode(tmp_path) + b"/\xff\xe9.jpg"
    os.close(os.open(raw, os.O_CREAT))
    (item,) = walk(tmp_path)
    assert isinstance(item, Photo)
    assert item.name == "\\xff\\xe9.jpg"
    assert item.path.exists()


def test_what_a_killed_run_left_is_told(tmp_path: Path) -> None:
    touch(tmp_path / ".skyfix-geotag-0123")
    assert list(walk(tmp_path)) == [Leftover(tmp_path / ".skyfix-geotag-0123")]

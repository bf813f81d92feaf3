from __future__ import annotations

from pathlib import Path

import pytest

from models.datasets.files import absent, images_in, numbered_lines, require
from models.errors import DatasetError


def test_lines_keep_their_numbers_without_blanks_marks_and_carriage_returns(tmp_path: Path) -> None:
    path = tmp_path / "list.txt"
    path.write_bytes(b"\xef\xbb\xbffirst \r\n\r\n  \r\n third\r\n")
    assert numbered_lines(path, "expected something") == [(1, "first"), (4, "third")]


@pytest.mark.parametrize(
    ("content", "message"),
    [(None, "There is no .*; expected it"), (b"\n \n", "is empty; expected it"), (b"\xff\xfe\x00", "as a text file")],
)
def test_a_list_that_cannot_be_used(tmp_path: Path, content: bytes | None, message: str) -> None:
    path = tmp_path / "list.txt"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(DatasetError, match=message):
        numbered_lines(path, "expected it")


def test_absent_files_keep_their_order(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "there.jpg").touch()
    (tmp_path / "a" / "folder.jpg").mkdir()
    (tmp_path / "a" / "broken.jpg").symlink_to(tmp_path / "nowhere")
    (tmp_path / "a" / "linked.jpg").symlink_to(tmp_path / "a" / "there.jpg")
    names = ["b/gone.jpg", "a/there.jpg", "a/folder.jpg", "a/broken.jpg", "a/linked.jpg", "a/THERE.jpg"]
    gone = absent(tmp_path / name for name in names)
    assert [path.name for path in gone] == ["gone.jpg", "folder.jpg", "broken.jpg", "THERE.jpg"]


def test_required_files_are_counted(tmp_path: Path) -> None:
    paths = [tmp_path / f"{n}.jpg" for n in range(4)]
    paths[2].touch()
    with pytest.raises(DatasetError, match=r"3 of 4 panoramas are missing, the first is .*0\.jpg\."):
        require(paths, "panoramas")
    with pytest.raises(DatasetError, match="1 of 1 panoramas is missing"):
        require(paths[:1], "panoramas")
    require(paths[2:3], "panoramas")


def test_only_pictures_of_a_folder_sorted(tmp_path: Path) -> None:
    for name in ("b.JPG", "a.png", "c.jpeg", "Thumbs.db", "notes.txt"):
        (tmp_path / name).touch()
    assert [path.name for path in images_in(tmp_path)] == ["a.png", "b.JPG", "c.jpeg"]
    assert images_in(tmp_path / "nowhere") == []

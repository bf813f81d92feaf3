"""What lies in an archive, in an order that never changes: photos, and what is called a photo and is none."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Set
from dataclasses import dataclass, field
from pathlib import Path

JPEGS = frozenset({".jpg", ".jpeg", ".jpe", ".jfif"})
PHOTOS = JPEGS | {".png", ".webp", ".heic", ".heif", ".hif"}
TEMPORARY = ".skyfix-geotag-"
"""How files begin that are not whole yet."""
REPORT_MARK = "geotag-journal.jsonl"
"""A folder that holds this holds a report."""
REPORT_PICTURES = frozenset({"map.png"})
"""Those of a report, which are no photos."""


@dataclass(frozen=True, slots=True)
class Photo:
    """A photo; the listing of its folder tells its side-cars without asking the disk again."""

    path: Path
    name: str
    """Relative to the archive, with forward slashes; bytes that are no text are written as backslashes and hex."""
    size: int
    mtime_ns: int
    sidecars: Set[str] = field(repr=False, compare=False)
    """Names of all side-cars in its folder."""

    @property
    def is_jpeg(self) -> bool:
        """By its name."""
        return self.path.suffix.lower() in JPEGS


@dataclass(frozen=True, slots=True)
class Odd:
    """Something that cannot be looked at, and why."""

    name: str
    code: str
    detail: str


@dataclass(frozen=True, slots=True)
class Leftover:
    """What a run that was killed in the middle of a file left."""

    path: Path


Item = Photo | Odd | Leftover


def walk(root: Path) -> Iterator[Item]:
    """Go through an archive, names in order, folders where their names fall.

    Links are not followed: what they lead to is either met by itself or no part of the archive. Nothing but regular
    files is opened, and what is hidden or no photo by its name is passed over.

    Args:
        root: the archive, itself no link.
    """
    folders = [_folder(root, root)]
    while folders:
        item = next(folders[-1], None)
        if item is None:
            folders.pop()
        elif isinstance(item, Path):
            folders.append(_folder(root, item))
        else:
            yield item


def _folder(root: Path, folder: Path) -> Iterator[Item | Path]:
    """Give what one folder holds; a path is a folder in it."""
    try:
        with os.scandir(folder) as listing:
            entries = sorted(listing, key=lambda entry: entry.name)
    except OSError as error:
        yield Odd(shown(root, folder), "unreadable", f"The folder cannot be read: {error.strerror}.")
        return
    names = {entry.name for entry in entries}
    passed_over = REPORT_PICTURES if REPORT_MARK in names else frozenset[str]()
    sidecars = {name for name in names if name[-4:].lower() == ".xmp"}
    for entry in entries:
        path = folder / entry.name
        if entry.name.startswith(TEMPORARY):
            yield Leftover(path)
        elif entry.name.startswith(".") or entry.name in passed_over:
            continue
        elif entry.is_dir(follow_symlinks=False):
            yield path
        elif path.suffix.lower() in PHOTOS:
            yield _looked_at(root, path, entry, sidecars)


def _looked_at(root: Path, path: Path, entry: os.DirEntry[str], sidecars: Set[str]) -> Photo | Odd:
    name = shown(root, path)
    if entry.is_symlink():
        return Odd(name, "link", "It is a link, which is not followed.")
    try:
        about = entry.stat(follow_symlinks=False)
    except OSError as error:
        return Odd(name, "unreadable", f"The file cannot be read: {error.strerror}.")
    if not stat.S_ISREG(about.st_mode):
        return Odd(name, "not_a_file", "It is a pipe, a socket or a device.")
    return Photo(path, name, about.st_size, about.st_mtime_ns, sidecars)


def shown(root: Path, path: Path) -> str:
    """Give a path under the root as text that can be written anywhere."""
    return as_text(str(path.relative_to(root)))


def as_text(name: str) -> str:
    """Give a name, or what holds one, as text: bytes that are none as backslashes and hex."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")

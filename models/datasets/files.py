"""What lies in a data set's folders: read once each, however many images they hold."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from models.errors import DatasetError

IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".webp")


def numbered_lines(path: Path, expected: str) -> list[tuple[int, str]]:
    """Read the lines of a list that are not blank, stripped, with their numbers counted from 1.

    Args:
        path: text file, UTF-8 with or without a byte order mark.
        expected: ends the message when the file is not there: "expected ...".

    Raises:
        DatasetError: no such file, not text, or nothing but blanks in it.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise DatasetError(f"There is no {path}; {expected}.") from None
    except (OSError, UnicodeDecodeError) as error:
        raise DatasetError(f"{path} cannot be read as a text file: {error}.") from error
    lines = [(number, line.strip()) for number, line in enumerate(text.splitlines(), start=1)]
    filled = [(number, line) for number, line in lines if line]
    if not filled:
        raise DatasetError(f"{path} is empty; {expected}.")
    return filled


def absent(paths: Iterable[Path]) -> list[Path]:
    """Give the paths that are no files, in order.

    One listing of every folder, not one look at every file: 100,000 paths take 0.3 s.

    Raises:
        DatasetError: a folder that may not be read.
    """
    listings: dict[str, frozenset[str]] = {}
    gone = []
    for path in paths:
        folder, name = os.path.split(path)
        if folder not in listings:
            listings[folder] = _listing(folder)
        if name not in listings[folder]:
            gone.append(path)
    return gone


def require(paths: Sequence[Path], what: str) -> None:
    """Insist on files.

    Raises:
        DatasetError: some are not there, with their count and the first of them.
    """
    gone = absent(paths)
    if gone:
        verb = "is" if len(gone) == 1 else "are"
        raise DatasetError(
            f"{len(gone)} of {len(paths)} {what} {verb} missing, the first is {gone[0]}. "
            "Unpack the data set again, or take the lines that name them out of its lists."
        )


def images_in(folder: Path) -> list[Path]:
    """Give the pictures of a folder, sorted by name; other files are left out."""
    return sorted(folder / name for name in _listing(str(folder)) if name.lower().endswith(IMAGE_SUFFIXES))


def _listing(folder: str) -> frozenset[str]:
    try:
        with os.scandir(folder or ".") as entries:
            return frozenset(entry.name for entry in entries if entry.is_file())
    except (FileNotFoundError, NotADirectoryError):
        return frozenset()
    except OSError as error:
        raise DatasetError(f"{folder} cannot be listed: {error.strerror}. Check who may read it.") from error

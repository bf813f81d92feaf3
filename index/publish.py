"""Publishing: a generation appears whole, verified and read-only, and only then does CURRENT name it."""

from __future__ import annotations

import csv
import fcntl
import os
import re
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from index.bundle import CURRENT, GENERATION, open_index
from index.geoparquet import write_table
from index.manifest import FILES, PROBES, QUARANTINE, TILES, VECTORS, IndexManifest
from index.probes import make_probes, write_probes
from index.table import TileTable
from index.tiles import BadTile
from models.artefact import appear_whole, fsync_path, sha256_file, write_manifest
from models.errors import OutputBusy, OutputUnwritable

LEFTOVER = re.compile(r"\.gen-[0-9]+\.tmp-[0-9a-f]+")
CONTROL = re.compile(r"[\x00-\x1f\x7f]+")
FORMULA = ("=", "+", "-", "@")


@contextmanager
def lock_root(root: Path) -> Iterator[None]:
    """Keep other builders out of an index folder; a killed builder's lock goes with its process.

    Creates the folder, and clears away what an interrupted build left.

    Raises:
        OutputBusy: another builder is at work in it.
        OutputUnwritable: the disk is full, the folder read-only, or anything else the system refuses inside the block.
    """
    try:
        root.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(root, os.O_RDONLY | os.O_DIRECTORY)
        try:
            _lock(descriptor, root)
            _clear_leftovers(root)
            yield
        finally:
            os.close(descriptor)
    except OSError as error:
        reason = error.strerror or str(error)
        raise OutputUnwritable(f"Cannot write to {root}: {reason}. Nothing was published.") from error


def _lock(descriptor: int, root: Path) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise OutputBusy(f"Another build is writing to {root}. Wait for it, or choose another folder.") from error


def _clear_leftovers(root: Path) -> None:
    for path in root.iterdir():
        if LEFTOVER.fullmatch(path.name):
            shutil.rmtree(path)


def next_generation(root: Path) -> int:
    """Give a number above that of every generation that is, or was ever, current in `root`."""
    names = [path.name for path in root.iterdir()]
    if (root / CURRENT).is_file():
        names.append((root / CURRENT).read_text(encoding="ascii", errors="replace").strip())
    return 1 + max((int(found[1]) for name in names if (found := GENERATION.fullmatch(name))), default=0)


def publish(
    root: Path,
    manifest: IndexManifest,
    vectors: NDArray[np.float16],
    table: TileTable,
    quarantine: Sequence[BadTile],
) -> Path:
    """Write one generation and make it current. Hold `lock_root` around it.

    Args:
        root: the index folder.
        manifest: complete but for the sha256 of the files.
        vectors: (N, D), with cells (N, C, D), in Hilbert order.
        table: N rows, in the same order.
        quarantine: tiles that were left out.

    Returns:
        The folder of the generation; its files are 0444, itself 0555.

    Raises:
        BundleError: what was written does not verify when read again; nothing is published.
    """
    target = root / f"gen-{manifest.generation}"
    with appear_whole(target) as folder:
        np.save(folder / VECTORS, np.ascontiguousarray(vectors), allow_pickle=False)
        write_table(folder / TILES, table)
        write_probes(folder / PROBES, make_probes(vectors.reshape(-1, vectors.shape[-1])))
        write_quarantine(folder / QUARANTINE, quarantine)
        files = {name: sha256_file(folder / name) for name in FILES}
        write_manifest(folder, manifest.model_copy(update={"files": files}).signed())
        for path in folder.iterdir():
            path.chmod(0o444)
        open_index(folder)
    target.chmod(0o555)
    point_to(root, target.name)
    return target


def point_to(root: Path, name: str) -> None:
    """Make CURRENT name a generation: readers see the old one or the new one, never neither."""
    fresh = root / f"{CURRENT}.tmp"
    fresh.write_text(f"{name}\n", encoding="ascii")
    fsync_path(fresh)
    fresh.replace(root / CURRENT)
    fsync_path(root)


def write_quarantine(path: Path, quarantine: Sequence[BadTile]) -> None:
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(("id", "code", "reason"))
        writer.writerows((_plain(bad.id), bad.code, _plain(bad.reason)) for bad in quarantine)


def _plain(text: str) -> str:
    """Keep control characters out of the list, and spreadsheets from reading a cell as a formula."""
    text = CONTROL.sub(" ", text)[:400]
    return f"'{text}" if text.startswith(FORMULA) else text

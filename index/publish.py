"""Publishing: a generation appears whole, verified and read-only, and only then does CURRENT name it."""

from __future__ import annotations

import csv
import errno
import fcntl
import io
import os
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from index.aliasing_file import write_aliasing
from index.aliasing_map import make_aliasing
from index.assembly import Assembly
from index.bundle import CURRENT, GENERATION, Index, open_index
from index.geoparquet import write_table
from index.manifest import (
    ALIASING,
    IMAGERY,
    PROBES,
    QUARANTINE,
    SEARCH,
    TILES,
    VECTORS,
    Aliasing,
    Imagery,
    IndexManifest,
)
from index.probes import make_probes, write_probes
from index.search_file import write_search
from index.stores.store import Layout
from index.tiles import BadTile
from models.artefact import MANIFEST, appear_whole, sha256_file, write_manifest
from models.disk import DISK, Disk
from models.errors import DiskFull, OutputBusy, OutputUnwritable

LEFTOVER = re.compile(r"\.(gen-[0-9]+|unfinished)\.tmp-[0-9a-f]+")
FULL = (errno.ENOSPC, errno.EDQUOT)
CONTROL = re.compile(r"[\x00-\x1f\x7f]+")
FORMULA = ("=", "+", "-", "@")
RESUME = "Nothing was published. What is finished is kept: run the same command again."


@contextmanager
def lock_root(root: Path, disk: Disk = DISK) -> Iterator[None]:
    """Keep other builders out of an index folder; a killed builder's lock goes with its process.

    Creates the folder, and clears away what an interrupted build left.

    Raises:
        OutputBusy: another builder is at work in it.
        DiskFull: no room was left inside the block.
        OutputUnwritable: the folder is read-only, or anything else the system refuses inside the block.
    """
    try:
        root.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(root, os.O_RDONLY | os.O_DIRECTORY)
        try:
            _lock(descriptor, root)
            _clear_leftovers(root, disk)
            yield
        finally:
            os.close(descriptor)
    except OSError as error:
        where, reason = error.filename or root, error.strerror or str(error)
        if error.errno in FULL:
            raise DiskFull(f"No room is left to write {where}: {reason}. Free some. {RESUME}") from error
        raise OutputUnwritable(f"Cannot write to {where}: {reason}. {RESUME}") from error


def _lock(descriptor: int, root: Path) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise OutputBusy(f"Another build is writing to {root}. Wait for it, or choose another folder.") from error


def _clear_leftovers(root: Path, disk: Disk) -> None:
    for path in root.iterdir():
        if LEFTOVER.fullmatch(path.name):
            disk.remove(path)


def next_generation(root: Path) -> int:
    """Give a number above that of every generation that is, or was ever, current in `root`."""
    names = [path.name for path in root.iterdir()]
    if (root / CURRENT).is_file():
        names.append((root / CURRENT).read_text(encoding="ascii", errors="replace").strip())
    return 1 + max((int(found[1]) for name in names if (found := GENERATION.fullmatch(name))), default=0)


Paint = Callable[[Path], Imagery | None]
"""Writes pictures of the imagery to a file, and says what they are; None if there is nothing to see."""


def publish(
    root: Path,
    manifest: IndexManifest,
    assembly: Assembly,
    quarantine: Sequence[BadTile],
    disk: Disk = DISK,
    paint: Paint | None = None,
) -> Path:
    """Write one generation. Hold `lock_root` around it; `point_to` makes it current.

    Args:
        root: the index folder.
        manifest: complete but for the sha256 of the files and the effort of its profile.
        assembly: its rows.
        quarantine: tiles that were left out.
        disk: what to write through.
        paint: makes pictures of the imagery, beside which a map of where places look alike is kept; None: neither is.

    Returns:
        The folder of the generation; its files are 0444, itself 0555.

    Raises:
        BundleError: what was written does not verify when read again; nothing is published.
    """
    target = root / f"gen-{manifest.generation}"
    with appear_whole(target, disk, mode=0o555) as folder:
        _write_vectors(folder / VECTORS, assembly, disk)
        write_table(folder / TILES, assembly.table, assembly.digests, disk)
        rows = np.load(folder / VECTORS, mmap_mode="r", allow_pickle=False)
        cell_rows = np.asarray(rows).reshape(-1, rows.shape[-1])
        probes = make_probes(cell_rows)
        write_probes(folder / PROBES, probes, disk)
        if manifest.profile is not None:
            layout = Layout(len(rows), manifest.cell_count, manifest.embedding.columns, rows.shape[-1])
            profile = write_search(folder / SEARCH, cell_rows, layout, manifest.profile, probes, disk)
            manifest = manifest.model_copy(update={"profile": profile})
        manifest = manifest.model_copy(update={"imagery": None if paint is None else paint(folder / IMAGERY)})
        alike = None
        if manifest.imagery is not None:
            alike = _write_aliasing(Index(folder, manifest, rows, assembly.table, probes), disk)
        manifest = manifest.model_copy(update={"aliasing": alike})
        write_quarantine(folder / QUARANTINE, quarantine, disk)
        files = {name: sha256_file(folder / name) for name in manifest.file_names}
        write_manifest(folder, manifest.model_copy(update={"files": files}).signed(), disk)
        for name in (*manifest.file_names, MANIFEST):
            disk.chmod(folder / name, 0o444)
        open_index(folder, load="map")
    return target


def _write_vectors(path: Path, assembly: Assembly, disk: Disk) -> None:
    """Write what numpy.save would, without holding all of it."""
    header = {"descr": "<f2", "fortran_order": False, "shape": (len(assembly), *assembly.row_shape)}
    with disk.create(path) as stream:
        np.lib.format.write_array_header_1_0(stream, header)
        for block in assembly.blocks():
            stream.write(block)


def _write_aliasing(index: Index, disk: Disk) -> Aliasing | None:
    found = make_aliasing(index)
    if found is None:
        return None
    write_aliasing(index.folder / ALIASING, found, disk)
    return Aliasing(far_m=found.far_m, sampled=found.sampled)


def point_to(root: Path, name: str, disk: Disk = DISK) -> None:
    """Make CURRENT name a generation: readers see the old one or the new one, never neither."""
    fresh = root / f"{CURRENT}.tmp"
    disk.write_file(fresh, f"{name}\n".encode("ascii"))
    disk.rename(fresh, root / CURRENT)
    disk.fsync(root)


def write_quarantine(path: Path, quarantine: Sequence[BadTile], disk: Disk = DISK) -> None:
    """List bad tiles with their reasons as CSV, by id."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("id", "code", "reason"))
    writer.writerows(listed(quarantine))
    disk.write_file(path, text.getvalue().encode("utf-8", "backslashreplace"))


def listed(quarantine: Sequence[BadTile]) -> list[tuple[str, str, str]]:
    """Give (id, code, reason) of bad tiles as they are listed."""
    ordered = sorted(quarantine, key=lambda bad: (bad.id, bad.code, bad.reason))
    return [(_plain(bad.id), bad.code, _plain(bad.reason)) for bad in ordered]


def read_quarantine(path: Path) -> list[BadTile]:
    with path.open(encoding="utf-8", newline="") as stream:
        return [BadTile(row["id"], row["code"], row["reason"]) for row in csv.DictReader(stream)]


def _plain(text: str) -> str:
    """Keep control characters out of the list, and spreadsheets from reading a cell as a formula."""
    text = CONTROL.sub(" ", text)[:400]
    return f"'{text}" if text.startswith(FORMULA) else text

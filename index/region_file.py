"""The file of a region: its members by relative path, each pinned to one generation, and a sample of their rows."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

import numpy as np
from pydantic import Field

from index.bundle import CURRENT, Float16s, resolve_generation
from index.manifest import IndexManifest, Name, read_index_manifest
from index.region_plan import Member, RegionPlan, check_alike, spacing_by_manifest
from index.region_sample import draw_rows
from index.tiles import Bounds
from models.artefact import MANIFEST, Frozen, manifest_bytes, read_manifest, sha256_file
from models.bundle import Embedding, FileName, Sha256
from models.disk import DISK, Disk
from models.errors import BundleMissing, ChecksumMismatch, FileMissing, IndexMismatch, ManifestInvalid

FORMAT_VERSION = 1
REGION = "region.json"


class MemberEntry(Frozen):
    path: str = Field(min_length=1, max_length=4000)
    """Of the index folder, from the folder of this file."""
    name: str = Field(min_length=1, max_length=255)
    generation: int = Field(ge=1)
    sha256: Sha256
    """Of its manifest, which holds those of all its files."""
    count: int = Field(ge=1)
    bounds: Bounds
    spacing_m: float = Field(gt=0)


class RegionDocument(Frozen):
    format_version: Literal[1] = 1
    name: Name
    created: str = Field(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")
    model_sha256: Sha256
    model_title: str
    embedding: Embedding
    tile_ids: Literal["plain", "qualified"]
    """Qualified where one id means two tiles of different ground."""
    background: FileName
    """Beside this file: (n, D) float16 rows of all members."""
    background_sha256: Sha256
    members: tuple[MemberEntry, ...] = Field(min_length=1)


def is_region(path: Path) -> bool:
    """Tell a region from an index: a file, a folder that holds a region.json, or one of index folders."""
    if path.is_file() or not path.is_dir():
        return path.is_file()
    if (path / MANIFEST).exists() or (path / CURRENT).exists():
        return False
    return (path / REGION).is_file() or bool(index_folders(path))


def index_folders(folder: Path) -> list[Path]:
    """Give the folders right in a folder that hold an index, by name."""
    return sorted(path for path in folder.iterdir() if (path / CURRENT).is_file())


def read_region(path: Path) -> RegionPlan:
    """Read what a region is; of its members, only their manifests.

    Args:
        path: the file, a folder with a region.json, or a folder of index folders, which then are the members as they
            are now. Of these nothing was surveyed: tiles go by `member/id`, and the sample of rows is read unverified.

    Raises:
        BundleError: naming the member or file and what is wrong.
    """
    if path.is_dir() and not (path / REGION).is_file():
        return _of_folders(path)
    file = path / REGION if path.is_dir() else path
    document = read_manifest(file.parent, RegionDocument, FORMAT_VERSION, file.name)
    found = [_pinned(file, entry) for entry in document.members]
    members = tuple(member for member, _ in found)
    check_alike(members)
    if any(member.manifest.model_sha256 != document.model_sha256 for member in members):
        raise IndexMismatch(f"{file} was written for another model than its members have. {AGAIN}")
    return RegionPlan(
        name=document.name,
        members=members,
        qualified=document.tile_ids == "qualified",
        background=_read_background(file, document),
        notices=tuple(notice for _, notice in found if notice),
    )


AGAIN = "Write the region again with `skyfix index region`."


def _of_folders(path: Path) -> RegionPlan:
    members = []
    for root in index_folders(path):
        folder = resolve_generation(root)
        manifest = read_index_manifest(folder)
        members.append(Member(root.name, folder, manifest, spacing_by_manifest(manifest)))
    if not members:
        raise BundleMissing(f"No region at {path}: it holds neither {REGION} nor index folders.")
    check_alike(members)
    return RegionPlan(path.resolve().name, tuple(members), True, draw_rows(members))


def _pinned(file: Path, entry: MemberEntry) -> tuple[Member, str]:
    """Find the generation that was listed, and say if the index has moved on."""
    root = file.parent / entry.path
    folder = root / f"gen-{entry.generation}"
    if Path(entry.path).is_absolute():
        raise ManifestInvalid(f"{file} names {entry.path}; members are named by relative paths. {AGAIN}")
    if not folder.is_dir():
        raise BundleMissing(
            f"{file} lists generation {entry.generation} of {entry.name}, which is not at {root}. Copy it there, or "
            "write the region again with `skyfix index region`."
        )
    manifest = read_index_manifest(folder)
    if (manifest.sha256, manifest.generation) != (entry.sha256, entry.generation):
        raise IndexMismatch(f"{folder} is not the index that {file} lists as {entry.name}. {AGAIN}")
    if manifest.count != entry.count:
        raise IndexMismatch(f"{file} counts {entry.count} tiles in {entry.name}, which has {manifest.count}. {AGAIN}")
    return Member(entry.name, folder, manifest, entry.spacing_m), _moved_on(root, entry)


def _moved_on(root: Path, entry: MemberEntry) -> str:
    try:
        current = resolve_generation(root).name
    except BundleMissing:
        return ""  # copied without its pointer; the generation that was listed is what counts
    if current == f"gen-{entry.generation}":
        return ""
    return f"{entry.name} is at {current} now; the region still answers from gen-{entry.generation}. {AGAIN}"


def _read_background(file: Path, document: RegionDocument) -> Float16s:
    path = file.parent / document.background
    if not path.is_file():
        raise FileMissing(f"{file} needs {document.background!r} beside it. Copy it too, or: {AGAIN}")
    if sha256_file(path) != document.background_sha256:
        raise ChecksumMismatch(f"{path} is not the file that {file.name} lists. {AGAIN}")
    try:
        rows: Float16s = np.load(path, allow_pickle=False)
    except (ValueError, OSError, EOFError) as error:
        raise IndexMismatch(f"{path} is not a NumPy array: {error}") from error
    if rows.dtype != np.float16 or rows.ndim != 2 or rows.shape[1] != document.embedding.size or not len(rows):
        raise IndexMismatch(f"{path} holds {rows.dtype} {rows.shape}; float16 (n, {document.embedding.size}) expected.")
    return rows


def write_region(file: Path, plan: RegionPlan, created: str, disk: Disk = DISK) -> RegionDocument:
    """Write a region's file and, before it, the sample of rows; who reads meanwhile has the old or the new ones."""
    manifests: list[IndexManifest] = [member.manifest for member in plan.members]
    fresh = file.parent / f".{file.name}.tmp"
    with disk.create(fresh) as stream:
        np.save(stream, plan.background, allow_pickle=False)
    disk.fsync(fresh)
    digest = sha256_file(fresh)
    sample = f"{file.stem}.background-{digest[:12]}.npy"
    disk.rename(fresh, file.parent / sample)
    document = RegionDocument(
        name=plan.name,
        created=created,
        model_sha256=manifests[0].model_sha256,
        model_title=manifests[0].model_title,
        embedding=manifests[0].embedding,
        tile_ids="qualified" if plan.qualified else "plain",
        background=sample,
        background_sha256=digest,
        members=tuple(_entry(file, member) for member in plan.members),
    )
    disk.write_file(fresh, manifest_bytes(document))
    disk.rename(fresh, file)
    disk.fsync(file.parent)
    for left in file.parent.glob(f"{file.stem}.background-*.npy"):
        if left.name != sample:
            disk.remove(left)
    return document


def _entry(file: Path, member: Member) -> MemberEntry:
    root, manifest = member.folder.parent, member.manifest
    return MemberEntry(
        path=Path(os.path.relpath(root.resolve(), file.parent.resolve())).as_posix(),
        name=member.name,
        generation=manifest.generation,
        sha256=manifest.sha256,
        count=manifest.count,
        bounds=manifest.bounds,
        spacing_m=member.spacing_m,
    )

"""What both artefacts, the model bundle and the index bundle, share: a manifest, checksums, an atomic appearance."""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from models.disk import DISK, Disk
from models.errors import (
    BundleMissing,
    ChecksumMismatch,
    FileMissing,
    FileUnexpected,
    ManifestInvalid,
    UnsupportedVersion,
    UsageError,
)

MANIFEST = "manifest.json"
MANIFEST_LIMIT_BYTES = 4 * 1024 * 1024
CHUNK_BYTES = 1 << 20


class Frozen(BaseModel):
    """Base of every manifest part: immutable, finite numbers only, unknown keys refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


M = TypeVar("M", bound=BaseModel)


def sha256_file(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while chunk := stream.read(CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()


def canonical_json(value: Any) -> bytes:
    """Serialise for hashing: sorted keys, no blanks, UTF-8, no NaN."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


def read_manifest(folder: Path, model: type[M], format_version: int, name: str = MANIFEST) -> M:
    """Read and validate `manifest.json` of a bundle, or another file of that kind.

    Raises:
        BundleMissing: the folder or its manifest is absent or unreadable.
        ManifestInvalid: the file is too large, not JSON, holds duplicate keys, NaN or unknown or wrong fields.
        UnsupportedVersion: it was written in another format.
    """
    path = folder / name
    try:
        size = path.stat().st_size
        if size > MANIFEST_LIMIT_BYTES:
            raise ManifestInvalid(f"{path} has {size} bytes; a manifest has at most {MANIFEST_LIMIT_BYTES}.")
        raw = path.read_bytes()
    except OSError as error:
        raise BundleMissing(f"No bundle at {folder}: {name} cannot be read ({error.strerror}).") from error
    try:
        document = json.loads(raw, object_pairs_hook=_no_duplicates, parse_constant=_no_constants)
    except (ValueError, RecursionError) as error:
        raise ManifestInvalid(f"{path} is not valid JSON: {error}. Copy the bundle again.") from error
    found = document.get("format_version") if isinstance(document, dict) else None
    if isinstance(found, int) and found != format_version:
        raise UnsupportedVersion(
            f"{path} is of format version {found}; this program reads {format_version}. "
            f"{'Upgrade Skyfix' if found > format_version else 'Build the bundle again'}."
        )
    try:
        return model.model_validate(document)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "document"
        raise ManifestInvalid(f"{path}: {where}: {first['msg']} ({error.error_count()} problem(s)).") from error


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    keys = [key for key, _ in pairs]
    if len(set(keys)) != len(keys):
        raise ValueError("a key appears twice")
    return dict(pairs)


def _no_constants(word: str) -> float:
    raise ValueError(f"{word} is not a number")


def verify_files(folder: Path, expected: Mapping[str, str]) -> None:
    """Hold every file of a bundle against its sha256.

    Args:
        folder: the bundle.
        expected: file name -> sha256 in hex, of everything but the manifest.

    Raises:
        FileMissing, FileUnexpected, ChecksumMismatch: naming the file.
    """
    for name in expected:
        if Path(name).name != name or not (folder / name).is_file():
            raise FileMissing(f"{folder} lacks {name!r}, which its manifest lists. Copy the bundle again.")
    extra = sorted(path.name for path in folder.iterdir() if path.name not in {MANIFEST, *expected})
    if extra:
        raise FileUnexpected(f"{folder} holds {extra[0]!r}, which its manifest does not list. Remove it.")
    for name, digest in expected.items():
        found = sha256_file(folder / name)
        if found != digest:
            raise ChecksumMismatch(
                f"{folder / name} does not match its manifest (sha256 {found[:12]}…, expected {digest[:12]}…). "
                "The file is damaged or was changed: copy or build the bundle again."
            )


def manifest_bytes(manifest: BaseModel, *, exclude_unset: bool = False) -> bytes:
    """Give a manifest as its file holds it, to the byte."""
    document = manifest.model_dump(mode="json", exclude_unset=exclude_unset)
    return (json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False) + "\n").encode()


def write_manifest(folder: Path, manifest: BaseModel, disk: Disk = DISK) -> None:
    with disk.create(folder / MANIFEST) as stream:
        stream.write(manifest_bytes(manifest))


@contextmanager
def appear_whole(target: Path, disk: Disk = DISK, mode: int | None = None) -> Iterator[Path]:
    """Fill a folder that appears under its name complete, or not at all.

    Yields a temporary sibling; on success its files and entries are fsynced and it is renamed to `target`, on any
    error it is removed.

    Args:
        target: the name.
        disk: what to write through.
        mode: permissions that the folder gets before it appears.

    Raises:
        UsageError: `target` exists and is not an empty folder.
    """
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise UsageError(f"{target} exists and is not empty. Choose another folder or remove it.")
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.parent / f".{target.name}.tmp-{secrets.token_hex(4)}"
    disk.mkdir(temporary)
    try:
        yield temporary
        for path in sorted(temporary.rglob("*"), reverse=True):
            disk.fsync(path)
        if mode is not None:
            disk.chmod(temporary, mode)
        disk.fsync(temporary)
        if target.exists():
            target.rmdir()
        disk.rename(temporary, target)
        disk.fsync(target.parent)
    except BaseException:
        if temporary.exists():
            with suppress(OSError):
                disk.remove(temporary)
        raise

"""Read the tensors of a foreign file without running any of it."""

from __future__ import annotations

import math
import pickle
import struct
import warnings
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from models.artefact import sha256_file
from models.errors import CheckpointUnreadable, CheckpointUnsafe
from models.importing.rehearsal import Rehearsal
from models.importing.safetensors import read_safetensors

SIZE_LIMIT_BYTES = 4 << 30
PICKLE_LIMIT_BYTES = 32 << 20
"""Names and shapes of a checkpoint take some hundred kilobytes."""
MAGIC = 0x1950A86A20F9469CFC6C
LEGACY_PICKLES = 3
"""Magic number, protocol, system; then the object, and the keys of the storages that follow."""
LONGEST_WORD = 200
_SCALAR = np.float64(0).__reduce__()[0]
ALLOWED: list[Any] = [
    (_SCALAR, "numpy._core.multiarray.scalar"),
    (_SCALAR, "numpy.core.multiarray.scalar"),  # what numpy 1 called it
    np.dtype,
    np.dtypes.Float64DType,
]
TORCH_FAULTS = (RuntimeError, OSError, EOFError, ValueError, LookupError, TypeError, AssertionError, AttributeError)


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The weights of a file, and what else it says that is plain."""

    path: Path
    sha256: str
    state: dict[str, Tensor]
    facts: dict[str, float | int | str] = field(default_factory=dict)
    """Numbers and words beside the weights: `epoch`, `best_acc1` of official TransGeo files."""


def load_checkpoint(path: Path) -> Checkpoint:
    """Read a .pth, .pt or .pth.tar file of torch, old or new format, or a .safetensors file.

    Takes a bare state dictionary, or one under the key `state_dict` or, as DeiT has it, `model`.

    Raises:
        CheckpointUnsafe: it asks for anything but tensors and plain values, or claims more bytes than it has.
        CheckpointUnreadable: absent, too large, damaged, foreign, or without a state dictionary.
    """
    head = _head(path)
    if path.suffix == ".safetensors":
        return Checkpoint(path, sha256_file(path), read_safetensors(path))
    try:
        with path.open("rb") as stream, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            if head.startswith(b"PK\x03\x04"):
                _rehearse_zip(path)
            else:
                _rehearse_legacy(head, path)
            with torch.serialization.safe_globals(ALLOWED):
                content = torch.load(stream, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise CheckpointUnreadable(f"{path} cannot be read by torch: {_first_line(error)}") from error
    except (*TORCH_FAULTS, struct.error, zipfile.BadZipFile, MemoryError) as error:
        raise CheckpointUnreadable(f"{path} is damaged or no torch file: {_first_line(error)}.") from error
    return _checkpoint(path, content)


def strip_prefix(state: Mapping[str, Tensor], prefix: str = "module.") -> dict[str, Tensor]:
    """Take a prefix off all names, as parallel training puts it there; names without it stay when none has it.

    Raises:
        CheckpointUnreadable: some names have the prefix and some have not.
    """
    having = [name for name in state if name.startswith(prefix)]
    if having and len(having) != len(state):
        raise CheckpointUnreadable(
            f"{len(having)} of {len(state)} names begin with {prefix!r}, the others do not; one file holds one model."
        )
    return {name.removeprefix(prefix): tensor for name, tensor in state.items()}


def _head(path: Path) -> bytes:
    try:
        size = path.stat().st_size
        if size > SIZE_LIMIT_BYTES:
            raise CheckpointUnreadable(f"{path} has {size} bytes; a checkpoint has at most {SIZE_LIMIT_BYTES}.")
        with path.open("rb") as stream:
            return stream.read(PICKLE_LIMIT_BYTES)
    except OSError as error:
        raise CheckpointUnreadable(f"{path} cannot be read: {error.strerror}.") from error


def _rehearse_zip(path: Path) -> None:
    """Hold names and sizes of an archive, and the pickle inside it, against the file."""
    with zipfile.ZipFile(path) as archive:
        entries = {entry.filename: entry for entry in archive.infolist()}
        packed = [name for name, entry in entries.items() if entry.compress_type != zipfile.ZIP_STORED]
        claimed = sum(entry.file_size for entry in archive.infolist())
        if packed or len(entries) != len(archive.infolist()) or claimed > path.stat().st_size:
            raise CheckpointUnsafe(
                f"{path} claims {claimed} bytes of content in a file of {path.stat().st_size}, or holds packed or "
                "repeated entries; torch writes neither. Ask for the file as torch.save wrote it."
            )
        pickles = [name for name in entries if name.endswith("/data.pkl")]
        if len(pickles) != 1 or any(name.endswith("/constants.pkl") for name in entries):
            raise CheckpointUnreadable(
                f"{path} is an archive, but not of tensors ({', '.join(list(entries)[:4])}, ...). "
                "A TorchScript program or an archive of files cannot be imported; give the checkpoint itself."
            )
        if entries[pickles[0]].file_size > PICKLE_LIMIT_BYTES:
            raise CheckpointUnsafe(f"{path}: {pickles[0]} has more than {PICKLE_LIMIT_BYTES} bytes, all but tensors.")
        rehearsal = Rehearsal(str(path))
        rehearsal.run(BytesIO(archive.read(pickles[0])))
        root = pickles[0].removesuffix("data.pkl")
        for key, size in rehearsal.storage_bytes.items():
            entry = entries.get(f"{root}data/{key}")
            if entry is None or entry.file_size != size:
                held = "is missing" if entry is None else f"has {entry.file_size} bytes"
                raise CheckpointUnsafe(f"{path}: storage {key!r} should have {size} bytes and {held}. Copy it again.")


def _rehearse_legacy(head: bytes, path: Path) -> None:
    """Follow the five pickles with which torch files began before they were archives."""
    stream = BytesIO(head)
    rehearsals = [Rehearsal(str(path)) for _ in range(LEGACY_PICKLES + 2)]
    for number, rehearsal in enumerate(rehearsals):
        made = rehearsal.run(stream)
        if number == 0 and made != MAGIC:
            raise CheckpointUnreadable(f"{path} is no torch file: it begins with {head[:16]!r}.")
    claimed = sum(rehearsals[LEGACY_PICKLES].storage_bytes.values())
    if claimed > path.stat().st_size:
        raise CheckpointUnreadable(
            f"{path} claims {claimed} bytes of weights and has {path.stat().st_size} in all; it is cut short. Copy it "
            "again."
        )


def _checkpoint(path: Path, content: Any) -> Checkpoint:
    state = content.get("state_dict", content.get("model", content)) if isinstance(content, Mapping) else None
    if not isinstance(state, Mapping) or not state or not all(isinstance(value, Tensor) for value in state.values()):
        what = sorted(map(str, content))[:6] if isinstance(content, Mapping) else type(content).__name__
        raise CheckpointUnreadable(
            f"{path} holds {what}; expected a dictionary of tensors, or one under the key 'state_dict' or 'model'."
        )
    facts = {} if state is content else {key: value for key, value in content.items() if _is_plain(key, value)}
    facts = {key: float(value) if isinstance(value, float) else value for key, value in facts.items()}
    return Checkpoint(path, sha256_file(path), {str(name): tensor.detach() for name, tensor in state.items()}, facts)


def _is_plain(key: object, value: object) -> bool:
    """Finite numbers and short words; numpy.float64 is a float."""
    fits = isinstance(value, int) or (isinstance(value, float) and math.isfinite(value))
    return isinstance(key, str) and (fits or (isinstance(value, str) and len(value) <= LONGEST_WORD))


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:200]

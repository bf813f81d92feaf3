"""Making and revoking keys: the only writer of the key file.

A holder may have two live keys, so that the new one can be handed out before the old one is revoked.
"""

from __future__ import annotations

import fcntl
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path

from pydantic import ValidationError

from models.errors import OutputUnwritable, UsageError
from service.door.keys import MAX_KEYS, KeyFile, KeyRow, Scope, read_keys

PREFIX, RANDOM_BYTES = "skyfix_", 32
LIVE_PER_HOLDER = 2
FILE_MODE = 0o600


def new_key(
    path: Path, name: str, scopes: tuple[Scope, ...], now: datetime, lifetime: timedelta | None = None
) -> tuple[str, KeyRow]:
    """Make a key, add its digest to the file, which is made if need be; give the key, which is stored nowhere.

    Raises:
        UsageError: the name is no name, the holder has two live keys, or the file is full.
        KeyFileInvalid, OutputUnwritable.
    """
    key = PREFIX + secrets.token_urlsafe(RANDOM_BYTES)
    digest = sha256(key.encode()).hexdigest()
    expires = None if lifetime is None else now + lifetime
    try:
        row = KeyRow(id=digest[:8], name=name, sha256=digest, scopes=scopes, created=now, expires=expires)
    except ValidationError:
        raise UsageError(f"A name is 1 to 64 letters, digits, dots, dashes and underscores, not {name!r}.") from None
    with _held(path):
        rows = read_keys(path).rows if path.exists() else ()
        live = [old.id for old in rows if old.name == name and old.is_live(now)]
        if len(live) >= LIVE_PER_HOLDER:
            raise UsageError(f"{name} has two live keys, {' and '.join(live)}. Revoke one with `skyfix keys revoke`.")
        if len(rows) >= MAX_KEYS:
            raise UsageError(f"{path} holds {MAX_KEYS} keys, which is all it may hold. Take old rows out of it.")
        _write(path, (*rows, row))
    return key, row


def revoke_key(path: Path, key_id: str, now: datetime) -> KeyRow:
    """Mark a key revoked; one that is so already stays as it is.

    Raises:
        UsageError: no key has this id.
        KeyFileInvalid, OutputUnwritable.
    """
    with _held(path):
        rows = {row.id: row for row in read_keys(path).rows}
        if key_id not in rows:
            raise UsageError(f"{path} holds no key {key_id!r}. `skyfix keys list` shows their ids.")
        row = rows[key_id]
        if row.revoked is None:
            row = rows[key_id] = row.model_copy(update={"revoked": now})
            _write(path, tuple(rows.values()))
    return row


@contextmanager
def _held(path: Path) -> Iterator[None]:
    """Keep other writers of the folder out, so that no change is lost between reading and writing."""
    try:
        descriptor = os.open(path.parent, os.O_RDONLY)
    except OSError as error:
        raise OutputUnwritable(f"{path} cannot be written: {error.strerror}: {path.parent}.") from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _write(path: Path, rows: tuple[KeyRow, ...]) -> None:
    """Replace the file in one rename; its mode, once made 0600, is the operator's."""
    content = KeyFile(keys=rows).model_dump_json(indent=1, exclude_none=True).encode() + b"\n"
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}.tmp")
    try:
        mode = path.stat().st_mode & 0o777 if path.exists() else FILE_MODE
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, FILE_MODE)
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(content)
            os.fchmod(descriptor, mode)
            stream.flush()
            os.fsync(descriptor)
        temporary.replace(path)
    except OSError as error:
        with suppress(OSError):
            temporary.unlink()
        raise OutputUnwritable(f"{path} cannot be written: {error.strerror}. The old one stays.") from error

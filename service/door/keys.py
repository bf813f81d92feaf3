"""The key file: who may ask for what. It holds SHA-256 digests of random keys, never a key."""

from __future__ import annotations

import hmac
import os
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from service.errors import KeyFileInvalid

Scope = Literal["localize", "batch", "admin"]
MAX_KEYS, MAX_FILE_BYTES = 1000, 1 << 20
LEEWAY = timedelta(seconds=60)
"""Clocks of the machine that set an expiry and of the one that reads it may differ by this much."""
WORLD_WRITABLE = 0o002


class KeyRow(BaseModel):
    """One key of the file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: Annotated[str, Field(pattern=r"^[0-9a-f]{8}$")]
    """The first eight digits of the digest: enough to name a key, nothing to make one from."""
    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
    """The holder. Limits count for all keys of one holder together."""
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    scopes: Annotated[tuple[Scope, ...], Field(min_length=1)]
    created: AwareDatetime
    expires: AwareDatetime | None = None
    revoked: AwareDatetime | None = None

    def is_live(self, now: datetime) -> bool:
        return self.revoked is None and (self.expires is None or now < self.expires + LEEWAY)


class KeyFile(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    format_version: Literal[1] = 1
    keys: Annotated[tuple[KeyRow, ...], Field(max_length=MAX_KEYS)] = ()


@dataclass(frozen=True, slots=True)
class Keyring:
    """The rows of a key file, asked at every request."""

    rows: tuple[KeyRow, ...]

    def find(self, key: bytes, now: datetime) -> KeyRow | None:
        """Give the live row of a key; the time taken does not say how near a wrong one came."""
        digest = sha256(key).hexdigest()
        found = None
        for row in self.rows:
            if hmac.compare_digest(row.sha256, digest):
                found = row
        return found if found is not None and found.is_live(now) else None

    def live(self, now: datetime) -> int:
        return sum(row.is_live(now) for row in self.rows)


def read_keys(path: Path) -> Keyring:
    """Read a key file.

    Raises:
        KeyFileInvalid: it is missing, unreadable, too large, no key file, or writable by everybody.
    """
    try:
        with path.open("rb") as stream:
            if os.fstat(stream.fileno()).st_mode & WORLD_WRITABLE:
                raise KeyFileInvalid(f"{path} is writable by everybody, so anyone could add a key. chmod o-w it.")
            content = stream.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        hint = "`skyfix keys new` makes one." if isinstance(error, FileNotFoundError) else "Its reader needs the right."
        raise KeyFileInvalid(f"{path} cannot be read: {error.strerror}. {hint}") from error
    if len(content) > MAX_FILE_BYTES:
        raise KeyFileInvalid(f"{path} has more than {MAX_FILE_BYTES} bytes, which no file of {MAX_KEYS} keys has.")
    try:
        rows = KeyFile.model_validate_json(content).keys
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        where = ".".join(map(str, first["loc"])) or "the whole"
        raise KeyFileInvalid(f"{path} is no key file: {where}: {first['msg']}.") from None
    for row in rows:
        if row.id != row.sha256[:8]:
            raise KeyFileInvalid(f"{path}: key {row.id} carries the digest of another key.")
    if len({row.id for row in rows}) < len(rows):
        raise KeyFileInvalid(f"{path} holds a key twice.")
    return Keyring(rows)

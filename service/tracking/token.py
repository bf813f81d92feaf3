"""A belief as a token: signed, with an expiry, bound to an index and a model. Whoever holds the secret reads it.

base64url, without padding, of: version (1 byte), key id (4), issued, expires (8 each, seconds since 1970),
digest of index and model (16), the belief, HMAC-SHA256 of all before it (32)
"""

from __future__ import annotations

import base64
import binascii
import hmac
import os
import secrets
import struct
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from service.errors import TrackSecretInvalid, TrackTokenInvalid
from service.localizer import About

MOST_CHARACTERS = 16 * 1024
LEAST_SECRET, MOST_SECRETS, MOST_FILE_BYTES = 32, 2, 4096
LEEWAY_S = 60
"""Clocks of the replica that signs and of the one that reads may differ by this much."""
VERSION = 1
WORLD_WRITABLE = 0o002
MAC_BYTES = 32
POINTER = "track_token"
_HEAD = struct.Struct(">B4sQQ16s")
_FOREIGN = "is no token of this service. Begin the track anew, without one."
_EXPIRED = "has expired. Begin the track anew, without one."
_OTHER_INDEX = "is of another index or model, or of an older generation. Begin the track anew, without one."


@dataclass(frozen=True, slots=True)
class Issued:
    """A token and when it ceases to be good, in seconds since 1970."""

    token: str
    expires_s: int


class Tokens:
    """Signs and reads.

    Args:
        keys: secrets, the first of which signs; all are believed.
        ttl_s: how long a token is good.
        now_s: seconds since 1970.
    """

    def __init__(self, keys: Sequence[bytes], ttl_s: float, now_s: Callable[[], float] = time.time) -> None:
        self._keys = {_key_id(key): sha256(b"skyfix track key\0" + key).digest() for key in keys}
        self._signs, self._ttl_s, self._now_s = _key_id(keys[0]), ttl_s, now_s

    def issue(self, belief: bytes, context: bytes) -> Issued:
        """Sign a belief.

        Args:
            context: digest of what it is good for (`context_of`).

        Raises:
            ValueError: the belief is larger than a token may be.
        """
        issued = int(self._now_s())
        expires = issued + int(self._ttl_s)
        told = _HEAD.pack(VERSION, self._signs, issued, expires, context) + belief
        token = _encoded(told + hmac.digest(self._keys[self._signs], told, "sha256"))
        if len(token) > MOST_CHARACTERS:
            raise ValueError(f"a belief of {len(belief)} bytes")
        return Issued(token, expires)

    def read(self, token: str, context: bytes) -> bytes:
        """Give the belief of a token that was issued here or by a replica.

        Raises:
            TrackTokenInvalid: it was not, or not for this, or has expired. What is wrong with a token that nobody
                here signed is not told.
        """
        told = self._signed(token)
        version, _, issued, expires, given = _HEAD.unpack_from(told)
        now = self._now_s()
        if version != VERSION or issued > now + LEEWAY_S:
            raise TrackTokenInvalid(POINTER, _FOREIGN)
        if now > expires + LEEWAY_S:
            raise TrackTokenInvalid(POINTER, _EXPIRED)
        if not hmac.compare_digest(given, context):
            raise TrackTokenInvalid(POINTER, _OTHER_INDEX)
        return told[_HEAD.size :]

    def _signed(self, token: str) -> bytes:
        """What a token says, once its signature holds; nothing else of it is looked at before."""
        if len(token) > MOST_CHARACTERS or not token.isascii():
            raise TrackTokenInvalid(POINTER, _FOREIGN)
        try:
            raw = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
        except (binascii.Error, ValueError):
            raise TrackTokenInvalid(POINTER, _FOREIGN) from None
        told, mac = raw[:-MAC_BYTES], raw[-MAC_BYTES:]
        if len(told) < _HEAD.size or _encoded(raw) != token:  # one token has one spelling
            raise TrackTokenInvalid(POINTER, _FOREIGN)
        key = self._keys.get(told[1:5])
        if key is None or not hmac.compare_digest(hmac.digest(key, told, "sha256"), mac):
            raise TrackTokenInvalid(POINTER, _FOREIGN)
        return told


def context_of(about: About) -> bytes:
    """Digest of what a belief is good for: one generation of one index, described by one model."""
    told = (about.index, about.index_created.isoformat(), str(about.index_tiles), about.model)
    return sha256("\n".join(told).encode()).digest()[:16]


def new_secret() -> bytes:
    """Make a secret for a server without a file of them: other replicas and the next start know nothing of it."""
    return secrets.token_urlsafe(48).encode()


def read_secrets(path: Path) -> tuple[bytes, ...]:
    """Read a file of secrets, one a line: the first signs, a second is still believed.

    Raises:
        TrackSecretInvalid: it is missing, unreadable, writable by everybody, or holds none, too many or short ones.
    """
    try:
        with path.open("rb") as stream:
            if os.fstat(stream.fileno()).st_mode & WORLD_WRITABLE:
                raise TrackSecretInvalid(f"{path} is writable by everybody, so anyone could sign. chmod o-w it.")
            content = stream.read(MOST_FILE_BYTES + 1)
    except OSError as error:
        raise TrackSecretInvalid(f"{path} cannot be read: {error.strerror}.") from error
    found = tuple(line.strip() for line in content.splitlines() if line.strip())
    if len(content) > MOST_FILE_BYTES or not 1 <= len(found) <= MOST_SECRETS:
        raise TrackSecretInvalid(f"{path} has to hold one secret a line, {MOST_SECRETS} at most, the newest first.")
    if min(map(len, found)) < LEAST_SECRET:
        raise TrackSecretInvalid(
            f"{path} holds a secret of fewer than {LEAST_SECRET} bytes. `openssl rand -base64 48` makes a good one."
        )
    return found


def _key_id(key: bytes) -> bytes:
    return sha256(b"skyfix track id\0" + key).digest()[:4]


def _encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode("ascii")

"""Who comes in: Host, key, scope, limits, in this order, decided by a request's head alone."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from starlette.types import Scope as AsgiScope

from models.errors import UsageError
from service.door.hosts import allowed_hosts, check_host, is_loopback
from service.door.keys import Keyring, KeyRow, Scope, read_keys
from service.door.limits import Clock, Holders, KeyLimits, Peers, Visit, peer_of
from service.errors import Forbidden, KeyFileInvalid, Unauthorized
from service.settings import Settings

KEY = re.compile(rb"[A-Za-z0-9_-]{16,128}")
"""What a key can look like; anything else is not even hashed."""
CREDENTIALS = (b"authorization", b"x-api-key")
NO_KEY = "A key is needed: Authorization: Bearer KEY, or X-API-Key: KEY."
WRONG_KEY = "The key is not valid, or more than one was sent. " + NO_KEY
logger = logging.getLogger("skyfix")


class Guard:
    """The rules of one public address.

    Raises:
        UsageError: it listens beyond loopback without keys and was not told that this is meant.
        KeyFileInvalid: the key file is not to be trusted.
    """

    def __init__(
        self,
        settings: Settings,
        clock: Clock = time.monotonic,
        today: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        refuse_open_house(settings)
        self._today = today
        self._hosts = allowed_hosts(settings.allowed_hosts, settings.host)
        self._file: Path | None = settings.key_file
        self._keyring: Keyring | None = None if settings.key_file is None else read_keys(settings.key_file)
        self._peers = Peers(settings.failed_auth_per_minute, clock)
        limits = KeyLimits(
            settings.key_requests_per_s,
            settings.key_burst,
            settings.key_bytes_per_minute,
            settings.key_in_flight,
            settings.max_body_bytes,
            settings.max_many_body_bytes,
        )
        self._holders = Holders(limits, clock)

    @property
    def live_keys(self) -> int | None:
        """Keys that open something now; None when nobody is asked for one."""
        return None if self._keyring is None else self._keyring.live(self._today())

    def check_host(self, scope: AsgiScope) -> None:
        """Hold the Host header against the list.

        Raises:
            HostRefused.
        """
        check_host(scope["headers"], self._hosts)

    def admit(self, scope: AsgiScope, needed: Scope) -> Visit | None:
        """Let a request in, or raise; None when keys are not asked for, else what has to be left at its end.

        Raises:
            Unauthorized, Forbidden, RateLimited.
        """
        if self._keyring is None:
            return None
        row = self._identify(self._keyring, scope)
        scope["state"]["key_id"] = row.id
        if needed not in row.scopes:
            raise Forbidden(needed)
        return self._holders.enter(row.name, _announced(scope))

    def _identify(self, keyring: Keyring, scope: AsgiScope) -> KeyRow:
        """Find the key's row. A good key is never held up by others' wrong ones, which may share its address."""
        given = [(name, value) for name, value in scope["headers"] if name in CREDENTIALS]
        if not given:
            raise Unauthorized(NO_KEY, given=False)
        key = _key_of(*given[0]) if len(given) == 1 else None
        row = None if key is None else keyring.find(key, self._today())
        if row is None:
            self._peers.fail(peer_of(scope.get("client")))
            raise Unauthorized(WRONG_KEY, given=True)
        return row

    def reload(self) -> bool | None:
        """Read the key file again; a bad one changes nothing. Say whether it was taken, None without a file."""
        if self._file is None:
            return None
        try:
            self._keyring = read_keys(self._file)
        except KeyFileInvalid as error:
            logger.error("the key file was not taken, the keys of before stay: %s", error)
            return False
        self._holders.keep_only({row.name for row in self._keyring.rows})
        logger.info("the key file was read again: %d live keys", self.live_keys)
        return True


def refuse_open_house(settings: Settings) -> None:
    """Hold the two settings about keys against the address.

    Raises:
        UsageError: keys are needed and missing, or both asked for and not.
    """
    if settings.key_file is not None and settings.insecure_no_auth:
        raise UsageError("A key file and --insecure-no-auth contradict each other. Take one of them away.")
    if settings.key_file is None and not settings.insecure_no_auth and not is_loopback(settings.host):
        raise UsageError(
            f"{settings.host or 'Every address'} is not loopback, and there are no API keys. Make one with "
            "`skyfix keys new` and give --key-file FILE (SKYFIX_KEY_FILE), or say --insecure-no-auth "
            "(SKYFIX_INSECURE_NO_AUTH=true) if something in front asks for keys."
        )


def _key_of(name: bytes, value: bytes) -> bytes | None:
    if name == b"authorization":
        scheme, _, value = value.partition(b" ")
        if scheme.lower() != b"bearer":
            return None
    return value if KEY.fullmatch(value) else None


def _announced(scope: AsgiScope) -> int | None:
    """Bytes of the body as its headers say; None if they say no number."""
    headers = dict(scope["headers"])
    if b"transfer-encoding" in headers:
        return None
    length = headers.get(b"content-length", b"0")
    return int(length) if length.isdigit() and len(length) <= 15 else None

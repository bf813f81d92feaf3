"""Host names: the list, its default, and the ways around it."""

from __future__ import annotations

import pytest

from models.errors import UsageError
from service.door.hosts import allowed_hosts, check_host, is_loopback
from service.errors import HostRefused


@pytest.mark.parametrize(
    ("setting", "bound", "host", "welcome"),
    [
        ("", "127.0.0.1", b"localhost:8080", True),
        ("", "127.0.0.1", b"LOCALHOST.", True),
        ("", "127.0.0.1", b"[::1]:8080", True),
        ("", "127.0.0.2", b"127.0.0.2", True),
        ("", "::1", b"[::1]", True),
        ("", "127.0.0.1", b"evil.example", False),
        ("", "127.0.0.1", b"localhost.evil.example", False),
        ("", "127.0.0.1", b"localhost@evil.example", False),
        ("", "127.0.0.1", b"localhost/..", False),
        ("", "127.0.0.1", b"", False),
        ("", "127.0.0.1", b"localhost:80:80", False),
        ("", "127.0.0.1", b"local\xffhost", False),
        ("", "0.0.0.0", b"anything.example", True),
        ("", "0.0.0.0", b"any thing", False),
        ("photos.example, 10.0.0.5", "0.0.0.0", b"Photos.Example:443", True),
        ("photos.example, 10.0.0.5", "0.0.0.0", b"10.0.0.5", True),
        ("photos.example", "127.0.0.1", b"localhost", False),
        ("*", "127.0.0.1", b"evil.example", True),
    ],
)
def test_hosts(setting: str, bound: str, host: bytes, welcome: bool) -> None:
    allowed = allowed_hosts(setting, bound)
    if welcome:
        check_host([(b"host", host)], allowed)
    else:
        with pytest.raises(HostRefused):
            check_host([(b"host", host)], allowed)


def test_exactly_one_host() -> None:
    for headers in ([], [(b"host", b"a"), (b"host", b"a")]):
        with pytest.raises(HostRefused, match="exactly one"):
            check_host(headers, None)


@pytest.mark.parametrize("setting", ["a:80", "a b", "http://a", "a/b"])
def test_an_entry_that_is_no_host_name(setting: str) -> None:
    with pytest.raises(UsageError, match="SKYFIX_ALLOWED_HOSTS"):
        allowed_hosts(setting, "127.0.0.1")


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("127.0.0.1", True),
        ("127.8.8.8", True),
        ("::1", True),
        ("localhost", True),
        ("0.0.0.0", False),
        ("::", False),
        ("", False),
        ("10.0.0.1", False),
        ("localhost.example", False),
        ("::ffff:10.0.0.1", False),
    ],
)
def test_what_counts_as_loopback(host: str, loopback: bool) -> None:
    assert is_loopback(host) == loopback

"""Tokens: what was signed here is read here, and nothing else is."""

from __future__ import annotations

import base64
import os
import pickle
from pathlib import Path

import numpy as np
import pytest

from service.errors import TrackSecretInvalid, TrackTokenInvalid
from service.settings import Settings
from service.tracking.token import LEEWAY_S, MOST_CHARACTERS, Tokens, read_secrets
from service.workers import share

OLD, NEW = b"o" * 40, b"n" * 40
CONTEXT, OTHER = b"c" * 16, b"d" * 16
BELIEF = bytes(range(256)) * 3


class Clock:
    def __init__(self) -> None:
        self.now_s = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now_s


def test_a_replica_with_the_same_secret_reads_it() -> None:
    token = Tokens([NEW], 60).issue(BELIEF, CONTEXT).token
    assert Tokens([NEW], 60).read(token, CONTEXT) == BELIEF
    assert set(token) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_")


@pytest.mark.parametrize("keys", [[OLD], [NEW, OLD]])
def test_a_new_secret_signs_and_the_old_one_is_still_believed(keys: list[bytes]) -> None:
    old = Tokens([OLD], 60).issue(BELIEF, CONTEXT).token
    assert Tokens(keys, 60).read(old, CONTEXT) == BELIEF
    with pytest.raises(TrackTokenInvalid, match="no token of this service"):
        Tokens([NEW], 60).read(old, CONTEXT)


def test_it_expires_with_a_minute_of_leeway() -> None:
    clock = Clock()
    tokens = Tokens([NEW], 100, clock)
    issued = tokens.issue(BELIEF, CONTEXT)
    assert issued.expires_s == clock.now_s + 100
    clock.now_s += 100 + LEEWAY_S
    assert tokens.read(issued.token, CONTEXT) == BELIEF
    clock.now_s += 1
    with pytest.raises(TrackTokenInvalid, match="has expired"):
        tokens.read(issued.token, CONTEXT)
    clock.now_s = issued.expires_s - 100 - LEEWAY_S - 1  # signed by a clock that is far ahead
    with pytest.raises(TrackTokenInvalid, match="no token"):
        tokens.read(issued.token, CONTEXT)


def test_it_is_good_for_one_index() -> None:
    tokens = Tokens([NEW], 60)
    with pytest.raises(TrackTokenInvalid, match="another index"):
        tokens.read(tokens.issue(BELIEF, CONTEXT).token, OTHER)


def test_ten_thousand_mutants_are_refused_all_with_the_same_words() -> None:
    rng, tokens = np.random.default_rng(1), Tokens([NEW], 60)
    token = tokens.issue(BELIEF, CONTEXT).token
    alphabet = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_=+/ \n\u00e9"
    said = set()
    for number in range(10_000):
        at, letter = int(rng.integers(len(token))), alphabet[int(rng.integers(len(alphabet)))]
        match number % 5:
            case 0:
                mutant = token[:at] + letter + token[at + 1 :]
            case 1:
                mutant = token[:at] + letter + token[at:]
            case 2:
                mutant = token[:at] + token[at + 1 :]
            case 3:
                mutant = token[:at]
            case _:
                raw = bytearray(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
                raw[int(rng.integers(len(raw)))] ^= 1 << int(rng.integers(8))
                mutant = base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
        if mutant != token:
            with pytest.raises(TrackTokenInvalid) as refused:
                tokens.read(mutant, CONTEXT)
            said.add(refused.value.detail)
    assert len(said) == 1


@pytest.mark.parametrize("token", ["", "A", "A" * 63, "A" * (MOST_CHARACTERS + 1), "\ud800", "é" * 400])
def test_odd_strings_are_refused(token: str) -> None:
    with pytest.raises(TrackTokenInvalid):
        Tokens([NEW], 60).read(token, CONTEXT)


def test_no_token_is_longer_than_is_read() -> None:
    with pytest.raises(ValueError, match="13000 bytes"):
        Tokens([NEW], 60).issue(os.urandom(13_000), CONTEXT)


def secret_file(folder: Path, content: bytes, mode: int = 0o600) -> Path:
    path = folder / "secret"
    path.write_bytes(content)
    path.chmod(mode)
    return path


def test_secrets_are_read_newest_first(tmp_path: Path) -> None:
    assert read_secrets(secret_file(tmp_path, NEW + b"\n\n" + OLD + b"\r\n")) == (NEW, OLD)


@pytest.mark.parametrize(
    ("content", "mode", "said"),
    [
        (b"", 0o600, "one secret a line"),
        (b"\n".join([NEW] * 3), 0o600, "one secret a line"),
        (b"short\n", 0o600, "fewer than 32 bytes"),
        (NEW, 0o602, "writable by everybody"),
        (b"x" * 5000, 0o600, "one secret a line"),
    ],
)
def test_files_that_are_no_secrets_are_refused(tmp_path: Path, content: bytes, mode: int, said: str) -> None:
    with pytest.raises(TrackSecretInvalid, match=said):
        read_secrets(secret_file(tmp_path, content, mode))
    with pytest.raises(TrackSecretInvalid, match="cannot be read"):
        read_secrets(tmp_path / "nothing")


def test_processes_of_one_server_sign_alike_and_show_nothing() -> None:
    settings = Settings().sharing(NEW)
    there = pickle.loads(pickle.dumps(share(settings, 1, 8080)))
    assert there.track_secret == NEW
    assert "n" * 10 not in repr(there) + str(there.model_dump())
    assert Settings().track_secret is None

"""The key file: what is in it, what is refused, who is found."""

from __future__ import annotations

import json
import re
import stat
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from hashlib import sha256
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from models.errors import OutputUnwritable, UsageError
from service.cli import main
from service.door.issuing import new_key, revoke_key
from service.door.keys import LEEWAY, MAX_FILE_BYTES, read_keys
from service.errors import KeyFileInvalid
from tests.service.door.conftest import NOW


def make(path: Path, name: str = "fleet", lifetime: timedelta | None = None) -> tuple[bytes, str]:
    key, row = new_key(path, name, ("localize",), NOW, lifetime)
    return key.encode(), row.id


def test_file_holds_the_digest_and_not_the_key(key_file: Path) -> None:
    key, key_id = make(key_file)
    content = key_file.read_bytes()
    assert key not in content
    assert key[len("skyfix_") :] not in content
    assert json.loads(content)["keys"][0]["sha256"] == sha256(key).hexdigest()
    assert key_id == sha256(key).hexdigest()[:8]
    assert re.fullmatch(rb"skyfix_[A-Za-z0-9_-]{43}", key)
    assert stat.S_IMODE(key_file.stat().st_mode) == 0o600
    assert [path.name for path in key_file.parent.iterdir()] == ["keys.json"]


def test_rotation_has_two_live_keys_and_no_third(key_file: Path) -> None:
    (first, first_id), (second, _) = make(key_file), make(key_file)
    with pytest.raises(UsageError, match="two live keys"):
        make(key_file)
    make(key_file, "another")
    revoke_key(key_file, first_id, NOW)
    ring = read_keys(key_file)
    assert ring.find(first, NOW) is None
    assert ring.find(second, NOW) is not None
    assert ring.live(NOW) == 2
    make(key_file)
    assert revoke_key(key_file, first_id, NOW + timedelta(days=1)).revoked == NOW


def test_a_key_expires_with_leeway(key_file: Path) -> None:
    key, _ = make(key_file, lifetime=timedelta(days=1))
    end, ring = NOW + timedelta(days=1), read_keys(key_file)
    assert ring.find(key, end + LEEWAY - timedelta(seconds=1)) is not None
    assert ring.find(key, end + LEEWAY) is None


def test_a_mode_that_the_operator_gave_stays(key_file: Path) -> None:
    make(key_file)
    key_file.chmod(0o644)
    make(key_file)
    assert stat.S_IMODE(key_file.stat().st_mode) == 0o644


def test_writers_at_once_lose_no_key(key_file: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda number: make(key_file, f"holder{number}"), range(24)))
    ring = read_keys(key_file)
    assert all(ring.find(key, NOW) for key, _ in made)


def row(**changes: object) -> str:
    digest = "0123456789abcdef" * 4
    fields = {
        "id": digest[:8],
        "name": "a",
        "sha256": digest,
        "scopes": ["localize"],
        "created": "2026-01-01T00:00:00Z",
    }
    return json.dumps({"keys": [{**fields, **changes}]})


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{",
        "[]",
        '{"keys": 5}',
        '{"format_version": 2, "keys": []}',
        '{"keys": [], "more": 1}',
        row(sha256="0" * 63),
        row(id="00000000"),
        row(scopes=[]),
        row(scopes=["root"]),
        row(created="yesterday"),
        row(created="2026-01-01T00:00:00"),
        row(name="a\nb"),
        row(secret="x"),
        row()[:-2] + ", " + row()[10:],
        " " * (MAX_FILE_BYTES + 1),
    ],
)
def test_what_is_no_key_file_is_refused(key_file: Path, content: str) -> None:
    key_file.write_text(content)
    with pytest.raises(KeyFileInvalid, match=r"keys\.json"):
        read_keys(key_file)


def test_a_file_that_all_may_write_is_refused(key_file: Path) -> None:
    make(key_file)
    key_file.chmod(0o666)
    with pytest.raises(KeyFileInvalid, match="chmod"):
        read_keys(key_file)


def test_a_bad_file_is_never_written_over(key_file: Path) -> None:
    key_file.write_text("{")
    with pytest.raises(KeyFileInvalid):
        make(key_file)
    assert key_file.read_text() == "{"


def test_missing_file_and_folder_are_told(tmp_path: Path) -> None:
    with pytest.raises(KeyFileInvalid, match="skyfix keys new"):
        read_keys(tmp_path / "none.json")
    with pytest.raises(OutputUnwritable, match="nowhere"):
        make(tmp_path / "nowhere" / "keys.json")


@pytest.mark.parametrize("name", ["", "a b", "../a", "ä", "-a", "x" * 65])
def test_names_are_plain(key_file: Path, name: str) -> None:
    with pytest.raises(UsageError, match="letters"):
        make(key_file, name)


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, ["keys", *(str(argument) for argument in arguments)])


def test_commands_make_list_and_revoke(key_file: Path) -> None:
    made = run("new", "--file", key_file, "--name", "fleet", "--days", "30")
    key = made.stdout.strip()
    assert (made.exit_code, len(key)) == (0, 50)
    assert key not in made.stderr
    as_json = json.loads(run("new", "--file", key_file, "--name", "ops", "--scope", "admin", "--json").stdout)
    listed = json.loads(run("list", "--file", key_file, "--json").stdout)["keys"]
    assert [(entry["name"], entry["scopes"], entry["state"]) for entry in listed] == [
        ("fleet", ["localize"], "live"),
        ("ops", ["admin"], "live"),
    ]
    assert run("revoke", "--file", key_file, as_json["id"]).exit_code == 0
    table = run("list", "--file", key_file).stdout
    assert "revoked" in table
    assert key not in table
    assert sha256(key.encode()).hexdigest() not in table
    assert run("revoke", "--file", key_file, "ffffffff").exit_code == 2
    assert run("list", "--file", key_file.with_name("none")).exit_code == 3

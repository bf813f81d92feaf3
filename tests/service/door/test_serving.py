"""All of `serve` with real signals: SIGHUP changes keys, the admin address goes by Host, a bad start is refused."""

from __future__ import annotations

import http.client
import os
import queue
import signal
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner

from models.errors import UsageError
from service.cli import main
from service.door.issuing import new_key
from service.index_localizer import IndexLocalizer
from service.server import Addresses, serve
from service.settings import Settings

PATIENCE_S = 5.0


def get(url: str, path: str, **headers: str) -> int:
    connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=10)
    connection.request("GET", path, headers={name.replace("_", "-"): value for name, value in headers.items()})
    status = connection.getresponse().status
    connection.close()
    return status


def serve_while(settings: Settings, localizer: IndexLocalizer, work: Callable[[Addresses], None]) -> None:
    """Serve in this thread, which gets the signals, while another one does its work and then asks for the end."""
    ready: queue.Queue[Addresses] = queue.Queue()
    failed: list[BaseException] = []

    def beside() -> None:
        try:
            work(ready.get(timeout=PATIENCE_S))
        except BaseException as error:  # handed to the thread of the test
            failed.append(error)
        finally:
            os.kill(os.getpid(), signal.SIGTERM)

    thread = threading.Thread(target=beside)
    thread.start()
    serve(settings, lambda: localizer, ready.put)
    thread.join()
    if failed:
        raise failed[0]


def test_keys_are_changed_by_sighup(
    localizer: IndexLocalizer, key_file: Path, key: str, capfd: pytest.CaptureFixture[str]
) -> None:
    made: list[str] = []

    def work(at: Addresses) -> None:
        assert get(at.public, "/info") == 401
        assert get(at.public, "/info", X_API_Key=key) == 200
        made.append(new_key(key_file, "fleet", ("localize",), datetime.now(UTC))[0])
        assert get(at.public, "/info", X_API_Key=made[0]) == 401
        os.kill(os.getpid(), signal.SIGHUP)
        ends = time.monotonic() + PATIENCE_S
        while get(at.public, "/info", X_API_Key=made[0]) != 200:
            assert time.monotonic() < ends
        key_file.write_text("{")
        os.kill(os.getpid(), signal.SIGHUP)
        assert get(at.public, "/info", X_API_Key=key) == 200
        assert get(at.admin, "/metrics") == 200
        assert get(at.admin, "/metrics", Host="evil.example") == 400
        assert get(at.public, "/metrics", X_API_Key=key) == 404

    serve_while(Settings(port=0, admin_port=0, key_file=key_file, failed_auth_per_minute=100_000), localizer, work)
    said = "".join(capfd.readouterr())
    assert not [secret for secret in (key, *made) if secret in said]


def test_beyond_loopback_it_does_not_even_listen(localizer: IndexLocalizer) -> None:
    with pytest.raises(UsageError, match="skyfix keys new"):
        serve(Settings(host="0.0.0.0", port=0, admin_port=0), lambda: localizer, lambda _: None)


@pytest.mark.parametrize(
    ("options", "code", "word"),
    [
        (["--host", "0.0.0.0"], 2, "--insecure-no-auth"),
        (["--key-file", "/nowhere/keys.json"], 3, "[key_file_invalid]"),
        (["--key-file", "/nowhere/keys.json", "--insecure-no-auth"], 2, "contradict"),
        (["--allowed-hosts", "a:80"], 2, "SKYFIX_ALLOWED_HOSTS"),
    ],
)
def test_a_bad_start_is_one_line(tmp_path: Path, options: list[str], code: int, word: str) -> None:
    ports = ["--port", "0", "--admin-port", "0"]
    result = CliRunner().invoke(main, ["serve", "--index", str(tmp_path), *ports, *options])
    assert (result.exit_code, word in result.stderr) == (code, True), result.output

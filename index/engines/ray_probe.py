"""`python -m index.engines.ray_probe ADDRESS`: whether a Ray cluster answers there, to be killed when it takes long.

Ray itself tries for two minutes and then ends the process that asked, so another process asks.
"""

from __future__ import annotations

import socket
import subprocess
import sys
from importlib import import_module

from models.errors import ExecutorUnavailable, UsageError

CONNECT_S = 3.0
ANSWER_S = 15.0


def find_cluster(address: str) -> str:
    """Give host:port of a cluster that answers; `auto` is the one that runs on this machine.

    Raises:
        UsageError: not an address. ExecutorUnavailable: nothing, or no Ray, answers there.
    """
    if address != "auto":
        host, _, port = address.rpartition(":")
        if not host or "/" in address or not port.isdigit():
            raise UsageError(
                f"{address!r} is no address of a Ray cluster: write host:port (usually port 6379) or auto."
            )
        try:
            socket.create_connection((host.strip("[]"), int(port)), timeout=CONNECT_S).close()
        except (OSError, OverflowError) as error:
            raise _unavailable(address, f"{error}") from error
    command = [sys.executable, "-m", "index.engines.ray_probe", address]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=ANSWER_S, check=False)
    except subprocess.TimeoutExpired as error:
        raise _unavailable(address, f"what listens there did not answer as Ray does within {ANSWER_S:g} s") from error
    if done.returncode:
        raise _unavailable(address, done.stderr.strip().rpartition("\n")[2][:300])
    return done.stdout.strip().rpartition("\n")[2]


def _unavailable(address: str, why: str) -> ExecutorUnavailable:
    return ExecutorUnavailable(
        f"No Ray cluster answers at {address}: {why.rstrip('.')}. Start one (ray start --head), correct "
        "--ray-address, or use --engine local; what is done is kept."
    )


def _ask(address: str) -> str:
    if address == "auto":
        address = import_module("ray._private.services").canonicalize_bootstrap_address("auto") or ""
        if not address:
            sys.exit("none runs on this machine")
    import_module("ray._raylet").GcsClient(address=address).internal_kv_get(b"skyfix", None, timeout=5)
    return address


if __name__ == "__main__":
    sys.stdout.write(_ask(sys.argv[1]) + "\n")

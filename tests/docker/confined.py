"""Run a command as the image is run, without its engine: `unshare --mount python confined.py KEPT... -- COMMAND`.

Root becomes read-only, /tmp an empty noexec tmpfs of 64 MiB; user 10001 without capabilities, none to be had back. The
paths to keep are put back where /tmp hides them, and where a parent that only root may enter does. The network is the
caller's, and there is no seccomp filter.
"""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

UID = "10001"
STAGE, TMP = Path("/mnt"), Path("/tmp")
KERNEL = ("/proc", "/sys", "/dev")


def main(arguments: list[str]) -> None:
    split = arguments.index("--")
    kept = _outermost([Path(each).absolute() for each in arguments[:split]])
    hiding = _outermost([TMP, *{closed for path in kept if (closed := _closed_parent(path)) is not None}])
    back = [path for path in kept if any(path.is_relative_to(each) for each in hiding)]
    _mount("--make-rprivate", "/")
    _mount("-t", "tmpfs", "-o", "mode=755", "tmpfs", STAGE)
    for number, path in enumerate(back):
        (STAGE / str(number)).mkdir()
        _mount("--bind", path, STAGE / str(number))
    for folder in hiding:
        options = "size=64m,mode=1777,noexec,nosuid,nodev" if folder == TMP else "mode=755"
        _mount("-t", "tmpfs", "-o", options, "tmpfs", folder)
    for number, path in enumerate(back):
        path.mkdir(parents=True)
        _mount("--bind", STAGE / str(number), path)
    for point in _mount_points():
        if point != TMP and point.exists() and not any(point.is_relative_to(each) for each in KERNEL):
            _mount("-o", "remount,bind,ro", point)
    rights = ["--no-new-privs", "--bounding-set=-all", "--inh-caps=-all", "--clear-groups"]
    command = ["setpriv", f"--reuid={UID}", f"--regid={UID}", *rights, "--", *arguments[split + 1 :]]
    os.execvp(command[0], command)


def _outermost(paths: list[Path]) -> list[Path]:
    return [path for path in paths if not any(path != other and path.is_relative_to(other) for other in paths)]


def _closed_parent(path: Path) -> Path | None:
    """The outermost parent that others may not enter."""
    return next((each for each in reversed(path.parents) if not each.stat().st_mode & stat.S_IXOTH), None)


def _mount_points() -> list[Path]:
    lines = Path("/proc/self/mountinfo").read_text(encoding="utf-8").splitlines()
    return [Path(line.split()[4].encode().decode("unicode_escape")) for line in lines]


def _mount(*arguments: str | Path) -> None:
    subprocess.run(["mount", *map(str, arguments)], check=True)


if __name__ == "__main__":
    main(sys.argv[1:])

"""Old generations: which there are, and taking away those that nobody needs any more."""

from __future__ import annotations

import secrets
from pathlib import Path

from index.bundle import CURRENT, GENERATION
from index.workspace import begun_from
from models.disk import DISK, Disk

KEEP = 3


def generations(root: Path) -> list[int]:
    """Give the numbers of the generations in an index folder, oldest first."""
    found = (GENERATION.fullmatch(path.name) for path in root.iterdir() if path.is_dir() and not path.is_symlink())
    return sorted(int(match[1]) for match in found if match)


def current_generation(root: Path) -> int | None:
    """The generation that CURRENT names, if it names one."""
    try:
        match = GENERATION.fullmatch((root / CURRENT).read_text(encoding="ascii", errors="replace").strip())
    except OSError:
        return None
    return int(match[1]) if match else None


def collect_generations(root: Path, keep: int, disk: Disk = DISK) -> list[str]:
    """Remove all but the newest generations. Hold `lock_root` around it.

    The current one always stays, and one that unfinished work takes rows from. A generation vanishes from under its
    name in one step. Readers that have it in memory or open go on.

    Args:
        root: the index folder.
        keep: how many stay, the current one among them.
        disk: what to write through.

    Returns:
        Names of those removed, oldest first.
    """
    current = current_generation(root)
    if current is None:
        return []
    others = [number for number in generations(root) if number != current]
    needed = begun_from(root)
    gone = [number for number in others[: max(0, len(others) - (keep - 1))] if number != needed]
    for number in gone:
        doomed = root / f".gen-{number}.tmp-{secrets.token_hex(4)}"
        disk.rename(root / f"gen-{number}", doomed)
        disk.remove(doomed)
    if gone:
        disk.fsync(root)
    return [f"gen-{number}" for number in gone]

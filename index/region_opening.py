"""From a path to a region: manifests are held against the model now, every byte of a member when it is needed."""

from __future__ import annotations

import logging
from pathlib import Path

from index.bundle import Load, Model, check_model, open_index
from index.region import Region
from index.region_file import read_region
from index.region_plan import Member
from index.search import Searcher
from index.shelf import MAX_OPEN
from models.errors import BundleError, BundleMissing, IndexMismatch

logger = logging.getLogger("skyfix")


def open_region(path: Path, model: Model | None = None, *, max_open: int = MAX_OPEN, load: Load = "auto") -> Region:
    """Read a region and hold its members' manifests against the model; they are opened when a question needs them.

    Args:
        path: as for `index.region_file.read_region`.
        model: the encoder or model bundle that photos will be described by; None to leave that unchecked.
        max_open: members kept open.
        load: where the vectors of members shall be.

    Raises:
        BundleError: naming the file and what is wrong.
    """
    plan = read_region(path)
    if model is not None:
        check_model(plan.members[0].manifest, model)  # all members have the same

    def opened(member: Member) -> Searcher:
        try:
            return open_member(member, model, load)
        except BundleError as error:
            logger.error("member %s of region %s: %s", member.name, plan.name, error)  # who asked is not told
            raise

    return Region(plan, opened, max_open=max_open)


def open_member(member: Member, model: Model | None, load: Load) -> Searcher:
    """Verify and open one member, which must be what it was when the region was read."""
    try:
        index = open_index(member.folder, model, load)
    except OSError as error:
        raise BundleMissing(f"{member.folder} cannot be read: {error.strerror or error}. Is its disk there?") from error
    if index.manifest.sha256 != member.manifest.sha256:
        raise IndexMismatch(f"{member.folder} was replaced while it was served; generations must not change.")
    return Searcher(index)

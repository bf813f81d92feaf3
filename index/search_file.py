"""search.faiss: made when an index is published, and believed when it is what the manifest says, to the last number."""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import Any

import faiss
import numpy as np
from numpy.typing import NDArray

from index.bundle import Index
from index.manifest import SEARCH, MeasuredEffort, SearchProfile
from index.probes import Probes, probe_recall
from index.stores.approximate import ApproximateStore, Effort
from index.stores.effort import choose_effort
from index.stores.exact import ExactStore
from index.stores.gpu import MOST, Gpus, gpus_here, to_gpu
from index.stores.padding import padded_top
from index.stores.profiles import build_faiss, is_exact
from index.stores.store import Layout, VectorStore
from models.disk import DISK, Disk
from models.encoder import ProviderPolicy
from models.errors import IndexMismatch

logger = logging.getLogger("skyfix")
KINDS = {
    "balanced": (b"IwSq", "IndexIVFScalarQuantizer", faiss.IO_FLAG_MMAP_IFC),
    "compact": (b"IwPf", "IndexIVFPQFastScan", 0),  # FAISS cannot map the codes of its fast scan
}
"""What such a file begins with, the class that FAISS makes of it, and how it is read."""
ON_GPU = ("balanced",)
"""What FAISS has a form for on a GPU."""


def write_search(
    path: Path, rows: NDArray[np.float16], layout: Layout, profile: SearchProfile, probes: Probes, disk: Disk = DISK
) -> SearchProfile:
    """Build what a profile searches by, unless there are so few rows that all are compared.

    Args:
        path: of the file.
        rows: (N * C, D), mapped.
        layout: what they are.
        profile: the kind that is wanted.
        probes: of these rows.
        disk: what to write through.

    Returns:
        The profile with its effort, measured; without one if nothing was written.
    """
    if is_exact(profile.kind, layout.rows):
        return SearchProfile(kind=profile.kind)
    found = build_faiss(rows, profile.kind)

    def make(effort: Effort) -> ApproximateStore:
        return ApproximateStore(rows, layout, found, profile.kind, effort)

    effort, recall = choose_effort(make, rows, found.nlist)
    answered = probe_recall(probes, padded_top(make(effort), layout))
    _write(path, found, disk)
    measured = MeasuredEffort(
        probes=effort.probes, short_list=effort.short_list, recall=round(recall, 4), probe_recall=round(answered, 4)
    )
    return SearchProfile(kind=profile.kind, effort=measured)


def open_store(index: Index, policy: ProviderPolicy = "cpu", gpus: Gpus | None = None) -> VectorStore:
    """Open the store that an index was built for; its files were verified by `open_index`.

    Args:
        index: opened.
        policy: whether FAISS's part of it is copied to GPUs, where `balanced` has a form. Others stay on the CPU
            and the log says so.
        gpus: whose; those of this process by default.

    Raises:
        IndexMismatch: search.faiss is not what the manifest says.
        ProviderUnavailable: as `index.stores.gpu.to_gpu`.
    """
    embedding, profile = index.manifest.embedding, index.manifest.profile
    layout = Layout(len(index), index.cell_count, embedding.columns, embedding.size)
    if profile is None or profile.effort is None:
        _stays(index, policy)
        return ExactStore(index.cell_rows, layout)
    found = read_search(index.folder / SEARCH, profile, layout)
    effort = Effort(profile.effort.probes, profile.effort.short_list)
    if profile.kind in ON_GPU and effort.short_list <= MOST and policy != "cpu":
        library: Any = faiss
        asked = library.SearchParametersIVF(nprobe=effort.probes)
        found = to_gpu(found, policy, gpus or gpus_here(), index.probes.queries, index.title, asked)
    else:
        _stays(index, policy)
    return ApproximateStore(index.cell_rows, layout, found, profile.kind, effort)


def _stays(index: Index, policy: ProviderPolicy) -> None:
    if policy == "cpu":
        return
    kind = "exact" if index.manifest.profile is None else index.manifest.profile.kind
    why = f"its profile {kind} has no form on a GPU"
    if kind in ON_GPU:
        why = f"it has few rows, or its candidates are more than the {MOST} that a GPU gives"
    logger.info("%s is searched on the CPU: %s.", index.title, why)


def read_search(path: Path, profile: SearchProfile, layout: Layout) -> Any:
    """Let FAISS read a file whose checksum was held against the manifest, if it is of the kind that is expected.

    Raises:
        IndexMismatch: it is of another kind, or of other rows.
    """
    begins, kind, flags = KINDS[profile.kind]
    with path.open("rb") as stream:
        start = stream.read(4)
    if start != begins:
        raise IndexMismatch(f"{path} begins with {start!r}; the profile {profile.kind} has {begins!r}. Build it again.")
    try:
        found: Any = faiss.read_index(os.fspath(path), flags)
    except RuntimeError as error:
        raise IndexMismatch(f"{path} cannot be read by FAISS: {error}") from error
    told = {
        "kind": (type(found).__name__, kind),
        "rows": (found.ntotal, layout.rows),
        "values": (found.d, layout.size),
        "metric": (found.metric_type, faiss.METRIC_INNER_PRODUCT),
        "coarse values": (found.quantizer.d, layout.size),
        "lists": (found.quantizer.ntotal, found.nlist),
        "listed rows": (sum(found.invlists.list_size(number) for number in range(found.nlist)), layout.rows),
    }
    for what, (is_, should) in told.items():
        if is_ != should:
            raise IndexMismatch(f"{path} has {what} {is_}; the manifest says {should}. Build the index again.")
    return found


def _write(path: Path, found: Any, disk: Disk) -> None:
    """Hand the bytes to the disk as FAISS makes them; what the disk raises is raised here."""
    failed: list[OSError] = []

    with disk.create(path) as stream:

        def take(data: bytes) -> int:
            if not failed:
                try:
                    stream.write(data)
                except OSError as error:
                    failed.append(error)
            return len(data)

        library: Any = faiss  # whose stubs leave the writer out
        library.write_index(found, library.PyCallbackIOWriter(take))
    if failed:
        raise failed[0]
    disk.fsync(path)

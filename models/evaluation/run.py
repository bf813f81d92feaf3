"""From a model and a data set to a result: embeddings, ranks, summary."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from models.datasets.pairset import PairSet
from models.encoder import Encoder
from models.errors import UsageError
from models.evaluation.embeddings import OnProgress, export_embeddings
from models.evaluation.measured import Measured
from models.evaluation.protocols import find_protocol
from models.evaluation.ranking import Layout, rank
from models.evaluation.recentre import recentre
from models.evaluation.results import ProtocolResult, summarise
from models.evaluation.settings import Settings, panorama_fov_deg


@dataclass(frozen=True, slots=True)
class Run:
    """A result, and every query behind it."""

    result: ProtocolResult
    measured: Measured


@contextmanager
def workspace(embeddings: Path | None) -> Iterator[Path]:
    """Give the folder to keep embeddings in, or one that goes away."""
    if embeddings is not None:
        yield embeddings
        return
    with tempfile.TemporaryDirectory(prefix="skyfix-") as folder:
        yield Path(folder) / "embeddings"


def evaluate_protocol(
    encoder: Encoder,
    pairs: PairSet,
    protocol: str,
    settings: Settings,
    *,
    embeddings: Path | None = None,
    command: str = "",
    on_progress: OnProgress | None = None,
) -> ProtocolResult:
    """Measure a model on a data set.

    Args:
        encoder: the model.
        pairs: the data set, from the protocol's `open`.
        protocol: a key of `PROTOCOLS`.
        settings: from the protocol's `settings`.
        embeddings: folder to keep the descriptions in, or to take them from; a temporary one when None.
        command: written into the result as the way to have it again.
        on_progress: told how far it is.

    Raises:
        UsageError: a network for another field of view, or a folder of other embeddings.
        ImageError: a file that is no usable picture.
        DatasetError: the protocol needs positions that the data set lacks.
    """
    with workspace(embeddings) as folder:
        return run_protocol(encoder, pairs, protocol, settings, folder, command=command, on_progress=on_progress).result


def run_protocol(
    encoder: Encoder,
    pairs: PairSet,
    protocol: str,
    settings: Settings,
    folder: Path,
    *,
    gallery: Path | None = None,
    command: str = "",
    on_progress: OnProgress | None = None,
    recentred: bool = False,
) -> Run:
    """Like `evaluate_protocol`, with what stands behind the result.

    Args:
        encoder, pairs, protocol, settings, command, on_progress: as there.
        folder: of the embeddings.
        gallery: as in `export_embeddings`.
        recentred: compare around the mean of each view, kept in a folder beside the other one.
    """
    right = find_protocol(protocol).right(pairs)
    if not len(pairs):
        raise UsageError(f"{pairs.name} holds no photos to measure.")
    panorama_fov_deg(settings, encoder.manifest)  # refuses a wrong network before anything is described
    made = export_embeddings(encoder, pairs, settings, folder, gallery=gallery, on_progress=on_progress)
    if recentred:
        made = recentre(made, folder.with_name(f"{folder.name}-recentred"))

    def tell(done: int) -> None:
        if on_progress:
            on_progress("comparing", done, made.meta.queries)

    turns = made.photos[:, 1].astype(np.int64)
    ranking = rank(made.ground, made.aerial, right, turns, Layout(made.meta.columns, made.meta.cells), tell)
    measured = Measured(encoder.manifest, pairs, protocol, settings, made, ranking)
    return Run(summarise(measured, command), measured)

"""The last steps of every import: try the exported networks, choose a precision, publish one bundle."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from models.artefact import appear_whole, write_manifest
from models.bundle import ModelBundle, Parity, open_model_bundle
from models.encoder import OnnxEncoder
from models.errors import UsageError
from models.exporting.certificate import Candidate, Measured, Sample, certify, onnx_candidate
from models.exporting.quantise import NothingToQuantise, quantise_bundle
from models.importing.ledger import Declared
from models.importing.sample import city_sample, held_out_sample
from models.pairs import read_pairs

LEAST_AGREEMENT = 0.99
LEAST_PHOTOS = 100
"""Fewer cannot show 99 %."""
LEAST_TILES = 50
"""Among a handful of tiles, agreement says little."""
LONGEST_NAME, LONGEST_DECLARATION = 80, 400
NAME = re.compile(rf"[A-Za-z0-9][A-Za-z0-9._@-]{{0,{LONGEST_NAME - 1}}}")


@dataclass(frozen=True, slots=True)
class Order:
    """What the operator wants, whatever is imported."""

    out: Path
    """Folder of the bundle to make."""
    name: str = ""
    """Empty: named after what it is."""
    version: int = 1
    precision: Literal["fp32", "int8"] = "fp32"
    held_out: Path | None = None
    """pairs.csv to try the networks on; None renders places of a sample city."""
    sample_places: int = 100
    footprint_m: float | None = None
    declared: Declared = field(default_factory=Declared)

    def __post_init__(self) -> None:
        if self.name and not NAME.fullmatch(self.name):
            raise UsageError(
                f"--name {self.name!r} is no name of a model: up to {LONGEST_NAME} letters, digits, dots, underscores, "
                "hyphens and @, beginning with a letter or digit."
            )
        for word, text in asdict(self.declared).items():
            if len(text) > LONGEST_DECLARATION:
                raise UsageError(
                    f"--{word.replace('_', '-')} has {len(text)} characters; at most {LONGEST_DECLARATION}."
                )


def deliver(
    order: Order,
    make: Callable[[Path], ModelBundle],
    references: Callable[[ModelBundle], list[Candidate]],
) -> ModelBundle:
    """Make a bundle that carries its certificate, whole or not at all.

    Args:
        order: where to, and which precision.
        make: writes the float32 bundle into a folder.
        references: what the ONNX files are held against, the first before all; nothing where no other form exists.

    Raises:
        UsageError: `order.out` is taken, or int8 was asked for and changes too many answers, or the sample is too small
            to tell.
        SourceError: the held-out pairs cannot be read.
    """
    _check_sample(order)
    with appear_whole(order.out) as folder:
        plain = make(folder / "fp32")
        sample = _sample(order, plain)
        bundles = {"fp32": plain, **_in_integers(order, plain, folder / "int8")}
        candidates = [*references(plain), *map(onnx_candidate, bundles.values())]
        certificate, measured = certify(sample, candidates)
        chosen, found = bundles[order.precision], measured[-1]
        if order.precision == "int8":
            require_agreement(found, sample)
        changes: dict[str, Any] = {"certificate": certificate}
        if order.precision == "int8":
            changes["parity"] = _parity(found, sample)
        for path in (chosen.ground_path, chosen.aerial_path):
            path.rename(folder / path.name)
        write_manifest(folder, chosen.manifest.model_copy(update=changes))
        for bundle in bundles.values():
            shutil.rmtree(bundle.folder)
    bundle = open_model_bundle(order.out)
    OnnxEncoder(bundle)
    return bundle


def require_agreement(found: Measured, sample: Sample) -> None:
    """Refuse 8-bit networks that take too many photos for another tile.

    Raises:
        UsageError: with the figure that was measured.
    """
    agreement = found.row.top_1_agreement
    if agreement < LEAST_AGREEMENT:
        raise UsageError(
            f"int8 gives the same best tile for {agreement:.1%} of the photos and at least {LEAST_AGREEMENT:.0%} are "
            f"asked for ({sample.text}; smallest cosine ground {found.row.ground_cosine:.4f}, aerial "
            f"{found.row.aerial_cosine:.4f}). Nothing was written; choose --precision fp32."
        )


def _check_sample(order: Order) -> None:
    """Find out before minutes of work that there are too few pictures to judge int8 by."""
    photos = tiles = order.sample_places
    if order.held_out is not None:
        pairs = read_pairs(order.held_out)
        photos, tiles = len(pairs), len({pair.aerial for pair in pairs})
    if order.precision == "int8" and (photos < LEAST_PHOTOS or tiles < LEAST_TILES):
        raise UsageError(
            f"int8 is judged by at least {LEAST_PHOTOS} photos and {LEAST_TILES} tiles, and there are {photos} and "
            f"{tiles}. Give more with --held-out or --sample-places, or choose --precision fp32."
        )


def _in_integers(order: Order, plain: ModelBundle, folder: Path) -> dict[str, ModelBundle]:
    """Make the 8-bit bundle; none where there is nothing to quantise and nobody asked for it."""
    try:
        return {"int8": quantise_bundle(plain, folder)}
    except NothingToQuantise:
        if order.precision == "int8":
            raise
        return {}


def _sample(order: Order, bundle: ModelBundle) -> Sample:
    if order.held_out is not None:
        return held_out_sample(order.held_out, bundle.manifest)
    return city_sample(order.sample_places, bundle.manifest)


def _parity(found: Measured, sample: Sample) -> Parity:
    """What `Parity` says, of the files served: on the certificate's sample instead of noise."""
    samples = min(len(sample.photos), len(sample.tiles))
    return Parity(ground=found.ground_difference, aerial=found.aerial_difference, samples=samples)


def join_notes(*notes: str | Sequence[str]) -> list[str]:
    """Put notes for the operator into one list, leaving out empty ones."""
    flat = [note for part in notes for note in ([part] if isinstance(part, str) else part)]
    return [note for note in flat if note]

"""The ground network for devices: as ONNX, in ONNX Runtime's own format, and how a photo becomes its input."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np
import onnxruntime as ort
from pydantic import Field

from models.artefact import Frozen, appear_whole, sha256_file, write_manifest
from models.bundle import AnyGroundView, Embedding, FileName, ModelBundle, Sha256
from models.encoder import CPU, OnnxEncoder
from models.errors import UsageError
from models.exporting.certificate import Sample, cosine
from models.exporting.device_notes import device_notes
from models.exporting.noise import noise_sample
from models.exporting.processor import TIMED, cpu_name, median_ms
from models.provenance import LedgerEntry

ONNX_FILE, ORT_FILE, NOTES_FILE = "ground.onnx", "ground.ort", "preprocessing.json"
PARITY_LIMIT = 1e-4
FATAL_ONLY = 4


class DeviceFile(Frozen):
    file: FileName
    sha256: Sha256
    size_bytes: int = Field(ge=1)


class DeviceRow(Frozen):
    """One file of the network, run on one thread."""

    file: FileName
    size_bytes: int = Field(ge=1)
    panorama_ms: float = Field(ge=0)
    """Median of a photo of the whole circle, or of the one field of view that the network takes; network alone."""
    photo_90_ms: float | None = Field(default=None, ge=0)
    """The same of a photo of 90 degrees; None where the network takes one width only."""
    cosine: float = Field(ge=-1, le=1)
    """Smallest cosine with what ground.onnx says."""
    difference: float = Field(ge=0)
    """Largest absolute difference from it."""


class DeviceCertificate(Frozen):
    cpu: str = Field(default="", max_length=200)
    """On which the times were taken; a device's own are others."""
    threads: Literal[1] = 1
    runs: int = Field(ge=1)
    onnxruntime: str
    rows: tuple[DeviceRow, ...]
    aerial_bytes: int = Field(ge=1)
    """Of the network that describes tiles, which stays where the index is built."""


class DeviceManifest(Frozen):
    """What lies in the folder and where it comes from."""

    format_version: Literal[1] = 1
    kind: Literal["mobile"] = "mobile"
    name: str
    version: int
    label: str
    licence: str
    attribution: str
    ledger: tuple[LedgerEntry, ...] = ()
    model_sha256: Sha256
    """Identity of the model bundle: only indexes that were built with it understand these descriptions."""
    embedding: Embedding
    ground: AnyGroundView
    files: tuple[DeviceFile, ...]
    certificate: DeviceCertificate


def export_mobile(bundle: ModelBundle, out: Path) -> DeviceManifest:
    """Write ground.onnx, ground.ort, preprocessing.json and a manifest into a folder, whole or not at all.

    Raises:
        UsageError: `out` is taken, or the converted network says something else.
    """
    with appear_whole(out) as folder:
        shutil.copyfile(bundle.ground_path, folder / ONNX_FILE)
        write_ort(folder / ONNX_FILE, folder / ORT_FILE)
        notes = json.dumps(device_notes(bundle), indent=1, ensure_ascii=False, allow_nan=False)
        (folder / NOTES_FILE).write_text(notes + "\n", encoding="utf-8")
        manifest = _manifest(bundle, folder)
        write_manifest(folder, manifest)
    return manifest


def write_ort(source: Path, target: Path) -> None:
    """Convert a network to the format that small builds of ONNX Runtime load.

    Optimised for any processor: the last level, which lays out memory for the processor at hand, is left out. Casts of
    half weights are folded, so the file holds float32 and is larger than the ONNX one.
    """
    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
    options.optimized_model_filepath = str(target)
    options.log_severity_level = FATAL_ONLY
    options.add_session_config_entry("session.save_model_format", "ORT")
    ort.InferenceSession(str(source), sess_options=options, providers=[CPU])


def certify_device(bundle: ModelBundle, folder: Path) -> DeviceCertificate:
    """Time both files and hold the second against the first.

    Raises:
        UsageError: they differ by more than 1e-4.
    """
    sample, encoders = noise_sample(bundle.manifest), {}
    for name in (ONNX_FILE, ORT_FILE):
        ground = bundle.manifest.ground.model_copy(update={"file": name})
        moved = replace(bundle, folder=folder, manifest=bundle.manifest.model_copy(update={"ground": ground}))
        encoders[name] = OnnxEncoder(moved, threads=1, views=("ground",))
    rows = tuple(_row(name, encoder, encoders[ONNX_FILE], sample, folder) for name, encoder in encoders.items())
    apart = max(row.difference for row in rows)
    if apart > PARITY_LIMIT:
        raise UsageError(f"{ORT_FILE} differs by {apart:.2e} from {ONNX_FILE}; at most {PARITY_LIMIT:g}.")
    return DeviceCertificate(
        cpu=cpu_name(),
        runs=TIMED,
        onnxruntime=ort.__version__,
        rows=rows,
        aerial_bytes=bundle.aerial_path.stat().st_size,
    )


def _row(name: str, encoder: OnnxEncoder, reference: OnnxEncoder, sample: Sample, folder: Path) -> DeviceRow:
    whole = [photo.pixels for photo in sample.photos]
    pairs = [(encoder.ground(x[None]), reference.ground(x[None])) for x in (*whole[:4], *sample.narrow[:4])]
    return DeviceRow(
        file=name,
        size_bytes=(folder / name).stat().st_size,
        panorama_ms=median_ms(encoder.ground, whole),
        photo_90_ms=median_ms(encoder.ground, sample.narrow) if sample.narrow else None,
        cosine=min(cosine(found, expected) for found, expected in pairs),
        difference=max(float(np.abs(found - expected).max()) for found, expected in pairs),
    )


def _manifest(bundle: ModelBundle, folder: Path) -> DeviceManifest:
    model, certificate = bundle.manifest, certify_device(bundle, folder)
    files = [
        DeviceFile(file=path.name, sha256=sha256_file(path), size_bytes=path.stat().st_size)
        for path in sorted(folder.iterdir())
    ]
    return DeviceManifest(
        name=model.name,
        version=model.version,
        label=model.label,
        licence=model.licence,
        attribution=model.attribution,
        ledger=model.ledger,
        model_sha256=bundle.sha256,
        embedding=model.embedding,
        ground=model.ground.model_copy(update={"file": ONNX_FILE, "sha256": sha256_file(folder / ONNX_FILE)}),
        files=tuple(files),
        certificate=certificate,
    )

"""From any two ONNX files and a TOML file to a model bundle."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from models.artefact import appear_whole, sha256_file, write_manifest
from models.bundle import AerialView, AnyGroundView, Embedding, ModelBundle, ModelManifest, Parity, open_model_bundle
from models.errors import CheckpointMismatch, CheckpointUnreadable
from models.exporting.graph import is_any_width, sample_pixels
from models.importing.delivery import Order, deliver
from models.importing.ledger import licence_line, licence_notes, make_ledger
from models.importing.preprocessing import Ends, Preprocessing, read_preprocessing
from models.importing.rewire import rewire

Float32s = NDArray[np.float32]
BATCH = 2
UNIT_TOLERANCE = 1e-3
PARITY_LIMIT, HALF_PARITY_LIMIT = 1e-4, 1e-2


def import_onnx_pair(ground: Path, aerial: Path, preprocessing: Path, order: Order) -> ModelBundle:
    """Make a bundle of two ONNX files; SAMPLE in `models.importing.preprocessing` is a TOML file with all keys.

    The networks are rewired to the bundle's signature and run once to see that they keep to it.

    Raises:
        CheckpointError: a file is no network that ONNX Runtime can run, or not of the declared sizes.
        UsageError: the TOML file is wrong, or int8 was asked for and changes too many answers.
    """
    said = read_preprocessing(preprocessing)
    files = {"ground": ground, "aerial": aerial}
    manifest = _manifest(files, preprocessing, said, order)
    return deliver(order, lambda folder: _bundle(files, said, manifest, folder), lambda _: [])


def _bundle(files: dict[str, Path], said: Preprocessing, manifest: ModelManifest, out: Path) -> ModelBundle:
    specs: dict[str, AnyGroundView | AerialView] = {"ground": manifest.ground, "aerial": manifest.aerial}
    ends: dict[str, Ends] = {"ground": said.ground, "aerial": said.aerial}
    differences, views = {}, {}
    with appear_whole(out) as folder:
        for view, spec in specs.items():
            target = folder / spec.file
            original = open_session(files[view])
            free = is_any_width(spec)
            rewire(files[view], target, ends[view], normalise=said.embedding.normalise, any_width=free)
            differences[view] = _try(original, target, spec, manifest.embedding, ends[view])
            views[view] = spec.model_copy(update={"sha256": sha256_file(target)})
        proof = Parity(ground=differences["ground"], aerial=differences["aerial"], samples=BATCH)
        write_manifest(folder, manifest.model_copy(update={**views, "parity": proof}))
    return open_model_bundle(out)


def open_session(path: Path) -> ort.InferenceSession:
    """Load a network as it came.

    Raises:
        CheckpointUnreadable: ONNX Runtime cannot, with its reason.
    """
    if not path.is_file():
        raise CheckpointUnreadable(f"{path} does not exist.")
    try:
        return ort.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    except Exception as error:  # ONNX Runtime has no common base class for what loading raises
        reason = (str(error).splitlines() or [type(error).__name__])[0][:300]
        raise CheckpointUnreadable(
            f"ONNX Runtime {ort.__version__} cannot load {path}: {reason} Export it with standard operators of an "
            "operator set that this version knows; libraries of custom operators are not loaded."
        ) from error


def _try(
    original: ort.InferenceSession, target: Path, spec: AnyGroundView | AerialView, embedding: Embedding, ends: Ends
) -> float:
    """Run the rewired network and hold it against the original, picture by picture.

    Returns:
        Largest absolute difference of the unit rows.

    Raises:
        CheckpointMismatch: it does not run at the declared size or with two pictures at once, gives rows of another
            length, values that are not finite or, without `normalise`, rows that are not of unit length.
    """
    pixels: Float32s = sample_pixels(spec, BATCH).numpy()
    found = _run(open_session(target), target.name, "pixels", "embedding", pixels)
    if found.shape != (BATCH, embedding.size):
        raise CheckpointMismatch(
            f"{target.name} gives {found.shape} for {BATCH} pictures; [embedding] declares {embedding.columns} columns "
            f"of {embedding.channels} channels, {embedding.size} values each."
        )
    length = np.linalg.norm(found, axis=1)
    if not np.isfinite(found).all() or np.abs(length - 1).max() > UNIT_TOLERANCE:
        raise CheckpointMismatch(
            f"{target.name} gives rows of length {length.min():.3g} to {length.max():.3g}; they must be 1. Set "
            "normalise = true in [embedding], unless the values are not finite."
        )
    return _difference(original, found, pixels, ends, target.name)


def _difference(original: ort.InferenceSession, found: Float32s, pixels: Float32s, ends: Ends, name: str) -> float:
    entry = next(node for node in original.get_inputs() if ends.input in ("", node.name))
    exit_ = next(node for node in original.get_outputs() if ends.output in ("", node.name))
    half = "tensor(float16)" in (entry.type, exit_.type)
    dtype = np.float16 if entry.type == "tensor(float16)" else np.float32
    rows = [_run(original, name, entry.name, exit_.name, picture[None].astype(dtype)) for picture in pixels]
    expected = np.stack([row.ravel() for row in rows]).astype(np.float32)
    expected /= np.linalg.norm(expected, axis=1, keepdims=True)
    worst = float(np.abs(found - expected).max())
    if not worst <= (HALF_PARITY_LIMIT if half else PARITY_LIMIT):
        raise CheckpointMismatch(
            f"{name} gives other values for a picture among others than for the same picture alone (by {worst:.2e}): "
            "the network mixes the pictures of a batch. Export it in evaluation mode."
        )
    return worst


def _run(session: ort.InferenceSession, name: str, entry: str, exit_: str, pixels: NDArray[np.floating]) -> Float32s:
    try:
        (output,) = session.run([exit_], {entry: pixels})
    except Exception as error:  # nor has it one for what running raises
        reason = (str(error).splitlines() or [type(error).__name__])[0][:300]
        raise CheckpointMismatch(
            f"{name} does not run on {len(pixels)} picture(s) of shape {pixels.shape[1:]}: {reason} Correct the sizes "
            "in the TOML file, or export the network with a free batch axis."
        ) from error
    return np.asarray(output)


def _manifest(files: dict[str, Path], preprocessing: Path, said: Preprocessing, order: Order) -> ModelManifest:
    embedding, ground, aerial = said.views()
    if order.footprint_m is not None:
        aerial = aerial.model_copy(update={"footprint_m": order.footprint_m})
    ledger = make_ledger(order.declared)
    sums = {view: {"file": path.name, "sha256": sha256_file(path)} for view, path in files.items() if path.is_file()}
    return ModelManifest(
        name=order.name or "onnx-pair",
        version=order.version,
        label=f"Taken over from {files['ground'].name[:80]} and {files['aerial'].name[:80]}; its accuracy was not "
        "measured here.",
        licence=licence_line(ledger),
        attribution=order.declared.weights_holder,
        embedding=embedding,
        ground=ground,
        aerial=aerial,
        parity=Parity(ground=0.0, aerial=0.0, samples=1),
        ledger=ledger,
        training={
            "imported": "onnx",
            "files": sums,
            "preprocessing": {"file": preprocessing.name, **said.model_dump(mode="json")},
            "notes": licence_notes(ledger),
        },
    )

"""Photos and tiles into descriptions: the protocol, ONNX Runtime behind it, and a fake that needs no network."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Literal, Protocol, runtime_checkable

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from models.bundle import AerialView, Embedding, GroundView, ModelBundle, ModelManifest, Parity, identity
from models.cells import Cells
from models.errors import EncoderNonFinite, EncoderUnavailable, ModelUnreadable, ProviderUnavailable, SignatureMismatch

Float32s = NDArray[np.float32]
ProviderPolicy = Literal["cpu", "prefer-gpu", "require-gpu"]
CPU, CUDA = "CPUExecutionProvider", "CUDAExecutionProvider"
FATAL_ONLY = 4
ATTENTION = "attention"
"""Second output that a network may have: float32 (N, h, w) over the patches of its input."""
BUCKETS = (1, 2, 4, 8, 16, 32)
"""Batch sizes that a GPU runs: for any new one it would look for its fastest convolutions anew."""


class Encoder(Protocol):
    """What the index and the service know of a model."""

    @property
    def manifest(self) -> ModelManifest: ...

    @property
    def sha256(self) -> str:
        """Identity of the model bundle; an index remembers it."""

    @property
    def provider(self) -> str:
        """Execution provider that really runs the networks."""

    def ground(self, pixels: Float32s) -> Float32s:
        """Describe photos: (N, 3, H, W) normalised -> (N, w, E), rows of unit norm over all w * E."""

    def aerial(self, pixels: Float32s) -> Float32s:
        """Describe tiles: (N, 3, S, S) normalised -> (N, C, W * E), rows of unit norm.

        C = 1 is the centre of each tile; more are the cells of `manifest.aerial.cells`, in their order.
        """


@runtime_checkable
class Attending(Protocol):
    """An encoder that may tell where its networks looked."""

    def attends(self, view: Literal["ground", "aerial"]) -> bool:
        """Say whether the network of a view has the second output `attention`."""

    def ground_attended(self, pixels: Float32s) -> tuple[Float32s, Float32s]:
        """Describe photos as `Encoder.ground` does, and give maps (N, h, w) over the patches of each, in one run."""

    def aerial_attention(self, pixels: Float32s) -> Float32s | None:
        """Give maps (N, h, w) over the patches of tiles; None where the network tells nothing."""


class OnnxEncoder:
    """A model bundle in ONNX Runtime.

    Args:
        bundle: verified bundle.
        policy: `cpu`; `prefer-gpu`, which takes CUDA where it works; `require-gpu`, which refuses anything else.
        threads: threads inside one run, per network.
        views: the networks to load; using another raises KeyError.

    Raises:
        ModelUnreadable: ONNX Runtime cannot load a file.
        SignatureMismatch: inputs or outputs are not those of a bundle.
        ProviderUnavailable: `require-gpu` and CUDA did not come up (ONNX Runtime falls back without a word).
    """

    def __init__(
        self,
        bundle: ModelBundle,
        *,
        policy: ProviderPolicy = "cpu",
        threads: int = 1,
        views: tuple[Literal["ground", "aerial"], ...] = ("ground", "aerial"),
    ) -> None:
        self._bundle, self._policy, self._views, self._threads = bundle, policy, views, threads
        self._lock = threading.Lock()
        paths: dict[str, Path] = {"ground": bundle.ground_path, "aerial": bundle.aerial_path}
        self._sessions = {str(view): _open_session(paths[view], policy, threads) for view in views}
        for view, session in self._sessions.items():
            _check_signature(session, paths[view])
        self._provider = str(next(iter(self._sessions.values())).get_providers()[0])
        self._asked_only = ort.RunOptions()
        self._asked_only.only_execute_path_to_fetches = True

    @property
    def manifest(self) -> ModelManifest:
        return self._bundle.manifest

    @property
    def sha256(self) -> str:
        return self._bundle.sha256

    @property
    def provider(self) -> str:
        return self._provider

    def with_threads(self, threads: int) -> OnnxEncoder:
        """Open the same networks with so many threads inside one run."""
        return OnnxEncoder(self._bundle, policy=self._policy, threads=threads, views=self._views)

    def ground(self, pixels: Float32s) -> Float32s:
        return self._columns(self._run("ground", pixels)[0])

    def attends(self, view: Literal["ground", "aerial"]) -> bool:
        return len(self._sessions[view].get_outputs()) > 1

    def ground_attended(self, pixels: Float32s) -> tuple[Float32s, Float32s]:
        flat, maps = self._run("ground", pixels, ("embedding", ATTENTION))
        return self._columns(flat), maps

    def aerial_attention(self, pixels: Float32s) -> Float32s | None:
        """Give maps (N, h, w) over the patches of tiles; a network that was not among `views` is loaded for that."""
        with self._lock:
            if "aerial" not in self._sessions:
                path = self._bundle.aerial_path
                session = _open_session(path, self._policy, self._threads)
                _check_signature(session, path)
                self._sessions = {**self._sessions, "aerial": session}
        return self._run("aerial", pixels, (ATTENTION,))[0] if self.attends("aerial") else None

    def _columns(self, flat: Float32s) -> Float32s:
        channels = self.manifest.embedding.channels
        if flat.shape[1] % channels:
            raise SignatureMismatch(
                f"ground.onnx gave {flat.shape[1]} values a photo, which do not divide into {channels} channels."
            )
        return flat.reshape(len(flat), -1, channels)

    def aerial(self, pixels: Float32s) -> Float32s:
        (flat,) = self._run("aerial", pixels)
        cells, size = self.manifest.aerial.cell_count, self.manifest.embedding.size
        if flat.shape[1] != cells * size:
            said = f"{size}" if cells == 1 else f"{cells} cells of {size}"
            raise SignatureMismatch(f"aerial.onnx gave {flat.shape[1]} values a tile; the manifest says {said}.")
        return flat.reshape(len(flat), cells, size)

    def _run(self, view: str, pixels: Float32s, outputs: tuple[str, ...] = ("embedding",)) -> list[Float32s]:
        """Give the outputs that are asked for, row by row; what no other one needs is not computed."""
        session, parts = self._sessions[view], []
        for part, rows in bucketed(pixels) if self._provider == CUDA else [(pixels, len(pixels))]:
            try:
                found = session.run(list(outputs), {"pixels": part}, self._asked_only)
            except Exception as error:  # as for loading
                raise EncoderUnavailable(
                    f"{view}.onnx of {self.manifest.title} failed on {self._provider} for {len(part)} pictures: "
                    f"{_first_line(error)}"
                ) from error
            parts.append([np.asarray(output, dtype=np.float32)[:rows] for output in found])
        whole = [np.concatenate(same) if len(same) > 1 else same[0] for same in zip(*parts, strict=True)]
        if not all(np.isfinite(output).all() for output in whole):
            raise EncoderNonFinite(f"{view}.onnx of {self.manifest.title} gave values that are not finite.")
        return whole


def gpu_is_offered() -> bool:
    """Say whether this ONNX Runtime was built for CUDA; whether it works, only a session tells."""
    return CUDA in ort.get_available_providers()


def bucketed(pixels: Float32s) -> Iterator[tuple[Float32s, int]]:
    """Cut (N, …) into batches of the sizes of BUCKETS, the last filled up with zeros; how many rows of each count."""
    for start in range(0, max(1, len(pixels)), BUCKETS[-1]):
        part = pixels[start : start + BUCKETS[-1]]
        size = next(size for size in BUCKETS if size >= len(part))
        if size > len(part):
            part = np.concatenate([part, np.zeros((size - len(part), *part.shape[1:]), dtype=part.dtype)])
        yield part, min(BUCKETS[-1], len(pixels) - start)


def _open_session(path: Path, policy: ProviderPolicy, threads: int) -> ort.InferenceSession:
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = FATAL_ONLY
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    wanted: list[object] = [CPU]
    if policy != "cpu" and gpu_is_offered():
        ort.preload_dlls()  # CUDA and cuDNN from wheels are not on the loader's path
        wanted = [(CUDA, {"cudnn_conv_algo_search": "HEURISTIC"}), CPU]
    try:
        session = ort.InferenceSession(str(path), sess_options=options, providers=wanted)
    except Exception as error:  # ONNX Runtime has no common base class for what loading raises
        raise ModelUnreadable(f"ONNX Runtime {ort.__version__} cannot load {path}: {_first_line(error)}") from error
    found = session.get_providers()
    if policy == "require-gpu" and found[0] != CUDA:
        raise ProviderUnavailable(
            f"require-gpu, but ONNX Runtime runs {path.name} on {found[0]} "
            f"(available: {', '.join(ort.get_available_providers())}). "
            "Install the `gpu` extra and its CUDA libraries, or choose prefer-gpu."
        )
    return session


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0][:300] if str(error) else type(error).__name__


def _check_signature(session: ort.InferenceSession, path: Path) -> None:
    inputs = [(node.name, node.type, len(node.shape)) for node in session.get_inputs()]
    outputs = [(node.name, node.type, len(node.shape)) for node in session.get_outputs()]
    expected_in, expected_out = [("pixels", "tensor(float)", 4)], [("embedding", "tensor(float)", 2)]
    optional = [(ATTENTION, "tensor(float)", 3)]
    if inputs != expected_in or outputs not in (expected_out, [*expected_out, *optional]):
        raise SignatureMismatch(
            f"{path.name} takes {inputs} and gives {outputs}; a bundle's network takes {expected_in} "
            f"and gives {expected_out}, and {optional} if it likes. Export it again."
        )


class FakeEncoder:
    """An encoder without a network: each column is the mean colour seen along it.

    A tile is described by the mean colour of its W azimuth sectors, a photo by that of its canvas columns, so a
    photo painted with a tile's sector colours matches that tile and its heading. Each cell sees the largest square
    around it that all cells have inside the tile. For tests and dry runs.
    """

    provider = CPU

    def __init__(self, columns: int = 8, footprint_m: float = 64.0, cells: Cells | None = None) -> None:
        zero, one, none = (0.5, 0.5, 0.5), (0.5, 0.5, 0.5), "0" * 64
        self.manifest = ModelManifest(
            name="mean-colour",
            version=1,
            label="Mean colours, not a trained model.",
            licence="Apache-2.0",
            attribution="",
            embedding=Embedding(columns=columns, channels=4),
            ground=GroundView(
                sha256=none,
                height_px=16,
                width_px=columns * 8,
                vertical_fov_deg=90.0,
                margin_px=0,
                any_width=True,
                mean=zero,
                std=one,
            ),
            aerial=AerialView(sha256=none, size_px=32, footprint_m=footprint_m, cells=cells, mean=zero, std=one),
            parity=Parity(ground=0.0, aerial=0.0, samples=1),
            training={},
        )
        self.sha256 = identity(self.manifest)
        self._sectors = _sector_weights(columns, self.manifest.aerial)

    def ground(self, pixels: Float32s) -> Float32s:
        n, _, _, width = pixels.shape
        columns = pixels.reshape(n, 3, -1, width // 8, 8).mean(axis=(2, 4)).transpose(0, 2, 1)
        return _unit_columns(columns)

    def aerial(self, pixels: Float32s) -> Float32s:
        cells, columns = self._sectors.shape[:2]
        means = np.einsum("nchw,mkhw->nmkc", pixels, self._sectors).reshape(-1, columns, 3)
        return _unit_columns(means).reshape(len(pixels), cells, -1)


def _sector_weights(columns: int, view: AerialView) -> Float32s:
    """(C, W, S, S) weights that average a tile over each azimuth sector around each cell."""
    along = (np.arange(view.size_px) + 0.5) * view.footprint_m / view.size_px - view.footprint_m / 2
    reach = view.footprint_m / 2 - np.abs(view.cell_offsets_m).max()
    members = []
    for cell_east, cell_north in view.cell_offsets_m:
        east, north = np.meshgrid(along - cell_east, -along - cell_north)
        inside = np.maximum(np.abs(east), np.abs(north)) < reach
        sector = np.degrees(np.arctan2(east, north)) % 360.0 // (360.0 / columns)
        members.append((sector == np.arange(columns)[:, None, None]) & inside)
    member = np.stack(members)
    weights: Float32s = (member / np.maximum(member.sum(axis=(2, 3), keepdims=True), 1)).astype(np.float32)
    return weights


def _unit_columns(colours: Float32s) -> Float32s:
    """(N, w, 3) colours -> (N, w, 4) columns of equal norm, unit over all of a row."""
    padded = np.concatenate([colours, np.full((*colours.shape[:2], 1), 0.1)], axis=2)
    unit = padded / np.linalg.norm(padded, axis=2, keepdims=True)
    columns: Float32s = (unit / np.sqrt(colours.shape[1])).astype(np.float32)
    return columns

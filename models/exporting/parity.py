"""The proof that an exported network says what torch says."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime as ort
import torch

from models.bundle import AerialView, AnyGroundView
from models.errors import UsageError
from models.exporting.graph import Flat, is_any_width, sample_pixels
from models.networks.network import Network, View

PARITY_LIMIT = 1e-4
PARITY_SAMPLES = 4


def parity(network: Network, view: View, spec: AnyGroundView | AerialView, path: Path) -> float:
    """Largest difference between torch and ONNX Runtime, full width and, where it is free, a narrow photo.

    Raises:
        UsageError: it is above 1e-4, or the network gives values that are not finite.
    """
    session = ort.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    samples = [sample_pixels(spec, PARITY_SAMPLES)]
    if is_any_width(spec) and not isinstance(spec, AerialView):
        samples.append(sample_pixels(spec, PARITY_SAMPLES, spec.width_px // 4))
    flat, worst = Flat(network, view), 0.0
    for pixels in samples:
        with torch.inference_mode():
            expected = [output.numpy() for output in flat(pixels)]
        found = session.run(list(flat.outputs), {"pixels": pixels.numpy()})
        if not all(np.isfinite(output).all() for output in (*found, *expected)):
            raise UsageError(f"The {view} network gives values that are not finite on noise; its weights are broken.")
        gaps = [float(np.abs(a - b).max()) for a, b in zip(found, expected, strict=True)]
        if max(gaps[1:], default=0.0) > PARITY_LIMIT:
            raise UsageError(f"The attention of the exported {view} network differs by {gaps[1]:.2e} from torch.")
        worst = max(worst, gaps[0])
    if worst > PARITY_LIMIT:
        raise UsageError(f"The exported {view} network differs by {worst:.2e} from torch; at most {PARITY_LIMIT:g}.")
    return worst

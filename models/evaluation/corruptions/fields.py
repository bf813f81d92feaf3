"""Random fields that repeat at their borders, so that they wrap around a panorama."""

from __future__ import annotations

import numpy as np

from models.evaluation.corruptions.kernels import REFERENCE_SIDE_PX, Floats, scale_of


def fractal(shape: tuple[int, int], decay: float, rng: np.random.Generator) -> Floats:
    """Clouds: noise whose octaves lose amplitude by `decay` each time the grain halves.

    The power of an octave is the integral of the spectrum over its ring, so amplitudes go as f^-(1 + log2(decay)): the
    spectrum of midpoint displacement ("plasma") with that decay.

    Args:
        shape: (H, W) of the field.
        decay: above 1; 2 is smooth, 1.4 rugged.
        rng: draws the phases.

    Returns:
        (H, W) of mean 0 and standard deviation 1; waves longer than the shorter side are no stronger than it.
    """
    side_px = REFERENCE_SIDE_PX * scale_of(shape)
    rows, columns = np.fft.fftfreq(shape[0]), np.fft.rfftfreq(shape[1])
    waves = np.sqrt(rows[:, None] ** 2 + columns[None] ** 2).astype(np.float32) * np.float32(side_px)
    spectrum = np.fft.rfft2(rng.standard_normal(shape, dtype=np.float32))
    spectrum *= np.maximum(waves, 1) ** np.float32(-1 - np.log2(decay))
    spectrum[0, 0] = 0
    field = np.fft.irfft2(spectrum, shape)
    return (field / max(float(field.std()), 1e-6)).astype(np.float32)

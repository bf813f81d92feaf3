"""The service's commands. Importing it says to BLAS and OpenMP, which NumPy loads after it, to start no threads.

Photos are answered side by side, a core each. Libraries that split one photo's small products over all cores besides
keep those cores busy with waiting for each other: of the photos a second on two cores a third was left.
"""

from __future__ import annotations

import os

for library in ("OMP", "OPENBLAS", "MKL"):
    os.environ.setdefault(f"{library}_NUM_THREADS", "1")

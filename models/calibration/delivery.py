"""A bundle with another calibration: the networks and their identity stay, so indexes built with it stay good."""

from __future__ import annotations

import shutil
from pathlib import Path

from models.artefact import appear_whole, write_manifest
from models.bundle import ModelBundle, open_model_bundle
from models.calibration.model import Calibration
from models.errors import BundleError


def deliver(bundle: ModelBundle, calibration: Calibration, out: Path | None) -> ModelBundle:
    """Write a copy of a bundle with this calibration; in place, the manifest alone, when `out` is None.

    Raises:
        UsageError: `out` exists and is not empty.
        BundleError: what was written does not verify.
    """
    manifest = bundle.manifest.model_copy(update={"calibration": calibration})
    folder = out or bundle.folder
    if out is None:
        write_manifest(folder, manifest)
    else:
        with appear_whole(out) as draft:
            for path in (bundle.ground_path, bundle.aerial_path):
                shutil.copyfile(path, draft / path.name)
            write_manifest(draft, manifest)
    written = open_model_bundle(folder)
    if written.sha256 != bundle.sha256:
        raise BundleError(f"{folder} has become another model while it was written. Copy the bundle again.")
    return written

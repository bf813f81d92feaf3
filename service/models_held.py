"""The model bundles of a server: each index gets the one that described it, and one session however many share it."""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from pathlib import Path
from weakref import WeakValueDictionary

from index.bundle import resolve_generation
from index.manifest import IndexManifest, read_index_manifest
from index.region_file import is_region, read_region
from models.bundle import ModelBundle, default_bundle_path, open_model_bundle
from models.encoder import CPU, OnnxEncoder, ProviderPolicy
from models.errors import ModelMismatch

logger = logging.getLogger("skyfix")


class ModelsHeld:
    """Opens bundles anew for every load, as they may have been replaced, but no session twice while one is in use.

    Args:
        bundles: bundle folders; the committed one when there is none.
        policy: where the networks shall run.
        threads: threads inside one run.
    """

    def __init__(self, bundles: Sequence[Path] = (), policy: ProviderPolicy = "cpu", threads: int = 1) -> None:
        self._folders = tuple(bundles) or (default_bundle_path(),)
        self.policy, self._threads = policy, threads
        self._encoders: WeakValueDictionary[str, OnnxEncoder] = WeakValueDictionary()
        self._lock = threading.Lock()

    def bundle_for(self, index: Path) -> ModelBundle:
        """Open and verify the bundle that an index was built with; the only one there is for whatever index.

        Raises:
            BundleError: a bundle or the index cannot be trusted, or no bundle is the right one.
        """
        if len(self._folders) == 1:
            return open_model_bundle(self._folders[0])
        manifest = _manifest_of(index)
        bundles = [open_model_bundle(folder) for folder in self._folders]
        for bundle in bundles:
            if bundle.sha256 == manifest.model_sha256:
                return bundle
        given = ", ".join(f"{bundle.manifest.title} ({bundle.sha256[:12]}…)" for bundle in bundles)
        raise ModelMismatch(
            f"Index {manifest.title} was built with the model {manifest.model_title} "
            f"({manifest.model_sha256[:12]}…), which is none of those given: {given}. Add its bundle by --bundle."
        )

    def encoder_of(self, bundle: ModelBundle) -> OnnxEncoder:
        """Give the session of a bundle's ground network, open already if an index that is still used has it.

        Raises:
            EncoderError, BundleError: ONNX Runtime cannot run it, or not where it has to.
        """
        with self._lock:
            encoder = self._encoders.get(bundle.sha256)
            if encoder is None:
                encoder = OnnxEncoder(bundle, policy=self.policy, threads=self._threads, views=("ground",))
                self._encoders[bundle.sha256] = encoder
                if self.policy != "cpu" and encoder.provider == CPU:
                    logger.warning("degraded: %s was wished, but the network runs on %s", self.policy, CPU)
            return encoder


def _manifest_of(index: Path) -> IndexManifest:
    """Read the manifest of an index, or of the first member of a region: all have the same model."""
    return (
        read_region(index).members[0].manifest if is_region(index) else read_index_manifest(resolve_generation(index))
    )

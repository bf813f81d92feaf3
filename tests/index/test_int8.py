"""An index described in 8-bit integers: a model of its own, from the first tile to the search."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from index.build import Run, build_index
from index.bundle import open_index
from index.search import Searcher
from models.bundle import ModelBundle
from models.encoder import OnnxEncoder
from models.errors import ModelMismatch
from models.exporting.quantise import quantise_bundle
from models.preprocess import aerial_input
from tests.index.made import Noise

RUN = Run(workers=1)


def test_an_index_of_an_int8_network_is_built_searched_and_held_apart(tmp_path: Path, tiny_bundle: ModelBundle) -> None:
    small = quantise_bundle(tiny_bundle, tmp_path / "int8")
    encoder = OnnxEncoder(small, views=("aerial",))
    view = small.manifest.aerial
    source = Noise(count=30, footprint_m=view.footprint_m)
    build_index(source, encoder, tmp_path / "index", name="small", run=RUN)
    index = open_index(tmp_path / "index", small)
    tile = next(item for item in source if item.id == index.tiles.id[7])
    description = encoder.aerial(aerial_input(tile.pixels, view)[None])[0, :1]  # type: ignore[union-attr]
    assert int(Searcher(index).search(description, 1).rows[0]) == 7
    with pytest.raises(ModelMismatch):
        open_index(tmp_path / "index", tiny_bundle)
    plain = build_index(source, OnnxEncoder(tiny_bundle, views=("aerial",)), tmp_path / "plain", name="plain", run=RUN)
    assert not np.array_equal(open_index(plain.path).vectors, index.vectors)

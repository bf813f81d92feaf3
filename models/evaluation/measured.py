"""What is known of every query once it has been ranked."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from models.bundle import ModelManifest
from models.columns import centre_heading, mean_cosine_scale
from models.datasets.pairset import Floats, Ints, PairSet
from models.evaluation.embeddings import Embeddings
from models.evaluation.metrics import TieRule, heading_error_deg
from models.evaluation.protocols import PROTOCOLS, Protocol
from models.evaluation.ranking import Ranking
from models.evaluation.settings import FULL_DEG, Settings, panorama_fov_deg
from models.evaluation.similarity import paired_products, rows_of

PAIRS_AT_ONCE = 4096


@dataclass(frozen=True, slots=True)
class Measured:
    """A ranked data set, query by query."""

    manifest: ModelManifest
    pairs: PairSet
    protocol_name: str
    settings: Settings
    embeddings: Embeddings
    ranking: Ranking

    @property
    def protocol(self) -> Protocol:
        return PROTOCOLS[self.protocol_name]

    @property
    def heading_deg(self) -> Floats:
        """(Q,) true headings of what was shown; NaN where unknown."""
        return self.embeddings.photos[:, 2]

    @property
    def cosine_scale(self) -> Floats:
        """(Q,) factors that turn inner products into mean cosines of the columns seen."""
        seen, which = np.unique(self.embeddings.photos[:, 0], return_inverse=True)
        scale = np.array([mean_cosine_scale(int(count), self.embeddings.meta.columns) for count in seen])
        return np.asarray(scale[which])

    @property
    def fov_deg(self) -> float | None:
        """Widest horizontal field of view of a query; None where the data set does not know any."""
        fov_deg = self.pairs.fov_deg.copy()
        fov_deg[fov_deg >= FULL_DEG] = panorama_fov_deg(self.settings, self.manifest)
        known = fov_deg[~np.isnan(fov_deg)]
        return float(known.max()) if known.size else None

    def error_m(self) -> Floats:
        """(Q,) metres from the photo to the centre of its best tile; NaN where unknown."""
        if self.pairs.positions is None:
            return np.full(len(self.pairs), np.nan)
        return self.pairs.positions.error_m(np.arange(len(self.pairs)), self.ranking.top[:, 0])

    def heading_error_deg(self) -> Floats:
        """(Q,) degrees, matched to the right tile; NaN where the heading was given or is unknown."""
        seen, turns, true = self.embeddings.photos.T
        found = np.empty(len(seen))
        for count in np.unique(seen):
            alike = seen == count
            first = self.ranking.shift[alike] * self.embeddings.meta.columns / turns[alike]
            found[alike] = centre_heading(first, int(count), self.embeddings.meta.columns)
        off: Floats = np.asarray(heading_error_deg(found, true), dtype=np.float64)
        return np.where((turns > 1) & np.isfinite(self.ranking.similarity), off, np.nan)

    def hit_ranks(self, ties: TieRule) -> Ints | None:
        """(Q,) ranks after the semi-positives that come before the right tile are taken away, as VIGOR's hit rate has
        it; None for data sets without them and for protocols that go by position."""
        semi = self.pairs.semi_positive
        query, place = np.nonzero(semi >= 0)
        if not query.size or self.protocol.radius_m is not None:
            return None
        true, value = self.ranking.similarity[query], self._similarity(query, semi[query, place])
        ahead = value >= true if ties == "pessimistic" else value > true
        return self.ranking.ranks(ties) - np.bincount(query[ahead], minlength=len(semi))

    def _similarity(self, query: Ints, row: Ints) -> Floats:
        """Exact inner products of chosen pairs, by the arithmetic of the ranking."""
        made, value = self.embeddings, np.empty(len(query))
        turns = made.photos[query, 1]
        for tries in np.unique(turns):
            alike = np.flatnonzero(turns == tries)
            for start in range(0, len(alike), PAIRS_AT_ONCE):
                part = alike[start : start + PAIRS_AT_ONCE]
                ground, aerial = made.ground[query[part]], made.aerial[rows_of(row[part], made.meta.cells)]
                value[part], _ = paired_products(ground, aerial, made.meta.columns, int(tries), made.meta.cells)
        return value

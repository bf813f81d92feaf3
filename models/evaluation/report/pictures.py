"""Single queries as pictures: the photo, its own tile and the five best, embedded as small JPEGs."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from html import escape

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from models.evaluation.embeddings import read_tile
from models.evaluation.queries import show
from models.evaluation.ranking import NEVER
from models.evaluation.report.wording import metres, setting_words
from models.evaluation.run import Run

Pixels = NDArray[np.uint8]
Ints = NDArray[np.int64]
MISSES, HITS = 24, 12
PHOTO_BOX, TILE_BOX = (360, 120), (120, 120)
QUALITY = 72


def pictures(run: Run) -> str:
    """Show the worst misses and some hits spread over the data set."""
    rank = run.measured.ranking.ranks("pessimistic")
    missed, found = worst_misses(rank), spread_hits(rank)
    name = escape(setting_words(run.result))
    wrong, right = int((rank > 0).sum()), int((rank == 0).sum())
    return (
        f"<h2>Queries, {name}</h2>"
        + _cases(run, missed, f"Misses: the {len(missed)} worst of {wrong}")
        + _cases(run, found, f"Hits: {len(found)} of {right}, spread over the data set")
    )


def worst_misses(rank: Ints) -> Ints:
    """Queries whose right tile ranks last, worst first; equal ones in their order."""
    order = np.argsort(-rank, kind="stable")[:MISSES]
    return order[rank[order] > 0]


def spread_hits(rank: Ints) -> Ints:
    """Up to a dozen queries that were hit, evenly spread."""
    hits = np.flatnonzero(rank == 0)
    if not hits.size:
        return hits
    return hits[np.unique(np.linspace(0, len(hits) - 1, min(HITS, len(hits))).astype(np.int64))]


def _cases(run: Run, queries: Sequence[int] | Ints, title: str) -> str:
    if not len(queries):
        return ""
    return f"<h3>{title}</h3>" + "".join(_case(run, int(query)) for query in queries)


def _case(run: Run, query: int) -> str:
    measured = run.measured
    ranking, pairs = measured.ranking, measured.pairs
    scale = measured.cosine_scale[query]
    seen = show(pairs, query, measured.settings, measured.manifest).pixels
    rank = int(ranking.ranks("pessimistic")[query])
    error = metres(float(measured.error_m()[query]))
    own = f"right tile: rank {rank + 1} of {run.result.gallery}, {scale * ranking.similarity[query]:.3f}"
    own = "own tile; none is near enough to be right" if rank == NEVER else own
    cards = [
        _card(seen, PHOTO_BOX, pairs.ground[query].name, f"query {query}" + (f", error {error}" if error else "")),
        _card(_tile(run, int(pairs.positive[query])), TILE_BOX, pairs.aerial[pairs.positive[query]].name, own, "own"),
    ]
    for place, (row, similarity) in enumerate(zip(ranking.top[query], ranking.top_similarity[query], strict=True), 1):
        is_own = " own" if row == pairs.positive[query] else ""
        words = f"{place}: {scale * similarity:.3f}"
        cards.append(_card(_tile(run, int(row)), TILE_BOX, pairs.aerial[row].name, words, f"top{is_own}"))
    return f'<div class="case">{"".join(cards)}</div>'


def _tile(run: Run, row: int) -> Pixels:
    return read_tile(run.measured.pairs, row, run.measured.settings)


def _card(pixels: Pixels, box: tuple[int, int], name: str, words: str, kind: str = "") -> str:
    return (
        f'<div class="card {kind}"><img alt="{escape(name)}" title="{escape(name)}" src="{_data_uri(pixels, box)}">'
        f"<span>{escape(words)}</span></div>"
    )


def _data_uri(pixels: Pixels, box: tuple[int, int]) -> str:
    picture, stream = Image.fromarray(np.ascontiguousarray(pixels)), io.BytesIO()
    picture.thumbnail(box, Image.Resampling.LANCZOS)
    picture.save(stream, "JPEG", quality=QUALITY)
    return "data:image/jpeg;base64," + base64.b64encode(stream.getvalue()).decode()

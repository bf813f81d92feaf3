"""Search over one index: questions are checked here, answered by a store, and read as places."""

from __future__ import annotations

import numpy as np

from index.aliasing_file import AliasingMap, read_aliasing
from index.areas import Area, Circle
from index.background import PlacesAtLarge
from index.bundle import Index
from index.gallery import About, TileFacts, about_index
from index.hits import Background, CellHits, Evidence, Float32s, Hits, Int64s
from index.manifest import ALIASING, IMAGERY
from index.map_tiles import Pyramid
from index.nearby import Nearby
from index.probes import check_probes, probe_recall
from index.runs import Runs
from index.search_file import open_store
from index.stores.padding import padded_top
from index.stores.scan import compare
from index.stores.store import Layout, VectorStore
from index.tiles import Bounds
from models.background import background_rows
from models.encoder import ProviderPolicy
from models.errors import EncoderNonFinite, IndexMismatch, ParameterError
from models.geo import Floats

PROBE_SLACK = 0.02


class Searcher:
    """The gallery of one index; safe for many threads at once.

    In every method `queries` is (S, D) float32: one description, or the same one laid out at S headings. A cell's
    similarity is the inner product with its best query, a tile's that of its best cell.

    Args:
        index: opened and verified.
        store: finds the best of its rows; by default the one that the index was built for.
        policy: whether that one takes GPUs.

    Raises:
        ProbeFailed: the search does not give the answers that the index's probes expect.
        ProviderUnavailable: `require-gpu`, and the search cannot be there.

    Every method that takes queries raises EncoderNonFinite where one holds NaN or infinity, IndexMismatch where D is
    not the index's, and ParameterError where a number or place makes no sense.
    """

    def __init__(self, index: Index, store: VectorStore | None = None, policy: ProviderPolicy = "cpu") -> None:
        self._index, self._nearby = index, Nearby(index.tiles)
        self._rows, self._layout = index.cell_rows, layout_of(index)  # (N * C, D)
        self.about: About = about_index(index)
        self._store = store or open_store(index, policy)
        self._pyramid = None if index.manifest.imagery is None else Pyramid(index.folder / IMAGERY)
        self._at_large = PlacesAtLarge(self._rows[background_rows(len(self._rows))], self._layout.columns)
        self._promised = 1.0 if store is not None else _promised(index)
        check_probes(index.probes, self._top, f"The search over {index.title}", self._promised)

    @property
    def store(self) -> VectorStore:
        return self._store

    def search(self, queries: Float32s, k: int) -> Hits:
        """Find the k best tiles of the whole index.

        All come back if there are fewer. Among tiles that tie for the last place any may be left out.
        """
        return self._store.best_tiles(self._checked(queries, k), k)

    def search_near(self, queries: Float32s, lat: float, lon: float, radius_m: float, k: int) -> tuple[Hits, int]:
        """Find the k best tiles whose centres lie within a radius of a place (WGS84 degrees), as `search_in` does."""
        return self.search_in(queries, Circle(lat, lon, radius_m), k)

    def search_in(self, queries: Float32s, area: Area, k: int) -> tuple[Hits, int]:
        """Find the k best tiles whose centres lie in an area.

        Returns:
            The tiles, and how many were scanned: all in the area, 0 where there is none.
        """
        queries, runs = self._checked(queries, k), self._nearby.runs(area)
        return self._store.best_tiles(queries, k, runs), runs.count

    def top_cells(self, queries: Float32s, k: int) -> CellHits:
        """Find the k best cells of the whole index, as `search` finds tiles."""
        return self._store.best_cells(self._checked(queries, k), k)

    def top_cells_near(self, queries: Float32s, lat: float, lon: float, radius_m: float, k: int) -> CellHits:
        """Find the k best cells of the tiles whose centres lie within a radius of a place, as `search_near` does."""
        queries, runs = self._checked(queries, k), self._nearby.runs(Circle(lat, lon, radius_m))
        return self._store.best_cells(queries, k, runs)

    def evidence(self, queries: Float32s, rows: Int64s) -> Evidence:
        """Compare every cell of chosen tiles with every query."""
        queries = self._checked(queries)
        parts = [np.empty((0, self._layout.cells, len(queries)), np.float32)]
        vectors = self._rows.reshape(self._layout.tiles, self._layout.cells, self._layout.size)
        rising, place = np.unique(rows, return_inverse=True)
        parts += [scores for _, scores in compare(vectors, Runs.of(rising), queries)]
        return Evidence(rows, np.concatenate(parts)[place])

    def background(self, queries: Float32s) -> Background:
        """Say how similar the description is to the places of this index at large, at the best shift of each.

        Over up to 4,096 cells, evenly spread and the same every time; their inner products, like all others here, are
        those of a photo whose unseen columns are zero (`models.columns.mean_cosine_scale`).
        """
        return self._at_large.compare(self._checked(queries))

    def rows_near(self, lat: float, lon: float, radius_m: float) -> Int64s:
        """Give the rows, rising, of the tiles whose centres lie within a radius of a place."""
        return self._nearby.rows(lat, lon, radius_m)

    def neighbourhood(self, rows: Int64s, radius_m: float) -> Int64s:
        """Give the rows, rising, of the tiles whose centres lie within a radius of that of any of some tiles."""
        return self._nearby.around(rows, radius_m)

    def described(self, rows: Int64s, cells: Int64s) -> Float32s:
        """Give the stored descriptions (K, D) of cells."""
        found: Float32s = self._rows[rows * self._layout.cells + cells].astype(np.float32)
        return found

    def centres(self, rows: Int64s) -> tuple[Floats, Floats]:
        """Give lat and lon of the centres of tiles."""
        return self._index.tiles.lat[rows], self._index.tiles.lon[rows]

    def cell_lat_lon(self, rows: Int64s, cells: Int64s) -> tuple[Floats, Floats]:
        """Give lat and lon of cells; rows and cells broadcast."""
        return self._index.cell_lat_lon(rows, cells)

    def ids(self, rows: Int64s) -> list[str]:
        """Give the ids of tiles."""
        return [self._index.tiles.id[row] for row in rows.tolist()]

    def tile(self, row: int) -> TileFacts:
        tiles = self._index.tiles
        credit = tiles.credit(row) or self._index.manifest.attribution or None
        resolution_m = float(tiles.ground_resolution_m[row])
        return TileFacts(tiles.id[row], tiles.bounds(row), tiles.captured[row], credit, resolution_m)

    def members_bounds(self) -> tuple[Bounds, ...]:
        """Give nothing: every tile is at hand."""
        return ()

    def map_tile(self, zoom: int, x: int, y: int) -> bytes | None:
        """Give a map tile of the imagery; None where there is none, or no pictures were kept."""
        return None if self._pyramid is None else self._pyramid.tile(zoom, x, y)

    def aliasing(self) -> AliasingMap | None:
        """Give where places look alike; None where no map of that was kept."""
        return None if self._index.manifest.aliasing is None else read_aliasing(self._index.folder / ALIASING)

    def probe_recall(self) -> float:
        """Give the share of the index's probes that the search answers now; less than 1 is an alarm.

        An approximate search is held to the share that was measured when the index was published, and 1 is all of it.
        """
        return min(1.0, probe_recall(self._index.probes, self._top) / self._promised)

    def _top(self, queries: Float32s, k: int) -> tuple[Int64s, Float32s]:
        """Answer each query by itself: (P, D) -> (P, k) rows of `Index.cell_rows` and similarities."""
        return padded_top(self._store, self._layout)(self._checked(queries, k), k)

    def _checked(self, queries: Float32s, k: int = 1) -> Float32s:
        return checked_queries(queries, self._layout.size, self._index.title, k)


def checked_queries(queries: Float32s, size: int, title: str, k: int = 1) -> Float32s:
    """Give queries as stores want them.

    Args:
        queries: should be (S, D).
        size: D of the gallery.
        title: of the gallery, for messages.
        k: how many hits are wanted.

    Raises:
        EncoderNonFinite, IndexMismatch, ParameterError: see Searcher.
    """
    if k < 1:
        raise ParameterError("top_k", f"{k} is not positive.")
    if queries.ndim != 2 or len(queries) == 0 or queries.shape[1] != size:
        raise IndexMismatch(f"{title} takes queries of (S, {size}) values, not {queries.shape}.")
    if not np.isfinite(queries).all():
        raise EncoderNonFinite("The photo's description holds values that are not finite; nothing was searched.")
    return np.ascontiguousarray(queries, dtype=np.float32)


def _promised(index: Index) -> float:
    """Give the share of probes that must be answered; another machine's rounding may lose a few."""
    profile = index.manifest.profile
    if profile is None or profile.effort is None:
        return 1.0
    return max(PROBE_SLACK, profile.effort.probe_recall - PROBE_SLACK)


def layout_of(index: Index) -> Layout:
    embedding = index.manifest.embedding
    return Layout(len(index), index.cell_count, embedding.columns, embedding.size)

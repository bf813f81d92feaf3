"""What every back end of the search is: descriptions of cells that can be asked for the most similar ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from index.hits import CellHits, Float32s, Hits
from index.runs import Runs


@dataclass(frozen=True, slots=True)
class Layout:
    """What the rows of a store are."""

    tiles: int
    """N."""
    cells: int
    """C: descriptions of a tile, for example one a camera position or a footprint."""
    columns: int
    """W: azimuth columns of a description; 1 for a plain vector."""
    size: int
    """D: values of a description."""

    @property
    def rows(self) -> int:
        """N * C; cell c of tile r is row r * C + c."""
        return self.tiles * self.cells


class VectorStore(Protocol):
    """Descriptions of cells, asked by inner product; safe for many threads at once.

    In every method `queries` is (S, D) float32, finite: one description, or the same one laid out at S headings. A
    cell's similarity is the inner product with its best query, float32 over the stored float16 values; a tile's is
    that of its best cell. `within` leaves only the tiles of some rows to be found; None is all of them.

    A store may overlook a row that belongs in the answer (`recall` is what its profile promises), but what it gives
    is right: rows that exist, none twice, similarities that are the inner products to 1e-4, in falling order, the first
    shift of those that are as good.
    """

    @property
    def layout(self) -> Layout: ...

    @property
    def name(self) -> str:
        """What it is, for people: `exact`, `compact`, `milvus`."""

    def best_tiles(self, queries: Float32s, k: int, within: Runs | None = None) -> Hits:
        """Find the k best tiles, all if there are fewer; of tiles that tie for the last place any may be left out."""

    def best_cells(self, queries: Float32s, k: int, within: Runs | None = None) -> CellHits:
        """Find the k best cells, as `best_tiles` finds tiles; several may be of one tile."""

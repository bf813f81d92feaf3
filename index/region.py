"""A region: many indexes asked as one, by place where one is known, all of them where none is."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TypeVar

import numpy as np

from index.aliasing_file import AliasingMap, MemberAliasing
from index.areas import Area, Circle, boxes_of
from index.background import PlacesAtLarge
from index.gallery import About, TileFacts
from index.hits import NO_ROWS, Background, CellHits, Evidence, Float32s, Hits, Int64s
from index.manifest import IMAGERY
from index.map_tiles import MemberPictures
from index.region_merge import Found, best_cells, best_tiles
from index.region_plan import Member, RegionPlan, about_region
from index.region_reach import check_circle
from index.region_rows import Rows
from index.search import Searcher, checked_queries
from index.shelf import MAX_OPEN, Shelf
from index.tiles import Bounds
from models.geo import Floats

MOST_THREADS, FEW = 16, 4
Answer = TypeVar("Answer")
NO_FOUND = Found(Hits(NO_ROWS, np.empty(0, np.float32), NO_ROWS, NO_ROWS), (), np.empty(0), np.empty(0))


class Region:
    """The gallery of many indexes; safe for many threads at once.

    A question about a place opens the members whose bounds reach into its circle, one about everywhere all of them. A
    member that is needed and cannot be opened fails the question: half an answer would look like a whole one. Tile r
    of a member is row `start + r` of the region, members one after another. Where members hold the same tile (id and
    centre), the better of its descriptions counts; `rows_near` names the one of the member that is listed first.

    Args:
        plan: the members.
        open_member: verifies and opens one.
        max_open: members that are kept open.
        max_bytes: of their vectors as stored; None for any.
        threads: members asked at once; by the cores when None.
    """

    def __init__(
        self,
        plan: RegionPlan,
        open_member: Callable[[Member], Searcher],
        *,
        max_open: int = MAX_OPEN,
        max_bytes: int | None = None,
        threads: int | None = None,
    ) -> None:
        self.about: About = about_region(plan)
        self.notices = plan.notices
        self._plan, self._members, self._boxes = plan, plan.members, plan.boxes
        sizes = [member.vector_bytes for member in plan.members]
        self._shelf = Shelf(sizes, lambda number: open_member(plan.members[number]), max_open, max_bytes)
        self._rows = Rows(plan, self._boxes.neighbours(), self._shelf.get)
        self._at_large = PlacesAtLarge(plan.background, self.about.embedding.columns)
        self._pictures = MemberPictures(
            [(m.folder / IMAGERY, m.manifest.bounds) for m in plan.members if m.manifest.imagery is not None]
        )
        self._alike = MemberAliasing([(m.folder, m.manifest) for m in plan.members if m.manifest.aliasing is not None])
        self._pool = ThreadPoolExecutor(threads or min(MOST_THREADS, os.cpu_count() or 1), "region")

    @property
    def open_members(self) -> tuple[str, ...]:
        """Names of the members that are open now, the longest unused first."""
        return tuple(self._members[number].name for number in self._shelf.held)

    def search(self, queries: Float32s, k: int) -> Hits:
        """Find the k best tiles of all members."""
        queries = self._checked(queries, k)
        return best_tiles(self._ask(self._all(), lambda n, m: self._found(n, m, m.search(queries, k))), k)

    def search_near(self, queries: Float32s, lat: float, lon: float, radius_m: float, k: int) -> tuple[Hits, int]:
        """Find the k best tiles whose centres lie within a radius of a place (WGS84 degrees), and say how many do.

        The same ground in two members is two that do.
        """
        queries = self._checked(queries, k)
        return self._search(queries, Circle(lat, lon, radius_m), self._reached(lat, lon, radius_m), k)

    def search_in(self, queries: Float32s, area: Area, k: int) -> tuple[Hits, int]:
        """Find the k best tiles whose centres lie in an area, as `search_near` does."""
        return self._search(self._checked(queries, k), area, self._boxes.meeting(boxes_of(area)), k)

    def top_cells(self, queries: Float32s, k: int) -> CellHits:
        """Find the k best cells of all members."""
        queries = self._checked(queries, k)
        return best_cells(self._ask(self._all(), lambda n, m: self._found(n, m, m.top_cells(queries, k))), k)

    def top_cells_near(self, queries: Float32s, lat: float, lon: float, radius_m: float, k: int) -> CellHits:
        """Find the k best cells of the tiles whose centres lie within a radius of a place."""
        queries = self._checked(queries, k)

        def near(number: int, member: Searcher) -> Found:
            return self._found(number, member, member.top_cells_near(queries, lat, lon, radius_m, k))

        return best_cells([NO_FOUND, *self._ask(self._reached(lat, lon, radius_m), near)], k)

    def evidence(self, queries: Float32s, rows: Int64s) -> Evidence:
        """Compare every cell of chosen tiles with every query; of the same cell twice, the better description."""
        queries = self._checked(queries)
        similarity = np.empty((len(rows), self.about.cells, len(queries)), np.float32)
        for member, places, own in self._rows.parts(rows):
            similarity[places] = member.evidence(queries, own).similarity
        for member, places, own in self._rows.twins(rows):
            other = member.evidence(queries, own).similarity
            better = other.max(axis=2, keepdims=True) > similarity[places].max(axis=2, keepdims=True)
            similarity[places] = np.where(better, other, similarity[places])
        return Evidence(rows, similarity)

    def background(self, queries: Float32s) -> Background:
        """Say how similar the description is to places of all members at large; opens none of them."""
        return self._at_large.compare(self._checked(queries))

    def rows_near(self, lat: float, lon: float, radius_m: float) -> Int64s:
        """Give the rows, rising, of the tiles whose centres lie within a radius of a place, each ground once."""

        def near(number: int, member: Searcher) -> Int64s:
            found: Int64s = member.rows_near(lat, lon, radius_m) + self._rows.starts[number]
            return found

        parts = self._ask(self._reached(lat, lon, radius_m), near)
        rows = np.sort(np.concatenate([NO_ROWS, *parts]))
        return self._rows.once(rows) if len(parts) > 1 else rows

    def described(self, rows: Int64s, cells: Int64s) -> Float32s:
        """Give the stored descriptions (K, D) of cells."""
        found = np.empty((len(rows), self.about.embedding.size), np.float32)
        for member, places, own in self._rows.parts(rows):
            found[places] = member.described(own, cells[places])
        return found

    def centres(self, rows: Int64s) -> tuple[Floats, Floats]:
        """Give lat and lon of the centres of tiles."""
        return self._rows.centres(rows)

    def cell_lat_lon(self, rows: Int64s, cells: Int64s) -> tuple[Floats, Floats]:
        """Give lat and lon of cells; rows and cells broadcast."""
        rows, cells = np.broadcast_arrays(rows, cells)
        flat, lat, lon = cells.ravel(), np.empty(rows.size), np.empty(rows.size)
        for member, places, own in self._rows.parts(rows.ravel()):
            lat[places], lon[places] = member.cell_lat_lon(own, flat[places])
        return lat.reshape(rows.shape), lon.reshape(rows.shape)

    def tile(self, row: int) -> TileFacts:
        number = int(self._rows.owners(np.array([row]))[0])
        facts = self._shelf.get(number).tile(row - int(self._rows.starts[number]))
        if not self._plan.qualified:
            return facts
        return replace(facts, id=f"{self._members[number].name}/{facts.id}")

    def members_bounds(self) -> tuple[Bounds, ...]:
        """Give the bounds of every member, without opening one."""
        return tuple(member.manifest.bounds for member in self._members)

    def map_tile(self, zoom: int, x: int, y: int) -> bytes | None:
        """Give a map tile of the imagery of all members, those that are listed last on top."""
        return self._pictures.tile(zoom, x, y)

    def aliasing(self) -> AliasingMap | None:
        """Give where places of each member look alike, without opening one; None where none keeps a map of that."""
        return self._alike.joined()

    def probe_recall(self) -> float:
        """Give the least recall of the members that are open; what is not open is asked when it is opened."""
        return min((self._shelf.get(number).probe_recall() for number in self._shelf.held), default=1.0)

    def close(self) -> None:
        """Give up the threads and what is open."""
        self._pool.shutdown()

    def _all(self) -> list[int]:
        """All members, the open ones first: others would push them out before they were asked."""
        held = self._shelf.held
        return [*held, *(number for number in range(len(self._members)) if number not in set(held))]

    def _reached(self, lat: float, lon: float, radius_m: float) -> list[int]:
        check_circle(lat, lon, radius_m)
        return self._boxes.reached(lat, lon, radius_m)

    def _search(self, queries: Float32s, area: Area, numbers: list[int], k: int) -> tuple[Hits, int]:
        def inside(number: int, member: Searcher) -> tuple[Found, int]:
            hits, scanned = member.search_in(queries, area, k)
            return self._found(number, member, hits), scanned

        parts = self._ask(numbers, inside)
        return best_tiles([NO_FOUND, *(found for found, _ in parts)], k), sum(scanned for _, scanned in parts)

    def _ask(self, numbers: Sequence[int], question: Callable[[int, Searcher], Answer]) -> list[Answer]:
        """Ask members and wait for all; the first that fails fails the whole.

        A few are asked in the caller's thread, so that no question about a place waits behind those about everywhere.
        """
        if len(numbers) <= FEW:
            return [question(number, self._shelf.get(number)) for number in numbers]
        return list(self._pool.map(lambda number: question(number, self._shelf.get(number)), numbers))

    def _found(self, number: int, member: Searcher, hits: Hits | CellHits) -> Found:
        numbered = Hits(hits.rows + self._rows.starts[number], hits.similarity, hits.shift, hits.cells)
        if not self._rows.neighbours[number]:
            return Found(numbered, (), np.empty(0), np.empty(0))
        return Found(numbered, member.ids(hits.rows), *member.centres(hits.rows))

    def _checked(self, queries: Float32s, k: int = 1) -> Float32s:
        return checked_queries(queries, self.about.embedding.size, self.about.title, k)

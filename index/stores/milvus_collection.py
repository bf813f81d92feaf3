"""A generation of an index as a collection of Milvus: its name, its fields, and what it says of itself."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from index.manifest import IndexManifest
from index.stores.milvus_wire import Wire
from models.errors import BackendRefused, IndexMismatch, UsageError

ROW, TILE, LAT, LON, VECTOR = "row", "tile", "lat", "lon", "vector"
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,200}")
PREFIX = "skyfix."
FILLING, COMPLETE = "filling", "complete"
STATE, ASKED_TYPE = f"{PREFIX}state", f"{PREFIX}index_type"
SHA_LETTERS = 12


@dataclass(frozen=True, slots=True)
class Identity:
    """What a collection holds; two that say the same hold the same rows."""

    index: str
    generation: str
    model_sha256: str
    index_sha256: str
    """Of the bundle's manifest, which has the hashes of its files."""
    tiles: str
    cells: str
    size: str

    @classmethod
    def of(cls, manifest: IndexManifest) -> Identity:
        return cls(
            manifest.name,
            str(manifest.generation),
            manifest.model_sha256,
            manifest.sha256,
            str(manifest.count),
            str(manifest.cell_count),
            str(manifest.embedding.size),
        )

    @property
    def properties(self) -> dict[str, str]:
        return {f"{PREFIX}{field}": value for field, value in asdict(self).items()}


def alias_of(manifest: IndexManifest, asked: str | None = None) -> str:
    """Give the alias that readers open: the one asked for, or the index's name as Milvus can write it.

    Raises:
        UsageError: Milvus cannot.
    """
    if asked is None:
        return _spelled(manifest.name)
    if not NAME.fullmatch(asked):
        raise UsageError(f"{asked!r} is no name of a collection: letters, digits and _, not beginning with a digit.")
    return asked


@dataclass(frozen=True, slots=True, order=True)
class Filling:
    """What a collection's name says; later ones are greater."""

    generation: int
    attempt: int
    """Collections of one generation are told apart by it: one that readers use is never emptied to be filled anew."""
    sha: str
    """First letters of the manifest's sha256: other contents, another name."""

    def named(self, alias: str) -> str:
        return f"{alias}_g{self.generation}_{self.sha}_{self.attempt}"


def filling_of(manifest: IndexManifest, attempt: int = 1) -> Filling:
    return Filling(manifest.generation, attempt, manifest.sha256[:SHA_LETTERS] or "unsigned")


def filling_in(collection: str, alias: str) -> Filling | None:
    """Read a collection's name; None for a collection that is none of an alias."""
    found = re.fullmatch(rf"{re.escape(alias)}_g([1-9]\d*)_([0-9a-f]{{{SHA_LETTERS}}}|unsigned)_([1-9]\d*)", collection)
    return Filling(int(found[1]), int(found[3]), found[2]) if found else None


def create(wire: Wire, collection: str, manifest: IndexManifest, index_type: str) -> None:
    """Make a collection, empty and marked so, of float16 where the server can and float32 where not."""
    from pymilvus import DataType

    try:
        wire.call("a new collection", _creation(collection, manifest, index_type, DataType.FLOAT16_VECTOR))
    except BackendRefused:
        wire.call("a new collection", _creation(collection, manifest, index_type, DataType.FLOAT_VECTOR))


def described(wire: Wire, collection: str) -> dict[str, Any]:
    """Give what the server says of a collection or alias: `fields`, `properties` and so on."""
    found: dict[str, Any] = wire.call(
        "what a collection is", lambda client, limit_s: client.describe_collection(collection, timeout=limit_s)
    )
    return found


def is_half(description: dict[str, Any]) -> bool:
    """Say whether vectors are float16; float32 else."""
    return any(field["name"] == VECTOR and field["type"].name == "FLOAT16_VECTOR" for field in description["fields"])


def check_identity(where: str, collection: str, found: dict[str, Any], manifest: IndexManifest) -> None:
    """Raise IndexMismatch unless a collection says that it holds, completely, what a manifest says."""
    properties = found.get("properties", {})
    wrong = [
        f"{key} {properties.get(key, 'unknown')!s:.16}, not {value:.16}"
        for key, value in Identity.of(manifest).properties.items()
        if properties.get(key) != value
    ]
    if wrong:
        raise IndexMismatch(
            f"Collection {collection} at {where} does not hold {manifest.title}: {'; '.join(wrong)}. "
            "Push this generation, or serve the one that was pushed."
        )
    if properties.get(STATE) != COMPLETE:
        raise IndexMismatch(
            f"Collection {collection} at {where} was not pushed to its end. Run `skyfix index push` again."
        )


def count(wire: Wire, collection: str, condition: str = "", deadline_s: float | None = None) -> int:
    """Count rows, as of now."""
    found = wire.call(
        "a count",
        lambda client, limit_s: client.query(
            collection, filter=condition, output_fields=["count(*)"], consistency_level="Strong", timeout=limit_s
        ),
        deadline_s,
    )
    return int(found[0]["count(*)"])


def resolved(wire: Wire, alias: str) -> str:
    """Give the collection that an alias stands for now; a name that is no alias stands for itself."""
    try:
        found = wire.call("an alias", lambda client, limit_s: client.describe_alias(alias, timeout=limit_s))
    except BackendRefused:
        return alias
    return str(found["collection_name"])


def index_type_of(wire: Wire, collection: str) -> str:
    """Give the type of a collection's index of vectors, for example FLAT."""
    return str(index_of(wire, collection).get("index_type", "FLAT"))


def index_of(wire: Wire, collection: str) -> dict[str, Any]:
    """Give what the server says of a collection's index of vectors."""
    found: dict[str, Any] | None = wire.call(
        "its index", lambda client, limit_s: client.describe_index(collection, VECTOR, timeout=limit_s)
    )
    return found or {}


def _creation(collection: str, manifest: IndexManifest, index_type: str, vectors: Any) -> Callable[[Any, float], None]:
    from pymilvus import DataType

    def make(client: Any, limit_s: float) -> None:
        if client.has_collection(collection, timeout=limit_s):  # of a first try whose answer was lost
            return
        description = f"Skyfix index {manifest.title}, described by {manifest.model_title}"
        schema = client.create_schema(auto_id=False, enable_dynamic_field=False, description=description)
        schema.add_field(ROW, DataType.INT64, is_primary=True)
        schema.add_field(TILE, DataType.INT64)
        schema.add_field(LAT, DataType.DOUBLE)
        schema.add_field(LON, DataType.DOUBLE)
        schema.add_field(VECTOR, vectors, dim=manifest.embedding.size)
        indexes = client.prepare_index_params()
        indexes.add_index(VECTOR, index_type=index_type, metric_type="IP")
        properties = Identity.of(manifest).properties | {STATE: FILLING, ASKED_TYPE: index_type}
        client.create_collection(
            collection, schema=schema, index_params=indexes, properties=properties, timeout=limit_s
        )

    return make


def _spelled(name: str) -> str:
    spelled = re.sub(r"[^A-Za-z0-9_]", "_", name)
    return f"_{spelled}" if spelled[0].isdigit() else spelled

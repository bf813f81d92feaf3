from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from index.build import Run, build_index
from index.bundle import open_index
from index.commands import command
from index.push_command import read_token
from index.search import Searcher
from index.stores.milvus import open_milvus
from models.bundle import ModelBundle
from models.encoder import OnnxEncoder
from models.errors import BackendUnavailable, UsageError
from tests.index.made import FOOTPRINT_M, Noise, unit_rows
from tests.index.stores.peers import nobody


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory, cells_bundle: ModelBundle) -> Path:
    """An index of 60 tiles of nine cells."""
    out = tmp_path_factory.mktemp("push") / "town-1"
    build_index(
        Noise(footprint_m=FOOTPRINT_M), OnnxEncoder(cells_bundle, views=("aerial",)), out, name="town-1", run=Run()
    )
    return out


def _push(built: Path, uri: str, *more: str | Path) -> Result:
    arguments = ["push", "--index", str(built), "--to", uri, *map(str, more)]
    return CliRunner().invoke(command, arguments)


def test_a_pushed_index_is_searched_as_the_bundle_is(built: Path, tmp_path: Path) -> None:
    uri = str(tmp_path / "milvus.db")
    result = _push(built, uri, "--json")
    assert result.exit_code == 0, result.output
    report = json.loads(result.stdout)
    assert (report["title"], report["alias"], report["rows"], report["written"]) == ("town-1@1", "town_1", 540, 540)
    again = _push(built, uri)
    assert "540 rows as float32, 540 of which were there" in again.stdout
    assert "A FLAT index answers 100.0% of the probes." in again.stdout
    assert f"town_1 at {uri} is now {report['collection']}." in again.stdout
    index = open_index(built, load="map")
    store = open_milvus(index, uri, deadline_s=30.0)
    queries = unit_rows(1, store.layout.size)
    near = index.tiles.lat[30], index.tiles.lon[30]
    ours, theirs = Searcher(index), Searcher(index, store)
    assert ours.search(queries, 5).rows.tolist() == theirs.search(queries, 5).rows.tolist()
    assert (
        ours.search_near(queries, *near, 40.0, 5)[0].rows.tolist()
        == theirs.search_near(queries, *near, 40.0, 5)[0].rows.tolist()
    )
    store.close()


def test_a_server_that_is_not_there_is_told(built: Path) -> None:
    result = _push(built, nobody())
    assert isinstance(result.exception, BackendUnavailable)


@pytest.mark.parametrize("content", [b"root:Milvus", b"root:Milvus\n", b"  key-1\r\n"])
def test_a_token_is_the_line_of_its_file(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "token").write_bytes(content)
    assert read_token(tmp_path / "token") == content.decode().strip()


@pytest.mark.parametrize("content", [b"", b"\n", b"two words", b"a\nb", "schlüssel".encode(), b"x" * 5000, None])
def test_what_is_no_token_is_refused(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / "token").write_bytes(content)
    with pytest.raises(UsageError, match="token file") as caught:
        read_token(tmp_path / "token")
    assert not content or len(content) < 4 or content.decode() not in str(caught.value)

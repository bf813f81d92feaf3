from __future__ import annotations

import io
import json
import os
import pickle
import pickletools
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from models.errors import CheckpointError, CheckpointUnreadable, CheckpointUnsafe
from models.importing import safe_load
from models.importing.rehearsal import Rehearsal
from models.importing.safe_load import load_checkpoint, strip_prefix
from tests.models.importing.made import BEST_ACC1, SMALL, save_official, transgeo_state


class Bomb:
    """Touches a file if it is ever unpickled."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, (f"touch {self.target}",)


@pytest.fixture
def official(tmp_path: Path) -> Path:
    return save_official(tmp_path / "model_best.pth.tar", transgeo_state())


def _rewrite(path: Path, change: Callable[[str, bytes], bytes], compression: int = zipfile.ZIP_STORED) -> Path:
    """Copy an archive entry by entry."""
    target = path.with_name("rewritten.pth")
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(target, "w", compression) as new:
        for entry in old.infolist():
            new.writestr(entry.filename, change(entry.filename, old.read(entry)))
    return target


def _replace(path: Path, old: bytes, new: bytes) -> Path:
    def change(name: str, data: bytes) -> bytes:
        return data.replace(old, new) if name.endswith("data.pkl") else data

    return _rewrite(path, change)


def test_official_layout_gives_weights_and_what_the_file_reports(official: Path) -> None:
    checkpoint = load_checkpoint(official)
    expected = transgeo_state()
    state = strip_prefix(checkpoint.state)
    assert list(state) == list(expected)
    assert all(torch.equal(state[name], value) for name, value in expected.items())
    assert checkpoint.facts == {"epoch": 50, "best_acc1": BEST_ACC1}
    assert type(checkpoint.facts["best_acc1"]) is float


def test_the_numpy_scalar_is_known_under_its_old_and_its_new_name(official: Path) -> None:
    new, old = b"numpy._core.multiarray", b"numpy.core.multiarray"
    assert new in zipfile.ZipFile(official).read("model_best.pth/data.pkl")
    assert load_checkpoint(_replace(official, new, old)).facts["best_acc1"] == BEST_ACC1


def test_files_older_than_archives_are_read(tmp_path: Path) -> None:
    path, state = tmp_path / "old.pth", transgeo_state()
    content = {"state_dict": state, "best_acc1": np.float64(1.5), "epoch": 2}
    torch.save(content, path, _use_new_zipfile_serialization=False)
    checkpoint = load_checkpoint(path)
    assert torch.equal(checkpoint.state["query_net.pos_embed"], state["query_net.pos_embed"])
    assert checkpoint.facts == {"best_acc1": 1.5, "epoch": 2}


@pytest.mark.parametrize("zipped", [True, False])
def test_a_bare_module_state_with_its_metadata_is_read(tmp_path: Path, zipped: bool) -> None:
    layer = torch.nn.Linear(2, 3).half()
    torch.save(layer.state_dict(), tmp_path / "w.pth", _use_new_zipfile_serialization=zipped)
    checkpoint = load_checkpoint(tmp_path / "w.pth")
    assert torch.equal(checkpoint.state["weight"], layer.weight)
    assert checkpoint.facts == {}


@pytest.mark.parametrize("key", ["state_dict", "model"])
def test_weights_may_lie_under_a_key(tmp_path: Path, key: str) -> None:
    torch.save({key: {"w": torch.ones(2)}, "epoch": 3}, tmp_path / "w.pth")
    checkpoint = load_checkpoint(tmp_path / "w.pth")
    assert (checkpoint.state["w"].tolist(), checkpoint.facts) == ([1, 1], {"epoch": 3})


def test_parameters_are_tensors(tmp_path: Path) -> None:
    torch.save({"w": torch.nn.Parameter(torch.ones(2))}, tmp_path / "w.pth")
    assert load_checkpoint(tmp_path / "w.pth").state["w"].tolist() == [1, 1]


@pytest.mark.parametrize("zipped", [True, False])
def test_a_bomb_in_a_torch_file_is_named_and_not_run(tmp_path: Path, zipped: bool) -> None:
    path, mark = tmp_path / "bomb.pth", tmp_path / "mark"
    content = {"state_dict": {"w": torch.ones(2)}, "x": Bomb(mark)}
    torch.save(content, path, _use_new_zipfile_serialization=zipped)
    with pytest.raises(CheckpointUnsafe, match=r"'posix.system'.*Nothing of it was run.*plain state_dict") as caught:
        load_checkpoint(path)
    assert "weights_only" not in str(caught.value)
    assert not mark.exists()


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_bare_pickle_is_named_and_not_run(tmp_path: Path, protocol: int) -> None:
    path, mark = tmp_path / "bomb.pth", tmp_path / "mark"
    path.write_bytes(pickle.dumps(Bomb(mark), protocol))
    with pytest.raises(CheckpointUnsafe, match=r"'posix\.system'"):
        load_checkpoint(path)
    assert not mark.exists()


@pytest.mark.parametrize(
    "thing",
    [
        bytearray(9),
        {1, 2},
        complex(1, 2),
        torch.device("cpu"),
        np.zeros(3),
        np.float32(1),
        Path("x"),
        torch.nn.Linear(1, 1),
    ],
    ids=lambda thing: type(thing).__name__,
)
def test_what_tensors_do_not_need_is_refused_even_where_torch_would_take_it(tmp_path: Path, thing: object) -> None:
    torch.save({"w": torch.ones(1), "thing": thing}, tmp_path / "w.pth")
    with pytest.raises((CheckpointUnsafe, CheckpointUnreadable)):
        load_checkpoint(tmp_path / "w.pth")


def _global(module: str, name: str, arguments: bytes) -> bytes:
    return b"\x80\x02c" + f"{module}\n{name}\n".encode() + arguments + b"R."


@pytest.mark.parametrize(
    "raw",
    [
        _global("builtins", "bytearray", b"(J\xff\xff\xff\x7ft"),
        _global("torch.storage", "UntypedStorage", b"(J\xff\xff\xff\x7ft"),
        _global("_codecs", "encode", b"(X\x01\x00\x00\x00aX\x03\x00\x00\x00hext"),
        _global("numpy", "dtype", b"(X\x09\x00\x00\x00V99999999K\x00K\x01t"),
        _global("collections", "OrderedDict", b"(]t"),
    ],
    ids=["bytearray", "storage", "hex", "dtype", "items"],
)
def test_calls_that_could_fill_the_memory_are_refused_unmade(raw: bytes) -> None:
    pickletools.dis(raw, io.StringIO())  # a well-formed pickle
    with pytest.raises(CheckpointUnsafe):
        Rehearsal("made").run(io.BytesIO(raw))


@pytest.mark.parametrize("zipped", [True, False])
def test_a_dtype_with_another_state_never_reaches_numpy(tmp_path: Path, zipped: bool) -> None:
    """numpy does not check it and crashes."""
    path = tmp_path / "w.pth"
    content = {"state_dict": {"w": torch.ones(1)}, "best_acc1": np.float64(1)}
    torch.save(content, path, _use_new_zipfile_serialization=zipped)
    usual, other = b"NNNJ\xff\xff\xff\xffJ", b"NNJ\xff\xff\xff\xffNJ"
    assert usual in path.read_bytes()
    if zipped:
        path = _replace(path, usual, other)
    else:
        path.write_bytes(path.read_bytes().replace(usual, other))
    with pytest.raises(CheckpointUnsafe, match="changes an object"):
        load_checkpoint(path)


def test_a_changed_byte_is_an_error_or_nothing(tmp_path: Path) -> None:
    path, draw = tmp_path / "w.pth", np.random.default_rng(0)
    torch.save(
        {"state_dict": {"w": torch.ones(3)}, "best_acc1": np.float64(1)}, path, _use_new_zipfile_serialization=False
    )
    raw = path.read_bytes()
    for _ in range(300):
        changed = bytearray(raw)
        changed[draw.integers(len(raw))] = draw.integers(256)
        path.write_bytes(bytes(changed))
        try:
            load_checkpoint(path)
        except CheckpointError:
            continue


def test_a_tensor_larger_than_its_storage_is_refused(tmp_path: Path) -> None:
    torch.save({"w": torch.zeros(7)}, tmp_path / "w.pth")
    seven, many = b"K\x00K\x07\x85", b"K\x00J\x00\x00\x00\x40\x85"
    with pytest.raises(CheckpointUnsafe, match="_rebuild_tensor_v2' as no tensor does"):
        load_checkpoint(_replace(tmp_path / "w.pth", seven, many))


def test_a_storage_that_claims_more_than_its_entry_holds_is_refused(tmp_path: Path) -> None:
    torch.save({"w": torch.zeros(7)}, tmp_path / "w.pth")
    seven, many = b"cpuq\x06K\x07", b"cpuq\x06J\x00\x00\x00\x40"
    with pytest.raises(CheckpointUnsafe, match="should have 4294967296 bytes and has 28"):
        load_checkpoint(_replace(tmp_path / "w.pth", seven, many))


def test_an_expanded_tensor_is_refused(tmp_path: Path) -> None:
    torch.save({"w": torch.zeros(1).expand(10**9)}, tmp_path / "w.pth")
    with pytest.raises(CheckpointUnsafe):
        load_checkpoint(tmp_path / "w.pth")


def test_packed_entries_are_refused_before_they_are_unpacked(official: Path) -> None:
    packed = _rewrite(official, lambda _, data: data, zipfile.ZIP_DEFLATED)
    with pytest.raises(CheckpointUnsafe, match="packed or repeated"):
        load_checkpoint(packed)


def test_legacy_storages_that_claim_more_than_the_file_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "old.pth"
    torch.save({"w": torch.zeros(7)}, path, _use_new_zipfile_serialization=False)
    raw = path.read_bytes()
    assert raw.count(b"K\x07N") == 1
    path.write_bytes(raw.replace(b"K\x07N", b"J\x00\x00\x00\x10N").replace(b"K\x07\x85", b"J\x00\x00\x00\x10\x85"))
    with pytest.raises(CheckpointUnreadable, match="claims 1073741824 bytes"):
        load_checkpoint(path)


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("share", [0.0, 0.01, 0.5, 0.99])
def test_a_truncated_file_is_unreadable(tmp_path: Path, zipped: bool, share: float) -> None:
    path = tmp_path / "cut.pth"
    torch.save(transgeo_state(), path, _use_new_zipfile_serialization=zipped)
    raw = path.read_bytes()
    path.write_bytes(raw[: int(share * len(raw))])
    with pytest.raises(CheckpointUnreadable, match=r"cut\.pth"):
        load_checkpoint(path)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"<!DOCTYPE html><html></html>",
        b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n",
        b"config = 3\nother\n",
        b"\x89PNG\r\n\x1a\n" + bytes(100),
        pickle.dumps({"w": 1}, 2),
        np.random.default_rng(0).bytes(4096),
    ],
)
def test_a_foreign_file_is_unreadable(tmp_path: Path, raw: bytes) -> None:
    path = tmp_path / "foreign.pth"
    path.write_bytes(raw)
    with pytest.raises(CheckpointUnreadable):
        load_checkpoint(path)


def test_an_archive_of_something_else_is_unreadable(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "photos.zip", "w") as archive:
        archive.writestr("a.jpg", b"x")
    with pytest.raises(CheckpointUnreadable, match=r"not of tensors \(a\.jpg"):
        load_checkpoint(tmp_path / "photos.zip")


def test_a_program_is_no_checkpoint(official: Path) -> None:
    path = _rewrite(official, lambda _, data: data)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("model_best.pth/constants.pkl", b"")
    with pytest.raises(CheckpointUnreadable, match="TorchScript program"):
        load_checkpoint(path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ([1, 2], "holds list"),
        ({"epoch": 3}, r"holds \['epoch'\]"),
        ({"state_dict": {}}, "holds"),
        ({"weights": {"w": torch.ones(1)}}, r"holds \['weights'\]"),
    ],
)
def test_a_file_without_a_state_dictionary_says_what_it_holds(tmp_path: Path, content: object, message: str) -> None:
    torch.save(content, tmp_path / "w.pth")
    with pytest.raises(CheckpointUnreadable, match=message):
        load_checkpoint(tmp_path / "w.pth")


def test_absent_and_oversized_files(tmp_path: Path, official: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(CheckpointUnreadable, match="No such file"):
        load_checkpoint(tmp_path / "absent.pth")
    monkeypatch.setattr(safe_load, "SIZE_LIMIT_BYTES", 100)
    with pytest.raises(CheckpointUnreadable, match="at most 100"):
        load_checkpoint(official)


def _safetensors(path: Path, header: dict[str, Any], body: bytes) -> Path:
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + body)
    return path


def test_safetensors_are_read(tmp_path: Path) -> None:
    values = np.arange(6, dtype=np.float32)
    entry = {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}
    path = _safetensors(tmp_path / "w.safetensors", {"__metadata__": {"a": "b"}, "w": entry}, values.tobytes())
    assert load_checkpoint(path).state["w"].tolist() == [[0, 1, 2], [3, 4, 5]]


@pytest.mark.parametrize(
    "entry",
    [
        {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 28]},
        {"dtype": "F32", "shape": [1 << 40], "data_offsets": [0, 4 << 40]},
        {"dtype": "F99", "shape": [1], "data_offsets": [0, 4]},
        {"dtype": "F32", "shape": [-1], "data_offsets": [0, -4]},
        {"shape": [1]},
    ],
)
def test_damaged_safetensors_are_unreadable(tmp_path: Path, entry: dict[str, Any]) -> None:
    with pytest.raises(CheckpointUnreadable):
        load_checkpoint(_safetensors(tmp_path / "w.safetensors", {"w": entry}, bytes(24)))


def test_prefixes_are_taken_off_when_all_names_have_them() -> None:
    one = torch.ones(SMALL.heads)
    assert list(strip_prefix({"module.a": one, "module.b": one})) == ["a", "b"]
    assert list(strip_prefix({"a": one})) == ["a"]
    with pytest.raises(CheckpointUnreadable, match="1 of 2 names"):
        strip_prefix({"module.a": one, "b": one})

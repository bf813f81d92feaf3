"""Several indexes by name in one server: who answers, what each says of itself, and that none harms another."""

from __future__ import annotations

import asyncio
import gc
import shutil
import weakref
from collections.abc import Callable, Coroutine, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from click.testing import CliRunner
from fastapi import FastAPI
from numpy.typing import NDArray

from index.build import build_index
from index.bundle import open_index
from index.search import Searcher
from index.tiles import BadTile, Tile
from models.bundle import ModelBundle
from models.encoder import FakeEncoder, OnnxEncoder
from models.errors import (
    BundleMissing,
    EncoderUnavailable,
    IndexMismatch,
    ModelMismatch,
    ProviderUnavailable,
    UsageError,
)
from service.admin import create_admin_app
from service.app import create_app
from service.cli import main
from service.errors import UnknownIndex
from service.index_localizer import IndexLocalizer
from service.index_paths import IndexAt, read_index_at
from service.keeper import Keeper
from service.loading import load_localizer
from service.localizer import Localizer
from service.models_held import ModelsHeld
from service.settings import Settings, load_settings
from tests.service.conftest import Client, check_problem
from tests.service.world import PaintedTiles, encode, panorama

PHOTO = encode(panorama(7))
PNG = {"Content-Type": "image/png"}
BOTH = Settings(index=(IndexAt("berlin", Path("/nowhere")), IndexAt("paris", Path("/nowhere"))))


@dataclass(frozen=True)
class _Of(PaintedTiles):
    """The painted tiles under ids of a place."""

    place: str = ""

    def __iter__(self) -> Iterator[Tile | BadTile]:
        for tile in super().__iter__():
            yield replace(tile, id=f"{self.place}-{tile.id}")


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Indexes of two places that both call themselves painted."""
    folder = tmp_path_factory.mktemp("places")
    for place in ("berlin", "paris"):
        build_index(_Of(place=place), FakeEncoder(), folder / place, name="painted")
    return {place: folder / place for place in ("berlin", "paris")}


@pytest.fixture
def roots(built: dict[str, Path], tmp_path: Path) -> dict[str, Path]:
    """The same, to be changed."""
    return {place: shutil.copytree(root, tmp_path / place) for place, root in built.items()}


def loads(roots: Mapping[str, Path]) -> dict[str, Callable[[], Localizer]]:
    def load(place: str, root: Path) -> Localizer:
        return IndexLocalizer(FakeEncoder(), Searcher(open_index(root)), name=place)

    return {place: partial(load, place, root) for place, root in roots.items()}


@pytest.fixture
def client(built: dict[str, Path]) -> Client:
    app = create_app(BOTH)
    for place, load in loads(built).items():
        app.state.service.install(load(), place)
    return Client(app)


@pytest.mark.parametrize(
    ("wanted", "place"),
    [({}, "berlin"), ({"index": "berlin"}, "berlin"), ({"index": "paris"}, "paris"), ({"index": "paris@1"}, "paris")],
)
def test_the_index_that_is_named_answers_and_the_first_without_a_name(
    client: Client, wanted: dict[str, str], place: str
) -> None:
    for answer in (client.raw(PHOTO, **wanted).json(), client.form(PHOTO, **wanted).json()):
        assert answer["search"]["index"] == f"{place}@1"
        assert answer["candidates"][0]["tile"]["id"] == f"{place}-t7"


@pytest.mark.parametrize("wanted", ["rome", "painted", "paris@2", "../paris", "/etc", "pаris", "b" * 200, "unnamed"])
def test_another_name_is_unknown_and_nothing_is_listed(client: Client, wanted: str) -> None:
    problem = check_problem(client.raw(PHOTO, index=wanted), 404, "unknown_index")
    assert wanted not in str(problem)
    assert not {"berlin", "paris"} & set(problem["detail"].replace(".", " ").split())


def test_info_and_readiness_list_them(client: Client) -> None:
    info, ready = client.get("/info").json(), client.get("/readyz").json()
    assert info["index"] == info["indexes"][0]
    assert [index["name"] for index in info["indexes"]] == ["berlin@1", "paris@1"]
    assert {index["model"] for index in info["indexes"]} == {"mean-colour@1"}
    assert [state["index"] for state in ready["indexes"]] == ["berlin@1", "paris@1"]
    assert (ready["index"], ready["degraded"], ready["providers"]) == ("berlin@1", False, ["CPUExecutionProvider"])


def test_one_that_forgets_its_probes_makes_unready_but_the_other_answers(client: Client) -> None:
    service = client.app.state.service
    service.note_recall(service.served["paris"].localizer, 0.9)
    problem = check_problem(client.get("/readyz"), 503, "not_ready")
    assert problem["reason"] == "probes_failed"
    assert problem["indexes"] == [
        {"name": "berlin", "status": "ready", "index": "berlin@1"},
        {"name": "paris", "status": "not_ready", "reason": "probes_failed"},
    ]
    assert client.raw(PHOTO).status_code == 200
    assert check_problem(client.raw(PHOTO, index="paris"), 503, "not_ready")["reason"] == "probes_failed"
    assert client.metric("skyfix_index_ready", index="berlin") == 1
    assert client.metric("skyfix_index_ready", index="paris") == 0
    assert client.metric("skyfix_index_probe_recall_ratio", index="paris", k="10") == 0.9
    assert client.metric("skyfix_ready", component="index") == 0
    assert client.metric("skyfix_index_vectors", index="paris") == 36


def test_a_network_that_fails_photo_after_photo_is_told_and_tried_again(built: dict[str, Path]) -> None:
    class Failing(FakeEncoder):
        fails = True

        def ground(self, pixels: NDArray[np.float32]) -> NDArray[np.float32]:
            if self.fails:
                raise EncoderUnavailable("the device is gone")
            return super().ground(pixels)

    encoder = Failing()
    client = Client(create_app(Settings(), IndexLocalizer(encoder, Searcher(open_index(built["paris"])))))
    keeper = Keeper(client.app.state.service, {}, 60.0)
    for _ in range(2):
        check_problem(client.raw(PHOTO), 503, "encoder_unavailable")
    assert client.get("/readyz").status_code == 200
    check_problem(client.raw(PHOTO), 503, "encoder_unavailable")
    assert check_problem(client.get("/readyz"), 503, "not_ready")["reason"] == "encoder_fails"
    asyncio.run(keeper.look())
    assert client.metric("skyfix_index_ready", index="painted") == 0
    encoder.fails = False
    asyncio.run(keeper.look())
    assert client.get("/readyz").status_code == 200
    assert client.metric("skyfix_index_ready", index="painted") == 1
    assert client.raw(PHOTO).status_code == 200


def test_a_plain_one_beside_them_goes_by_its_own_name_once_it_is_known(built: dict[str, Path]) -> None:
    app = create_app(Settings(index=(IndexAt("berlin", Path("/nowhere")), IndexAt("", Path("/nowhere")))))
    client, service, made = Client(app), app.state.service, loads(built)
    service.install(made["berlin"](), "berlin")
    assert client.raw(PHOTO).status_code == 200
    assert check_problem(client.raw(PHOTO, index="painted"), 503, "not_ready")["reason"] == "loading"
    with pytest.raises(IndexMismatch, match="Two indexes are called berlin"):
        service.install(made["berlin"](), "")
    service.install(IndexLocalizer(FakeEncoder(), Searcher(open_index(built["paris"]))), "")
    assert client.raw(PHOTO, index="painted").json()["search"]["index"] == "painted@1"
    check_problem(client.raw(PHOTO, index="rome"), 404, "unknown_index")


def kept(
    roots: Mapping[str, Path],
    work: Callable[[FastAPI, Keeper, httpx.AsyncClient], Coroutine[Any, Any, None]],
    **options: Any,
) -> None:
    async def inside() -> None:
        app = create_app(BOTH)
        keeper = Keeper(app.state.service, loads(roots), 60.0, **options)
        admin = httpx.ASGITransport(app=create_admin_app(app.state.service.metrics, keeper.reload))
        async with httpx.AsyncClient(transport=admin, base_url="http://localhost") as operator:
            await work(app, keeper, operator)
        app.state.service.pipeline.close()

    asyncio.run(asyncio.wait_for(inside(), 60))


def test_a_reload_is_of_all_or_of_one_and_each_has_its_generation(roots: dict[str, Path]) -> None:
    async def work(app: FastAPI, keeper: Keeper, operator: httpx.AsyncClient) -> None:
        await keeper.begin()
        for place, root in roots.items():
            build_index(_Of(place=f"new-{place}"), FakeEncoder(), root, name="painted")
        answer = await operator.post("/admin/reload", params={"index": "paris"})
        assert (answer.status_code, answer.json()["index"]) == (200, "paris@2")
        assert [about.index for about in app.state.service.served.abouts] == ["berlin@1", "paris@2"]
        (roots["paris"] / "CURRENT").write_text("gen-9\n")
        answer = await operator.post("/admin/reload")
        assert (answer.status_code, answer.json()["name"], answer.json()["code"]) == (409, "paris", BundleMissing.code)
        assert [each["result"] for each in answer.json()["indexes"]] == ["taken", "refused"]
        assert [about.index for about in app.state.service.served.abouts] == ["berlin@2", "paris@2"]
        answer = await operator.post("/admin/reload", params={"index": "rome"})
        assert (answer.status_code, answer.json()["code"]) == (404, UnknownIndex.code)
        count = app.state.service.metrics.registry.get_sample_value
        for place, result, times in (("berlin", "taken", 1), ("paris", "taken", 1), ("paris", "refused", 1)):
            assert count("skyfix_index_swaps_total", {"index": place, "result": result}) == times

    kept(roots, work)


def test_an_index_that_is_missing_at_the_start_is_waited_for(roots: dict[str, Path]) -> None:
    told = list[str]()

    async def work(app: FastAPI, keeper: Keeper, _: httpx.AsyncClient) -> None:
        away = roots["paris"].rename(roots["paris"].with_name("away"))
        await keeper.begin()
        served = app.state.service.served
        assert [state.get("reason") for state in served.states()] == [None, "bundle_missing"]
        assert served.default.ask().about.index == "berlin@1"
        await keeper.look()
        assert (served["paris"].unready, told) == ("bundle_missing", [])
        away.rename(roots["paris"])
        await keeper.look()
        assert (served["paris"].unready, told) == (None, ["complete"])
        await keeper.reload()
        assert told == ["complete"]

    kept(roots, work, strict=False, on_complete=lambda: told.append("complete"))


def test_the_strict_do_not_wait(roots: dict[str, Path]) -> None:
    async def work(_app: FastAPI, keeper: Keeper, _: httpx.AsyncClient) -> None:
        (roots["paris"] / "CURRENT").unlink()
        with pytest.raises(BundleMissing):
            await keeper.begin()

    kept(roots, work, strict=True)


def test_one_session_serves_all_indexes_of_a_model_and_goes_with_the_last(
    tiny_bundle: ModelBundle, cells_bundle: ModelBundle, tmp_path: Path
) -> None:
    for name, bundle in (("a", tiny_bundle), ("b", tiny_bundle), ("c", cells_bundle)):
        build_index(PaintedTiles(), OnnxEncoder(bundle), tmp_path / name, name=name)
    models = ModelsHeld([tiny_bundle.folder, cells_bundle.folder])
    served = [load_localizer(tmp_path / name, models, name=name) for name in "abc"]
    encoders = [models.encoder_of(models.bundle_for(tmp_path / name)) for name in "abc"]
    assert encoders[0] is encoders[1]
    assert [encoder.sha256 for encoder in encoders[1:]] == [tiny_bundle.sha256, cells_bundle.sha256]
    assert [each.about.index for each in served] == ["a@1", "b@1", "c@1"]
    seen = weakref.ref(encoders[2])
    del encoders
    served.pop()
    gc.collect()
    assert seen() is None, "nothing serves by it any more"


def test_an_index_of_a_model_that_was_not_given_is_refused_by_name(
    tiny_bundle: ModelBundle, cells_bundle: ModelBundle, tmp_path: Path
) -> None:
    build_index(PaintedTiles(), FakeEncoder(columns=4), tmp_path / "index", name="strange")
    models = ModelsHeld([tiny_bundle.folder, cells_bundle.folder])
    with pytest.raises(ModelMismatch, match=r"strange@1 was built with.*none of those given"):
        load_localizer(tmp_path / "index", models)
    with pytest.raises(ModelMismatch, match="strange@1 was built with"):
        load_localizer(tmp_path / "index", ModelsHeld([tiny_bundle.folder]))


def test_a_gpu_that_is_required_and_not_there_ends_it_with_5(tiny_bundle: ModelBundle, tmp_path: Path) -> None:
    build_index(PaintedTiles(), OnnxEncoder(tiny_bundle), tmp_path / "index", name="painted")
    ports = ["--port", "0", "--admin-port", "0"]
    bundle = ["--bundle", str(tiny_bundle.folder), "--provider", "require-gpu"]
    result = CliRunner().invoke(main, ["serve", "--index", str(tmp_path / "index"), *bundle, *ports])
    assert (result.exit_code, ProviderUnavailable.code in result.stderr) == (5, True), result.output
    assert "CPUExecutionProvider" in result.stderr, "it names what there is"


def test_a_gpu_that_is_preferred_and_not_there_is_told(
    tiny_bundle: ModelBundle, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    build_index(PaintedTiles(), OnnxEncoder(tiny_bundle), tmp_path / "index", name="painted")
    settings = Settings(provider="prefer-gpu")
    assert settings.sizes == Settings().sizes, "as many runs as cores, not one of many photos"
    localizer = load_localizer(tmp_path / "index", ModelsHeld([tiny_bundle.folder], "prefer-gpu"))
    assert "degraded: prefer-gpu" in caplog.text
    client = Client(create_app(settings, localizer))
    ready = client.get("/readyz").json()
    assert (ready["degraded"], ready["providers"]) == (True, ["CPUExecutionProvider"])
    labels = {"requested": "CUDAExecutionProvider", "actual": "CPUExecutionProvider"}
    assert client.metric("skyfix_execution_provider_degraded", **labels) == 1


@pytest.mark.parametrize(
    ("text", "name", "path"),
    [
        ("berlin=/data/berlin", "berlin", "/data/berlin"),
        ("/data/a=b", "", "/data/a=b"),
        ("./a=b", "", "a=b"),
        ("a-1.x=b=c", "a-1.x", "b=c"),
        ("-a=b", "", "-a=b"),
        ("berlin=", "", "berlin="),
    ],
)
def test_names_are_told_from_paths(text: str, name: str, path: str) -> None:
    assert read_index_at(text) == IndexAt(name, Path(path))


def test_settings_take_them_from_a_variable_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SKYFIX_INDEX", "berlin=/b:paris=/p")
    monkeypatch.setenv("SKYFIX_BUNDLE", "/m:/n")
    settings = load_settings()
    assert settings.index == (IndexAt("berlin", Path("/b")), IndexAt("paris", Path("/p")))
    assert settings.bundle == (Path("/m"), Path("/n"))
    assert load_settings(index=("x=/y",)).index == (IndexAt("x", Path("/y")),)
    assert load_settings(index=()).index == settings.index


@pytest.mark.parametrize("given", [("/a", "/b"), ("a=/a", "a=/b")])
def test_names_have_to_tell_them_apart(given: tuple[str, ...]) -> None:
    with pytest.raises(UsageError, match="write NAME=DIR for each of several"):
        load_settings(index=given)

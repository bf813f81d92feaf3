"""A folder in which rendered cities are kept: one recipe, one folder a city, rendered when first asked for."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from models.errors import UsageError


def city_folder(store: Path, seed: int) -> Path:
    return store / f"city-{seed}"


def render_missing(
    store: Path, recipe: dict[str, Any], cities: Sequence[int], render: Callable[[int], None], workers: int
) -> None:
    """Render whatever cities are not in the store yet.

    Args:
        store: folder; made if it is not there.
        recipe: all that a kept city depends on.
        cities: seeds.
        render: makes `city_folder(store, seed)` appear whole; must be picklable where there are several workers.
        workers: processes.

    Raises:
        UsageError: the store was made by another recipe.
    """
    store.mkdir(parents=True, exist_ok=True)
    plain, note = json.loads(json.dumps(recipe)), store / "recipe.json"
    if not note.is_file():
        draft = store / f".recipe-{secrets.token_hex(4)}.json"
        draft.write_text(json.dumps(plain, indent=1))
        draft.replace(note)  # whole at once: another run may be reading it
    if json.loads(note.read_text()) != plain:
        raise UsageError(f"{store} holds cities of another recipe. Give another folder or remove it.")
    missing = [city for city in cities if not city_folder(store, city).is_dir()]
    if missing and workers > 1:
        with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
            list(pool.map(render, missing))
    else:
        for city in missing:
            render(city)

"""A decode worker: photos in over a socket, canvases out, until the other side closes it.

Run as `python -m service.room.worker FD SHARED_FD MEMORY PARENT [MODULE:FUNCTION]`, never forked. It imports what
preparing a photo needs and nothing else: no network, no index, no HTTP.
"""

from __future__ import annotations

import os
import pickle
import signal
import socket
import sys
import time
from collections.abc import Callable
from importlib import import_module

from models.errors import ImageTooComplex, SkyfixError
from service.prepared import Prepared
from service.query import Query
from service.recipe import Recipe
from service.room.confinement import allow_cpu, confine, cpu_s
from service.room.wire import ANSWER, HELLO, JOB, Spent, pack_crash, pack_error, pack_prepared, receive, send

Clock = Callable[[], None]
Cook = Callable[[Recipe, Query, bytes, Clock], Prepared]
"""Make a photo ready; the clock is told when it is decoded."""
RECIPES_KEPT = 64
TOO_MUCH_MEMORY = "The image takes more memory to decode than a photo may. Save it again as a baseline JPEG."


def cook(recipe: Recipe, query: Query, data: bytes, decoded: Clock) -> Prepared:
    photo = recipe.decode(data)
    decoded()
    return recipe.prepare(photo, query)


def work(peer: socket.socket, memory: int, make: Cook = cook) -> None:
    """Answer jobs until the other side is gone. `memory` is the descriptor of the shared one, -1 without."""
    recipes: dict[bytes, Recipe] = {}
    send(peer, (HELLO.pack(cpu_s()),))
    while True:
        try:
            recipe_size, query_size, is_shared, photo_size, most_cpu_s = JOB.unpack(receive(peer, JOB.size))
            pickled, query = bytes(receive(peer, recipe_size)), pickle.loads(receive(peer, query_size))
            photo = os.pread(memory, photo_size, 0) if is_shared else bytes(receive(peer, photo_size))
        except EOFError:
            return
        allow_cpu(most_cpu_s)
        if pickled not in recipes:
            if len(recipes) >= RECIPES_KEPT:
                recipes.clear()
            recipes[pickled] = pickle.loads(pickled)
        text, pixels = _answer(make, recipes[pickled], query, photo)
        del photo
        send(peer, (ANSWER.pack(len(text), len(pixels)), text, pixels))


def _answer(make: Cook, recipe: Recipe, query: Query, photo: bytes) -> tuple[bytes, bytes]:
    marks = [time.perf_counter()]

    def spent() -> Spent:
        marks.append(time.perf_counter())
        return Spent(marks[1] - marks[0], marks[-1] - marks[1], cpu_s())

    try:
        prepared = make(recipe, query, photo, lambda: marks.append(time.perf_counter()))
    except SkyfixError as error:
        return pack_error(error, spent()), b""
    except MemoryError:
        return pack_error(ImageTooComplex(TOO_MUCH_MEMORY), spent()), b""
    except Exception as error:  # a fault of the program; the service logs it, and it says nothing of the photo
        return pack_crash(error, spent()), b""
    return pack_prepared(prepared, spent())


def main(arguments: list[str]) -> None:
    fd, memory, memory_bytes, parent, *named = arguments
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # a terminal sends them to the whole group; the service decides
    make = cook
    if named:
        module, _, name = named[0].partition(":")
        make = getattr(import_module(module), name)
    with socket.socket(fileno=int(fd)) as peer:
        confine(int(memory_bytes), int(parent))
        try:
            work(peer, int(memory), make)
        except BrokenPipeError:
            return


if __name__ == "__main__":
    main(sys.argv[1:])
    os._exit(0)

"""Typed doorway to numba: every compiled function of the sample city goes through here.

Compiled code keeps no references: it allocates nothing and counts nothing, which halves the cost of passing a scene
about. Callers hand in the arrays to be filled.
"""

from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar, cast

import numba

P = ParamSpec("P")
R = TypeVar("R")
LEAN = {"no_cfunc_wrapper": True, "error_model": "numpy", "_nrt": False}


def kernel(function: Callable[P, R]) -> Callable[P, R]:
    """Compile on first call, keep the machine code on disk; IEEE arithmetic, so equal inputs give equal bytes."""
    options: dict[str, Any] = {"cache": True, "nogil": True, **LEAN}
    compiled = numba.njit(**options)(function)
    return cast(Callable[P, R], compiled)


def inlined(function: Callable[P, R]) -> Callable[P, R]:
    """The same for the steps of a pixel loop: only other compiled functions can call it, and they swallow it whole."""
    options: dict[str, Any] = {"forceinline": True, "no_cpython_wrapper": True, **LEAN}
    compiled = numba.njit(**options)(function)
    return cast(Callable[P, R], compiled)

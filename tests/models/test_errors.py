from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from models import errors
from models.errors import ParameterError, SkyfixError


def _tree(root: type[SkyfixError]) -> Iterator[type[SkyfixError]]:
    for child in root.__subclasses__():
        yield child
        yield from _tree(child)


HERE = [error for error in _tree(SkyfixError) if error.__module__ == errors.__name__]


@pytest.mark.parametrize("error", HERE)
def test_every_error_stands_in_the_tree_at_the_top(error: type[SkyfixError]) -> None:
    assert re.search(rf"\b{error.__name__}\b", errors.__doc__ or "")


def test_every_code_names_one_error() -> None:
    codes = [error.code for error in HERE]
    assert len(set(codes)) == len(codes)


@pytest.mark.parametrize("error", HERE)
def test_codes_are_words_for_machines(error: type[SkyfixError]) -> None:
    assert "code" in vars(error)
    assert re.fullmatch(r"[a-z]+(_[a-z]+)*", error.code)


def test_a_parameter_error_names_its_field() -> None:
    error = ParameterError("prior.lat", "91 is not in [-90, 90].")
    assert (str(error), error.pointer) == ("prior.lat: 91 is not in [-90, 90].", "prior.lat")

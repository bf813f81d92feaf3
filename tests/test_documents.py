"""Commands in the documents: every one exists, with the options and the values it is shown with."""

from __future__ import annotations

import re
import shlex
from itertools import pairwise
from pathlib import Path

import click
import pytest

from models.training.config import load_config
from service.cli import main

ROOT = Path(__file__).parents[1]
DOCUMENTS = (
    "README.md",
    "README.ko.md",
    "docs/api.md",
    "docs/clients.md",
    "docs/experiments.md",
    "docs/geotagging.md",
    "docs/calibration.md",
    "docs/deployment.md",
    "docs/operating.md",
    "docs/page.md",
    "docs/planning.md",
    "docs/indexing.md",
    "docs/monitoring.md",
    "docs/search.md",
    "docs/simulation.md",
    "docs/sources.md",
    "docs/tracks.md",
    *(f"models/configs/{p.name}" for p in (ROOT / "models/configs").iterdir()),
)


def _commands(document: str) -> list[list[str]]:
    """Words of every `skyfix` line, without comments; a backslash goes on in the next line."""
    text = (ROOT / document).read_text(encoding="utf-8").replace("\\\n", " ")
    lines = [line.strip(" #&") for line in text.splitlines()]
    found = [shlex.split(line.split("&&")[0], comments=True) for line in lines if re.match(r"skyfix [a-z]", line)]
    return [words[1:] for words in found]


SHOWN = [(document, words) for document in DOCUMENTS for words in _commands(document)]


def _resolve(words: list[str]) -> tuple[click.Command, list[str]]:
    command, context = main.get_command(click.Context(main), words[0]), click.Context(main)
    rest = words[1:]
    while isinstance(command, click.Group):
        command, rest = command.get_command(context, rest[0]), rest[1:]
    assert command is not None, words
    return command, rest


def test_there_is_something_to_hold_the_documents_to() -> None:
    assert len(SHOWN) > 25


@pytest.mark.parametrize(("document", "words"), SHOWN, ids=[f"{d}: {' '.join(w)[:60]}" for d, w in SHOWN])
def test_a_command_that_is_shown_exists(document: str, words: list[str]) -> None:  # noqa: ARG001
    command, rest = _resolve(words)
    options = {name: option for option in command.params for name in option.opts}
    for word, value in pairwise([*rest, ""]):
        if not word.startswith("--"):
            continue
        assert word in options, word
        kind = options[word].type
        if isinstance(kind, click.Choice) and not value.isupper():
            kind.convert(value, options[word], click.Context(command))


def _figures(document: str) -> list[str]:
    """Numbers in tables and inline code, in their order."""
    text = (ROOT / document).read_text(encoding="utf-8")
    rows = [line for line in text.splitlines() if line.startswith("|")]
    return [number for row in rows for number in re.findall(r"[0-9]+(?:[.,][0-9]+)*", row)]


def test_the_korean_readme_says_what_the_english_one_says() -> None:
    english, korean = ((ROOT / name).read_text(encoding="utf-8") for name in ("README.md", "README.ko.md"))
    assert _commands("README.ko.md") == _commands("README.md")
    assert _figures("README.ko.md") == _figures("README.md")
    for text in (r"^#+ ", r"^```", r"docs/[a-z]+\.md", r"^!\["):
        assert len(re.findall(text, korean, re.MULTILINE)) >= len(re.findall(text, english, re.MULTILINE)), text
    assert set(re.findall(r"docs/[a-z]+\.md", english)) <= set(re.findall(r"docs/[a-z]+\.md", korean))


@pytest.mark.parametrize("words", [words for _, words in SHOWN if "--config" in words])
def test_a_configuration_that_is_shown_can_be_read(words: list[str]) -> None:
    stage = int(words[words.index("--stage") + 1]) if "--stage" in words else 1
    changes = [value for word, value in pairwise(words) if word == "--set"]
    load_config(words[words.index("--config") + 1], stage, changes)

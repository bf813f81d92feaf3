"""Texts, ids and commands of the page are there wherever one speaks of them."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from service.catalogue import CATALOGUE
from service.page.files import STATIC
from tests.test_documents import _resolve

LANGUAGES = ("en", "ko")
SCRIPTS = sorted((STATIC / "js").glob("*.js"))
MARKUP = (STATIC / "index.html").read_text(encoding="utf-8")
CODE = "\n".join(path.read_text(encoding="utf-8") for path in SCRIPTS)
STATUSES = ("localized", "likely", "ambiguous", "no_match", "outside_coverage", "ranked")
STAGES = ("receive", "decode", "preprocess", "queue", "inference", "search", "posterior", "serialize")
FIXES = ("corrected", "kept", "rejected_outlier", "not_localized")
FAMILIES = {"status_": STATUSES, "meaning_": STATUSES, "stage_": STAGES, "fix_": FIXES}
"""Keys that are put together at run time: t(`status_${name}`)."""


def texts(language: str) -> dict[str, str]:
    found: dict[str, str] = json.loads((STATIC / "messages" / f"{language}.json").read_text(encoding="utf-8"))
    return found


def test_languages_have_the_same_keys_and_places_to_fill() -> None:
    english, korean = (texts(language) for language in LANGUAGES)
    assert list(english) == list(korean)
    for key in english:
        holes = [sorted(re.findall(r"\{(\w+)\}", told[key])) for told in (english, korean)]
        assert holes[0] == holes[1], key
        assert english[key].strip()
        assert korean[key].strip()


def used() -> set[str]:
    plain = set(re.findall(r'\bt\(\s*"(\w+)"', CODE)) | set(re.findall(r'data-(?:text|label)="(\w+)"', MARKUP))
    chosen = {key for pair in re.findall(r'\bt\([^"`()]*\? "(\w+)" : "(\w+)"', CODE) for key in pair}
    tables = set(re.findall(r'\["((?:fact|other)_\w+|outside)"', CODE))
    notes = set(re.findall(r'"(no_map|no_imagery)"', CODE))
    return plain | chosen | tables | notes


def test_every_text_that_is_used_exists() -> None:
    known = set(texts("en"))
    assert used() <= known
    for family, members in FAMILIES.items():
        assert f"`{family}${{" in CODE
        assert {family + member for member in members} <= known, family
    assert len(used()) > 70


def test_every_text_is_used() -> None:
    together = (*FAMILIES, "problem_")
    assert {key for key in texts("en") if not key.startswith(together)} <= used()


def test_problems_with_a_title_are_those_of_the_service_or_of_the_page() -> None:
    own = {"unreachable", "track_unreadable", "page_failed"}
    titled = {key.removeprefix("problem_") for key in texts("en") if key.startswith("problem_")}
    assert titled - own <= {entry.code for entry in CATALOGUE}


def test_every_id_that_is_used_exists_and_is_one() -> None:
    ids = re.findall(r'\bid="([\w-]+)"', MARKUP)
    assert len(ids) == len(set(ids))
    asked = set(re.findall(r'(?:\$|getElementById)\("([\w-]+)"\)', CODE))
    assert asked <= set(ids)
    named = re.findall(r'\b(?:for|aria-controls|aria-labelledby)="([\w-]+)"', MARKUP)
    assert set(named) <= set(ids)


def test_commands_on_the_page_exist() -> None:
    commands = re.findall(r"<code>skyfix (.+?)</code>", MARKUP)
    assert len(commands) == 3
    for command in commands:
        found, rest = _resolve(command.split())
        options = {name for option in found.params for name in option.opts}
        assert {word for word in rest if word.startswith("--")} <= options


def test_what_is_imported_is_exported() -> None:
    for script in SCRIPTS:
        for names, module in re.findall(r'import \{ ([\w, ]+) \} from "\./(\w+\.js)"', script.read_text("utf-8")):
            there = (STATIC / "js" / module).read_text("utf-8")
            exported = set(re.findall(r"export (?:async )?(?:function|class|const) (\w+)", there))
            assert set(names.split(", ")) <= exported, (script.name, module)


@pytest.mark.skipif(shutil.which("node") is None, reason="there is no node")
def test_scripts_are_javascript(tmp_path: Path) -> None:
    copies = [shutil.copy(path, tmp_path / f"{path.stem}.mjs") for path in SCRIPTS]
    for copy in copies:
        done = subprocess.run(["node", "--check", str(copy)], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr

"""Write a bill of materials (CycloneDX 1.6, JSON) of what a lock installs, with licences from what is installed.

    python docker/sbom.py --lock docker/locks/cpu.lock --out build/skyfix.cdx.json

Run by the Python whose packages it describes. With --exact it fails unless that Python holds the locked packages and
Skyfix, and nothing else: so the image's own list is held to its lock while it is built. The same lock and packages give
the same bytes. The model bundles that come with Skyfix are in it, by the hash of their manifest, which holds those of
their files. What the base image brings besides Python packages is not.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import sys
import uuid
from dataclasses import dataclass
from importlib.metadata import Distribution, distributions
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

PROGRAM = "skyfix"
NAMESPACE = uuid.UUID("6ad5b9ec-9d0f-4c6e-a0f7-2d5a1b6f6d3e")


@dataclass(frozen=True, slots=True)
class Locked:
    """One package of a lock: an exact version, and the SHA-256 of every file it may be installed from."""

    requirement: Requirement
    hashes: tuple[str, ...]

    @property
    def name(self) -> str:
        return canonicalize_name(self.requirement.name)

    @property
    def version(self) -> str:
        return next(iter(self.requirement.specifier)).version

    @property
    def applies(self) -> bool:
        """Whether this Python would install it."""
        return self.requirement.marker is None or self.requirement.marker.evaluate()


def read_lock(path: Path) -> list[Locked]:
    """Packages of a lock, in its order, those for other Pythons too.

    Raises:
        ValueError: a line that is neither `name==version` with its hashes nor a comment.
    """
    text = re.sub(r"^\s*#.*\n", "", path.read_text(encoding="utf-8"), flags=re.MULTILINE).replace("\\\n", " ")
    packages = []
    for line in filter(str.strip, text.splitlines()):
        pin, *options = line.split(" --")
        hashes = tuple(option.strip().removeprefix("hash=sha256:") for option in options)
        requirement = Requirement(pin)
        if (
            not hashes
            or any(len(each) != 64 for each in hashes)
            or [s.operator for s in requirement.specifier] != ["=="]
        ):
            raise ValueError(f"{path}: {pin.strip()!r} is no exact version with SHA-256 hashes.")
        packages.append(Locked(requirement, hashes))
    return packages


def bill(lock: list[Locked], installed: dict[str, Distribution]) -> dict[str, Any]:
    """The whole document: Skyfix, its packages and models, and who needs whom."""
    wanted = {each.name: each for each in lock if each.applies}
    refs = {name: f"pkg:pypi/{name}@{each.version}" for name, each in wanted.items()}
    components = [
        {
            "type": "library",
            "bom-ref": refs[name],
            "name": name,
            "version": each.version,
            "purl": refs[name],
            **licences(installed.get(name), each.version),
            "externalReferences": [
                {
                    "type": "distribution",
                    "url": refs[name],
                    "hashes": [{"alg": "SHA-256", "content": content} for content in each.hashes],
                }
            ],
        }
        for name, each in sorted(wanted.items())
    ]
    models = bundled_models()
    program = installed[PROGRAM]
    root = {"type": "application", "bom-ref": PROGRAM, "name": PROGRAM, "version": program.version, **licences(program)}
    refs |= {each["bom-ref"]: each["bom-ref"] for each in models}
    needs = {PROGRAM: set(refs)} | {name: needed_by(installed.get(name)) for name in wanted}
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid.uuid5(NAMESPACE, json.dumps([root, components, models]))}",
        "version": 1,
        "metadata": {"component": root},
        "components": [*components, *models],
        "dependencies": [
            {"ref": refs.get(name, name), "dependsOn": sorted(refs[each] for each in needed if each in refs)}
            for name, needed in sorted(needs.items())
        ],
    }


def bundled_models() -> list[dict[str, Any]]:
    """The model bundles in the installed Skyfix, by name."""
    spec = find_spec("models")
    folders = [Path(folder) for folder in (spec.submodule_search_locations or [])] if spec is not None else []
    found = []
    for path in sorted(path for folder in folders for path in folder.glob("bundles/*/manifest.json")):
        about = json.loads(path.read_text(encoding="utf-8"))
        found.append(
            {
                "type": "machine-learning-model",
                "bom-ref": f"model:{about['name']}@{about['version']}",
                "name": about["name"],
                "version": str(about["version"]),
                "description": f"{about['label']} {about['attribution']}",
                "licenses": [{"expression": about["licence"]}],
                "hashes": [{"alg": "SHA-256", "content": hashlib.sha256(path.read_bytes()).hexdigest()}],
            }
        )
    return found


def licences(found: Distribution | None, version: str | None = None) -> dict[str, Any]:
    """What the package itself says; nothing when it says nothing, or when another version is installed."""
    if found is None or (version is not None and found.version != version):
        return {}
    about = found.metadata
    if expressions := about.get_all("License-Expression", []):
        return {"licenses": [{"expression": expressions[0]}]}
    named = [each.rpartition(" :: ")[2] for each in about.get_all("Classifier", []) if each.startswith("License ::")]
    named = named or [text.strip().partition("\n")[0] for text in about.get_all("License", []) if text.strip()]
    return {"licenses": [{"license": {"name": name}} for name in named]} if named else {}


def needed_by(found: Distribution | None) -> set[str]:
    """Names that a package requires without extras."""
    asked = [Requirement(text) for text in (found.requires or [] if found is not None else [])]
    return {canonicalize_name(each.name) for each in asked if not each.marker or each.marker.evaluate({"extra": ""})}


def differences(lock: list[Locked], installed: dict[str, Distribution]) -> list[str]:
    """How what is installed differs from the lock, a line each."""
    wanted = {each.name: each.version for each in lock if each.applies}
    held = {name: each.version for name, each in installed.items() if name != PROGRAM}
    return [
        f"{name}: locked {wanted.get(name, 'not at all')}, installed {held.get(name, 'not at all')}"
        for name in sorted(wanted.keys() | held.keys())
        if wanted.get(name) != held.get(name)
    ]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--lock", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--exact", action="store_true", help="fail unless exactly the lock is installed")
    given = parser.parse_args()
    lock = read_lock(given.lock)
    installed: dict[str, Distribution] = {canonicalize_name(each.metadata["Name"]): each for each in distributions()}
    if given.exact and (wrong := differences(lock, installed)):
        print(f"What is installed is not {given.lock}:", *wrong, sep="\n  ", file=sys.stderr)
        return 1
    document = bill(lock, installed)
    given.out.parent.mkdir(parents=True, exist_ok=True)
    given.out.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    print(f"{given.out}: {PROGRAM} and {len(document['components'])} packages and models")
    return 0


if __name__ == "__main__":
    sys.exit(main())

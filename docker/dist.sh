#!/usr/bin/env bash
# Make sdist and wheel of the last commit, the same bytes wherever and whenever: `make dist`.
#
# Times are the commit's (or SOURCE_DATE_EPOCH), modes and order are fixed, setuptools is the locked one, and the wheel
# is made from the sdist. BUILD_PYTHON: a Python that already has that setuptools. The same zlib is needed too.
set -euo pipefail
cd "$(dirname "$0")/.."
umask 022

PYTHON=${PYTHON:-.venv/bin/python}
OUT=$(realpath -m "${OUT:-dist}")
export SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)} LC_ALL=C TZ=UTC PYTHONHASHSEED=0

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

make_tools() {
    "$PYTHON" -m venv "$work/tools"
    "$work/tools/bin/pip" install --quiet --require-hashes --only-binary=:all: -r docker/locks/build.lock
    BUILD_PYTHON=$work/tools/bin/python
}

backend() {  # FOLDER CALL: one call of the build backend, in that folder, with its answer as the last line
    (cd "$1" && "$BUILD_PYTHON" -c "from setuptools import build_meta; print(build_meta.$2('$work/out'))" 2> "$work/log") \
        | tail -n 1 || { cat "$work/log" >&2; exit 1; }
}

[[ -n ${BUILD_PYTHON:-} ]] || make_tools
BUILD_PYTHON=$(realpath -s "$BUILD_PYTHON")
locked=$(sed -nE 's/^setuptools==([0-9.]+).*/\1/p' docker/locks/build.lock)
found=$("$BUILD_PYTHON" -c 'import setuptools; print(setuptools.__version__)')
[[ $found == "$locked" ]] || { echo "dist.sh: setuptools $found, locked is $locked" >&2; exit 1; }

mkdir -p "$OUT" "$work/source" "$work/out" "$work/again"
git archive HEAD pyproject.toml README.md LICENSE models index service | tar -x -C "$work/source"
sdist=$(backend "$work/source" build_sdist)
tar -xzf "$work/out/$sdist" -C "$work/again"
name=${sdist%.tar.gz}
tar --sort=name --format=gnu --owner=0 --group=0 --numeric-owner --mode=u=rwX,go=rX --mtime="@$SOURCE_DATE_EPOCH" \
    -C "$work/again" -cf - "$name" | gzip -9n > "$OUT/$sdist"
wheel=$(backend "$work/again/$name" build_wheel)
mv "$work/out/$wheel" "$OUT/$wheel"
(cd "$OUT" && sha256sum "$sdist" "$wheel" | tee SHA256SUMS)

#!/usr/bin/env bash
# Renew docker/locks from pyproject.toml: exact versions with the hashes of their wheels, for Python 3.11 and newer.
#
# `make lock` takes the newest versions that pyproject.toml allows; `docker/lock.sh` alone keeps those that are locked
# and adds or removes only what pyproject.toml asks for. No index is named in a lock: pip asks the one it is set up for,
# and the hashes say whether what it got is what was locked.
set -euo pipefail
cd "$(dirname "$0")/.."

UV=$(realpath -s "${UV:-.venv/bin/uv}")
PYTHON_FLOOR=3.11  # requires-python of pyproject.toml

compile() {
    local lock=docker/locks/$1
    shift
    "$UV" pip compile --quiet --universal --python-version "$PYTHON_FLOOR" --generate-hashes --only-binary :all: \
        --no-header --no-emit-index-url --no-emit-find-links --no-sources --output-file "$lock" "$@"
    ! grep -nE '://|^ *--(index|extra|find)' "$lock" || { echo "lock.sh: $lock names a place" >&2; exit 1; }
    echo "$lock: $(grep -c '==' "$lock") packages"
}

compile cpu.lock pyproject.toml --extra cpu --extra otel "$@"
compile gpu.lock pyproject.toml --extra gpu --extra otel "$@"
compile build.lock docker/locks/build.in "$@"

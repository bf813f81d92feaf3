#!/usr/bin/env bash
# Try the oldest packages that pyproject.toml allows: `make floors` installs them and runs the service's tests on them.
#
# A floor that is too low is a user's broken installation. Warnings are let through: old packages warn about new ones.
set -euo pipefail
cd "$(dirname "$0")/.."

UV=$(realpath -s "${UV:-.venv/bin/uv}")
PYTHON_FLOOR=3.11  # requires-python of pyproject.toml
FOLDER=build/floors
TOOLS=('pytest>=9' 'httpx>=0.28' 'pyyaml>=6.0.2' 'jsonschema>=4.23' 'onnx>=1.19')

# DuckDB 1.4 starts a thread of its own when it is imported, which that test counts as numpy's.
SKIPPED=tests/service/test_commands.py::test_numpy_multiplies_on_the_thread_that_asks

"$UV" venv --quiet --clear --python "$PYTHON_FLOOR" "$FOLDER"
export VIRTUAL_ENV=$PWD/$FOLDER
"$UV" pip install --quiet --resolution lowest-direct '.[cpu,index,otel]' "${TOOLS[@]}"
"$UV" pip uninstall --quiet skyfix  # what is tested is this folder
"$FOLDER/bin/python" -m pytest -o filterwarnings=default --deselect "$SKIPPED" --ignore tests/service/test_contract.py \
    -p no:cacheprovider "${@:-tests/service}"

# Two commands do all the set-up: `make demo` and `make test`.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
SHELL  := /bin/bash

.PHONY: setup vendor demo serve test test-all check fmt bench worth up lock floors sbom dist image-check screenshots clean

# What the demo needs, and no torch: the service, the index job, the sample city.
$(VENV)/.demo: pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Skyfix needs Python 3.11 or newer; set PYTHON=...")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check -e '.[cpu,index,sample-city]'
	touch $@

# Everything the tests need. The exact torch keeps pip from choosing a CUDA build of several gigabytes.
$(VENV)/.dev: $(VENV)/.demo
	$(BIN)/pip install --quiet --disable-pip-version-check 'torch==2.13.0' -e '.[dev]'
	touch $@

setup: $(VENV)/.dev

# The map library of the page; without a network the page comes without a map, and says so.
vendor: $(VENV)/.demo
	-$(BIN)/python -m service.page.vendor

demo: $(VENV)/.demo vendor
	$(BIN)/skyfix demo $(if $(ONCE),--once)

serve: $(VENV)/.demo vendor
	$(BIN)/skyfix serve $(if $(INDEX),--index $(INDEX))

# A file's tests stay together, for their fixtures.
test: $(VENV)/.dev
	$(BIN)/pytest -n 2 --dist loadfile

test-all: $(VENV)/.dev
	$(BIN)/pytest -m 'not gpu'

check: $(VENV)/.dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

fmt: $(VENV)/.dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(VENV)/.dev
	$(BIN)/python -m benchmarks.serving --work build/serving $(if $(PEERS),--peers $(PEERS))  # half an hour
	OMP_NUM_THREADS=1 $(BIN)/python benchmarks/bench.py
	OMP_NUM_THREADS=1 $(BIN)/python benchmarks/recall_memory.py
	$(BIN)/python -m benchmarks.region
	$(BIN)/python -m benchmarks.stores --rows 10000 100000 1000000  # renders a city: half an hour on two cores
	OMP_NUM_THREADS=1 $(BIN)/python -m benchmarks.prior_search
	$(BIN)/python -m benchmarks.index_job
	$(BIN)/python -m benchmarks.open_index
	$(BIN)/python -m benchmarks.decode_room
	$(BIN)/python -m benchmarks.cold_start
	$(BIN)/python -m benchmarks.overload --work build/serving
	$(BIN)/python -m benchmarks.telemetry
	$(BIN)/python -m benchmarks.attention

# What sets, fleets, tracks and poses are worth on cities that nothing was fitted on: an hour and more.
worth: $(VENV)/.dev
	$(BIN)/python -m benchmarks.sets
	$(BIN)/python -m benchmarks.fleet --work build/fleet --fov 360 --vehicles 3 --repeats 2
	$(BIN)/python -m benchmarks.fleet --work build/fleet --fov 90 --vehicles 3 --repeats 2
	$(BIN)/python -m benchmarks.tracks --work build/tracks --vehicles 4 --photos 30 --fov 90 --fov 360 --wrong 0.3
	$(BIN)/python -m benchmarks.poses
	$(BIN)/python -m benchmarks.aliasing
	$(BIN)/skyfix simulate-fleet --serve --out build/simulation

up: $(VENV)/.demo
	test -n "$(INDEX_DIR)" -o -d demo/index || $(BIN)/skyfix demo --once
	docker compose up --build --wait

lock: $(VENV)/.dev
	docker/lock.sh --upgrade

floors: $(VENV)/.dev
	docker/floors.sh

sbom: $(VENV)/.dev
	$(BIN)/python docker/sbom.py --lock docker/locks/cpu.lock --out build/skyfix.cdx.json

dist: $(VENV)/.demo
	PYTHON=$(BIN)/python docker/dist.sh

image-check: $(VENV)/.demo
	SKYFIX=$(BIN)/skyfix docker/image-check.sh

# Pictures of the page for docs/ and README.md; wants Chromium.
screenshots: $(VENV)/.dev vendor
	$(BIN)/python docs/screenshots.py --work $(or $(WORK),build/screenshots)

clean:
	rm -rf $(VENV) build dist demo .mypy_cache .ruff_cache .pytest_cache .import_linter_cache

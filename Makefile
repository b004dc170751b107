# The front door. `make run` and `make test` need nothing but Python 3.11+ and make; everything else is set up on the way.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PACKAGES := harness nodes nemesis checkers workloads docker
SCENARIO ?= scenarios/raft-register.toml

.PHONY: setup run test check bench docs images clean

setup: $(VENV)/ready

# The links give mypy the same import root that the installation has: keelhaul.nodes is nodes/.
$(VENV)/ready: pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "keelhaul needs Python 3.11 or newer; set PYTHON=…")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[docker,dev]'
	mkdir -p $(VENV)/links/keelhaul
	for package in $(PACKAGES); do ln -sfn ../../../$$package $(VENV)/links/keelhaul/$$package; done
	touch $@

run: setup
	$(BIN)/keelhaul run $(SCENARIO)

test: setup
	$(BIN)/python -m pytest -n 2 --dist loadgroup

check: setup
	$(BIN)/ruff check .
	$(BIN)/mypy $(foreach package,$(filter-out docker,$(PACKAGES)),-p keelhaul.$(package))
	$(BIN)/python -m pytest -q tests/meta

bench: setup
	$(BIN)/python -m benchmarks

docs: setup
	$(BIN)/python tests/meta/coverage_page.py

images: setup
	$(BIN)/python -m keelhaul.harness.environments.images

clean:
	if [ -x $(BIN)/keelhaul ]; then $(BIN)/keelhaul clean; fi
	rm -rf $(VENV) build dist store *.egg-info .hypothesis .ruff_cache

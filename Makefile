# Two commands matter: `make run` makes the report, `make test` runs the tests; `make test-museum`
# runs those of the museum, whose environments take gigabytes; `make gpu-check` checks the engine on
# a GPU.
# Both set up what they need on a fresh machine. PYTHON picks the interpreter (3.11 or later).

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
OUT ?= bakeoff-results
PRESET ?= quick
BACKENDS ?= numpy,numpy-plan,torch,jax

# of every part a file that reaches far into what it depends on
LOWEST := tests/core tests/runner/test_cli.py tests/report/test_merged.py \
  tests/report/test_adoption.py tests/report/test_bulk.py tests/reference/test_compiled.py

.PHONY: run test test-museum test-lowest gpu-check lint wheel-smoke coverage clean

run: $(VENV)/.installed
	$(BIN)/bakeoff run --preset $(PRESET) --backends $(BACKENDS) --out $(OUT)

test: $(VENV)/.installed-dev
	tools/browser.sh
	tools/tests.sh $(BIN)/python -m pytest

test-museum: $(VENV)/.installed-dev
	$(BIN)/python -m pytest -m museum -n 2 --dist loadgroup tests/museum tests/gpu

# The lowest versions that pyproject.toml allows, in an environment of their own.
test-lowest: $(VENV)/.installed
	$(BIN)/uv venv --quiet --clear --python $(BIN)/python $(VENV)-lowest
	$(BIN)/uv pip install --quiet --python $(VENV)-lowest --resolution lowest-direct \
	  --editable '.[pytest,parquet,adoption,compiled]' --group test
	$(VENV)-lowest/bin/python -m pytest -W default $(LOWEST)

gpu-check: $(VENV)/.installed
	$(BIN)/python benchmarks/gpu

lint: $(VENV)/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

wheel-smoke: $(VENV)/.installed-dev
	PYTHON="$(PYTHON)" BUILD="$(BIN)/python -m build" tools/wheel_smoke.sh

coverage: $(VENV)/.installed-dev
	tools/browser.sh
	tools/tests.sh $(BIN)/coverage run -m pytest
	$(BIN)/coverage combine -q
	$(BIN)/coverage report

clean:
	rm -rf $(VENV) $(VENV)-lowest dist build .mypy_cache .ruff_cache .pytest_cache .hypothesis

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "bakeoff: $(PYTHON) is `$(PYTHON) -V 2>&1`, expected Python 3.11 or later; say make PYTHON=python3.12 …"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade "pip>=25.1"

$(VENV)/.installed: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --editable .
	@touch $@

$(VENV)/.installed-dev: pyproject.toml $(VENV)/.installed
	$(BIN)/python -m pip install --quiet --editable . --group dev
	@touch $@

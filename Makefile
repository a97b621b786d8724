# The project's commands; `make` alone lists them.
PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11 python; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
BIN := .venv/bin
SEED ?= 0
SECONDS ?= 60
ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help run test check format fuzz crash interop bench clean

help:
	@echo 'make run      start the broker on 127.0.0.1:9092, data under ./data   (ARGS="--port 9093")'
	@echo 'make test     run every test that needs nothing but PyPI             (ARGS="-k fetch")'
	@echo 'make check    format, lint, types, layers, tests with coverage'
	@echo 'make format   put the sources into shape'
	@echo 'make fuzz     feed broken bytes to the parsers                        (SECONDS=60 SEED=0)'
	@echo 'make crash    kills, power cuts, failing and full disks, torn files     (ARGS="--only power")'
	@echo 'make interop  real clients against a running broker'
	@echo 'make bench    performance beside a peer in the same run'
	@echo 'make clean    remove what these commands made, but never ./data'

.venv/made:
	@test -n '$(PYTHON)' || { echo 'pykbroker needs Python 3.11 or newer; install it, or say make PYTHON=/path/to/python'; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade pip
	@touch $@

.venv/run-ready: .venv/made pyproject.toml
	$(BIN)/python -m pip install --quiet --editable .
	@touch $@

.venv/test-ready: .venv/run-ready
	$(BIN)/python -m pip install --quiet --group test
	@touch $@

.venv/check-ready: .venv/test-ready
	$(BIN)/python -m pip install --quiet --group check
	@touch $@

.venv/interop-ready: .venv/test-ready
	$(BIN)/python -m pip install --quiet --group interop
	@touch $@

.venv/bench-ready: .venv/run-ready
	$(BIN)/python -m pip install --quiet --group bench
	@touch $@

run: .venv/run-ready
	@exec $(BIN)/pykbroker serve --data-dir data $(ARGS)

test: .venv/test-ready
	$(BIN)/python -m pytest -q $(ARGS)

check: .venv/check-ready
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m coverage run -m pytest -q $(ARGS)
	$(BIN)/python -m coverage report --fail-under=95 --skip-covered --sort=cover

format: .venv/check-ready
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

fuzz: .venv/test-ready
	$(BIN)/python -m tests.fuzz.fuzz_wire --seconds $(SECONDS) --seed $(SEED)

crash: .venv/test-ready
	@$(BIN)/python -m pip install --quiet --group interop || echo 'make crash goes on without confluent-kafka'
	$(BIN)/python -m tests.crash --seed $(SEED) $(ARGS)

interop: .venv/interop-ready
	$(BIN)/python -m interop $(ARGS)
	$(BIN)/python -m interop.groups

bench: .venv/bench-ready
	$(BIN)/python -m benchmarks $(ARGS)

clean:
	rm -rf .venv build dist *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache .coverage

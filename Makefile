# make run    sets up .venv, runs the workflow on CONFIG and writes results/report.html
# make test   runs the tests, all but the slow ones; make lint, make bench
PYTHON ?= $(shell command -v python3.11 || command -v python3)
CONFIG ?= config/config.yaml
CORES ?= all
ARGS ?=

BIN := $(CURDIR)/.venv/bin
SNAKEMAKE := $(BIN)/snakemake --configfile $(CONFIG) --cores $(CORES)
REPORT := results/report.html

.PHONY: run test bench lint schema
.DELETE_ON_ERROR:

run: .venv/installed
	@$(BIN)/python -m mdsnake check $(CONFIG)
	$(SNAKEMAKE) $(ARGS)
	@mkdir -p results/logs
	@$(SNAKEMAKE) $(ARGS) --report $(REPORT) > results/logs/report.log 2>&1 || { cat results/logs/report.log; exit 1; }
	@echo "Done. Open $(CURDIR)/$(REPORT)"

test: .venv/installed
	$(BIN)/python -m pytest -m "not slow" --numprocesses 2 $(ARGS)

bench: .venv/installed
	$(BIN)/python benchmarks/kstep.py --out benchmarks/results/kstep.json $(ARGS)

lint: .venv/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/snakefmt --check Snakefile workflow
	$(BIN)/snakemake --lint
	$(BIN)/python -m mdsnake schema --out results/schema.json && diff config/schema.json results/schema.json

schema: .venv/installed
	$(BIN)/python -m mdsnake schema --out config/schema.json

# torch first: it is by far the largest, and an interrupted set-up goes on after it.
.venv/installed: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 13))' \
	  || { echo "error: Python 3.11 or 3.12 is needed; name it: make PYTHON=/path/to/python3.11"; exit 1; }
	@$(PYTHON) -m venv .venv || { rm -rf .venv; \
	  echo "error: $(PYTHON) has no venv; install it (Debian: apt-get install python3-venv) or name another: make PYTHON=..."; exit 1; }
	$(BIN)/python -m pip install --quiet --constraint constraints.txt torch==2.13.0
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable ".[dev]"
	@touch $@

# Ingot. `make run` and `make test` need Python >= 3.11, make and a package registry; everything else they install
# into .venv from the hashed lock.

PYTHON ?= python3
CONFIG ?= config/config.yaml
CORES ?= all
RUN ?= results/quick
VENV := .venv
BIN := $(VENV)/bin
export PATH := $(CURDIR)/$(BIN):$(PATH)

.PHONY: run setup test test-all lint format lock artifact docs help

help: ## what can be made
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | sort | expand -t 12

run: $(VENV)/run.stamp ## the whole chain on CONFIG (default: the quick run), ending with the page's path
	@ingot plan $(CONFIG)
	@snakemake --cores $(CORES) --configfile $(CONFIG)
	@ingot plan $(CONFIG) --finished

setup: $(VENV)/run.stamp ## a virtual environment with what a run needs

$(VENV)/run.stamp: requirements/cpu.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Ingot needs Python 3.11 or newer; this is %d.%d. Choose another with `make PYTHON=python3.12 ...`" % sys.version_info[:2])'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/cpu.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps -e .
	@$(BIN)/ingot doctor > /dev/null || true # builds the compiled descriptor where there is a C++ compiler
	touch $@

$(VENV)/dev.stamp: requirements/dev.lock $(VENV)/run.stamp
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.lock
	touch $@

test: $(VENV)/dev.stamp lint ## the tests that a newcomer runs (minutes)
	pytest -m "not slow" -n 2 --dist loadscope --no-loadscope-reorder

test-all: $(VENV)/dev.stamp lint ## and the slow physics and the comparisons
	pytest -n 2 --dist loadscope --no-loadscope-reorder

lint: $(VENV)/dev.stamp ## formatting, types, import contracts, workflow
	ruff check .
	ruff format --check .
	snakefmt --check Snakefile rules
	mypy
	lint-imports
	snakemake --lint
	ingot config check

format: $(VENV)/dev.stamp ## put the house in order
	ruff check --fix .
	ruff format .
	snakefmt Snakefile rules

docs: $(VENV)/dev.stamp ## the generated pages: schema, reference of the configuration
	ingot config write

artifact: $(VENV)/run.stamp ## pack a finished run (RUN=results/quick) into one archive
	ingot artifact $(RUN) -o $(notdir $(RUN)).ingot.tar.gz

lock: ## resolve the dependencies again and pin them by hash, free of host names
	$(PYTHON) -m venv .cache/lock && .cache/lock/bin/python -m pip install --quiet uv
	for name in cpu dev gpu; do \
	  extra=$$([ $$name = cpu ] || echo --extra $$name); \
	  constraint=$$([ $$name = cpu ] || echo -c requirements/cpu.lock); \
	  .cache/lock/bin/uv pip compile pyproject.toml $$extra $$constraint --universal --fork-strategy fewest \
	    --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate --no-header --quiet \
	    -o requirements/$$name.lock || exit 1; \
	done

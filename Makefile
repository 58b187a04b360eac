# Two commands do everything: `make demo` and `make test`. Each sets up what it needs, the first time.
SHELL := /bin/sh
PYTHON := .venv/bin/python
UV := .tools/uv/bin/uv
INSTALLED := .venv/.installed
# Of the tests: a file's tests stay together, and two that start TFX take 3 GB.
WORKERS := 2
# A process that ends in a test would end in it again.
PYTEST := $(PYTHON) -m pytest --numprocesses $(WORKERS) --dist loadfile --max-worker-restart 0
# The packages of that day run together without warnings (docs/adr/0001-tfx-1-16-on-python-3-10.md).
LOCK_DATE := 2025-03-31
LOCK := $(UV) pip compile --quiet --python-version 3.10 --exclude-newer $(LOCK_DATE) --generate-hashes --no-header \
	--exclude-newer-package pyfastcdc=2026-11-01

.DEFAULT_GOAL := help
.PHONY: help demo test check format bench lock clean

help:  ## list the targets
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

demo: $(INSTALLED)  ## run the taxi pipeline on real data, then show what it registered
	$(PYTHON) -m pipelines.taxi

test: $(INSTALLED)  ## run the tests
	status=0; for part in light tfx; do echo "tests, part $$part:"; $(PYTEST) --part $$part || status=1; done; exit $$status

check: $(INSTALLED)  ## format, lint, types, layers, spelling
	$(PYTHON) -m ruff format --check .
	$(PYTHON) -m ruff check .
	$(PYTHON) -m mypy
	.venv/bin/lint-imports
	.venv/bin/codespell

format: $(INSTALLED)  ## put the code into the house's form
	$(PYTHON) -m ruff format .
	$(PYTHON) -m ruff check --fix .

bench: $(INSTALLED)  ## measure, as ratios against a named peer in one run; no part of the tests
	scripts/peers.sh
	$(PYTHON) -m tests.bench
	$(PYTHON) -m tests.bench.bench_store
	$(PYTHON) -m tests.bench.bench_registry

lock: setup.py requirements/dev.in requirements/uv.in  ## resolve the requirements again
	scripts/bootstrap.sh uv
	$(LOCK) --all-extras setup.py requirements/dev.in --output-file requirements/full.txt
	$(LOCK) --constraint requirements/full.txt setup.py --output-file requirements/light.txt
	$(UV) pip compile --quiet --python-version 3.10 --generate-hashes --no-header requirements/uv.in \
		--output-file requirements/uv.txt

clean:  ## remove what the other targets made
	rm -rf .venv .tools .demo .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache *.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(INSTALLED): requirements/full.txt requirements/uv.txt setup.py scripts/bootstrap.sh
	scripts/bootstrap.sh venv
	@touch $@

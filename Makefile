# Thin targets over .venv, which they create themselves. `make help` lists them.
# Needs python3.11 (or a python3 that is at least that), pip and make.

SHELL       := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

PYTHON  ?= $(shell command -v python3.11 || command -v python3)
WORKERS ?= 2
VENV := .venv
BIN  := $(VENV)/bin
PIP  := $(BIN)/python -m pip install -qq --disable-pip-version-check

# numba keys its cache by the time stamp of the source file: kept outside the clone, one compilation serves every
# worker of a run and every run until a kernel changes.
export NUMBA_CACHE_DIR ?= $(HOME)/.cache/ruvllm/numba
export HF_HUB_OFFLINE  ?= 1
export TOKENIZERS_PARALLELISM ?= false

.PHONY: help demo test test-all lint bench embedded-model docs lock clean

help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(VENV)/.demo  ## real schemas, offline: prompt, schema, output, validation, speed
	@$(BIN)/ruvllm-grammar warm
	@$(BIN)/ruvllm demo

test: lint  ## lint, types, import contracts, then every test that is not slow
	@$(BIN)/ruvllm-grammar warm
	$(BIN)/python -m pytest -q -n $(WORKERS) --dist loadgroup -m "not slow"

test-all: $(VENV)/.test  ## the slow tests, then the kernels again with bounds checks
	@$(BIN)/ruvllm-grammar warm
	$(BIN)/python -m pytest -q -n $(WORKERS) --dist loadgroup -m slow
	NUMBA_BOUNDSCHECK=1 NUMBA_CACHE_DIR="$(NUMBA_CACHE_DIR)-boundscheck" $(BIN)/python -m pytest -q -m "not slow" \
	    $(wildcard tests/kernels tests/program tests/tables tests/match)

lint: $(VENV)/.test  ## ruff, mypy and the import contracts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(VENV)/.bench  ## measure against the peers; results go to bench/results, tables and plots into docs
	@$(BIN)/ruvllm-grammar warm
	$(BIN)/python -m bench

embedded-model: $(VENV)/.test  ## train, export and measure the embedded model: about an hour on 2 cores, can be interrupted
	$(BIN)/python -m bench.embedded_model all --threads $(WORKERS)

docs: $(VENV)/.test  ## build the documentation into site/, broken links are errors
	$(BIN)/mkdocs build --strict -f .mkdocs.yml
	@echo "site/index.html"

lock: $(VENV)/.test  ## resolve the newest versions afresh and write requirements/*.txt
	$(BIN)/python requirements/lock.py

clean:  ## remove what these targets made, .venv included
	rm -rf $(VENV) build dist site .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache .coverage htmlcov

# ------------------------------------------------------------------------------------------------- installation
# torch goes first and alone: it is the largest, and its exact pin keeps anything else from choosing another build.

$(VENV)/.python:
	@[ -n "$(PYTHON)" ] || { echo "No python3 found: install Python 3.11 or later."; exit 1; }
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	    || { echo "$(PYTHON) is older than Python 3.11: install 3.11, or run make PYTHON=/path/to/python3.11"; exit 1; }
	@echo "==> Creating $(VENV) with $$("$(PYTHON)" --version)"
	@"$(PYTHON)" -m venv $(VENV)
	@touch $@

define install
	@start=$$SECONDS; \
	total=$$(cat $(1) | grep -c '^[a-z]' || true); \
	echo "==> Installing $$total pinned packages from $(1) into $(VENV) (once; a few minutes, most of it download)"; \
	torch=$$(grep -h '^torch==' requirements/demo.txt); \
	echo "    1/3 $$torch (the largest: 190 MB for a CPU build, several GB with CUDA)"; \
	$(PIP) "$$torch"; \
	echo "    2/3 the other packages (150 to 200 MB)"; \
	$(PIP) $(addprefix -r ,$(1)); \
	echo "    3/3 this project, editable"; \
	$(PIP) --no-deps --no-build-isolation -e .; \
	echo "    done in $$((SECONDS - start)) s"
	@touch $@
endef

$(VENV)/.demo: requirements/demo.txt pyproject.toml | $(VENV)/.python
	$(call install,requirements/demo.txt)

$(VENV)/.test: requirements/lock.txt pyproject.toml | $(VENV)/.python
	$(call install,requirements/lock.txt)

$(VENV)/.bench: requirements/bench.txt requirements/lock.txt pyproject.toml | $(VENV)/.python
	$(call install,requirements/lock.txt requirements/bench.txt)

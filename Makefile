# Everything the project does from a fresh clone. `make` alone lists the targets.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DELETE_ON_ERROR:
.ONESHELL:
.DEFAULT_GOAL := help
MAKEFLAGS += --no-builtin-rules --no-print-directory

# The environment's own packages decide, not what the caller's shell points at.
unexport PYTHONPATH PYTHONHOME VIRTUAL_ENV
export PYTHONNOUSERSITE := 1

VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
PYTHON ?=
# Bound of the whole test run; a single test has the limit in pyproject.toml.
TEST_TIMEOUT ?= 40m
PYTEST_ARGS ?=
UV_VERSION := 0.13.9

.PHONY: help setup demo test fuzz bench lint format lock clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

setup: $(STAMP) ## create .venv from the lock file (Python 3.11 or newer; PYTHON=... chooses one)
	@:

$(STAMP): requirements-dev.lock pyproject.toml tools/make-venv
	@PYTHON="$(PYTHON)" tools/make-venv $(VENV) requirements-dev.lock
	touch $@

demo: setup ## start a local Kafka and Redis and show the live twin, from synthetic hospitals to warnings
	@exec $(BIN)/megdt demo

test: setup lint ## lint, then every test (the stack tests start their own Kafka and Redis)
	@timeout --kill-after=30s $(TEST_TIMEOUT) tools/run-tests $(BIN)/python $(PYTEST_ARGS)

fuzz: setup ## the property tests with new examples each time (PYTEST_ARGS="-k word" chooses)
	@$(BIN)/python -m pytest --hypothesis-profile=explore -m "not stack" $(PYTEST_ARGS)

bench: setup ## measure replay throughput and latency on this machine
	@exec $(BIN)/megdt bench replay

lint: setup ## ruff, mypy and the import contracts
	@$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

format: setup ## apply ruff's fixes and formatting
	@$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

lock: ## resolve pyproject.toml again into the lock files (UPGRADE=1 takes the newest versions)
	@PYTHON="$(PYTHON)" UV_VERSION="$(UV_VERSION)" tools/lock $(if $(UPGRADE),--upgrade)

clean: ## remove what the targets above made
	@rm -rf $(VENV) .cache .hypothesis .mypy_cache .pytest_cache .ruff_cache .import_linter_cache build dist reports
	find . -name __pycache__ -type d -not -path './.git/*' -prune -exec rm -rf {} +

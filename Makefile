# Every target sets itself up: the first one makes a virtual environment in .venv (some minutes),
# later ones find it ready. It is made again when the dependencies, the Python version or the folder
# change. Only relative paths below, so that a checkout in "a folder with spaces" works.
#
#   make demo PYTHON=/path/to/python3.12     uses that Python instead of the first suitable one

SHELL := /bin/sh
PYTHON ?=
export PYTHON

BIN := .venv/bin

.DEFAULT_GOAL := help
.PHONY: help demo test lint bench format clean setup

help:
	@echo "make demo    the embedded district: maps, temperatures, pictures and a report in heatmat-demo/"
	@echo "make test    the test suite"
	@echo "make lint    linter, formatter check, types, import directions"
	@echo "make bench   speed of this machine, to benchmark.json"
	@echo "make format  formats the sources and mends what the linter can"
	@echo "make clean   removes the environment and everything that the targets made"

setup:
	@sh .ci/setup

demo: setup
	@$(BIN)/heatmat demo --out heatmat-demo --overwrite

# Two processes: much of the suite runs in one thread. A file's tests stay in one of them.
test: setup
	@$(BIN)/python -m pytest --no-header -n 2 --dist loadfile

lint: setup
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/mypy
	@$(BIN)/lint-imports

bench: setup
	@$(BIN)/heatmat benchmark --json benchmark.json

format: setup
	@$(BIN)/ruff format
	@$(BIN)/ruff check --fix

clean:
	rm -rf .venv build dist heatmat-demo benchmark.json
	rm -rf .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find heatmat data_sources sims tests -name __pycache__ -prune -exec rm -rf {} + 2>/dev/null || true

# Everything here works on a fresh machine with Python 3.11+ and nothing else installed.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: setup demo test check bench golden clean

setup: $(VENV)/.done

# torch comes first and pinned: left to the resolver, its newest build brings gigabytes for graphics cards.
$(VENV)/.done: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check torch==2.13.0
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable ".[dev]"
	touch $@

# The main job on the built-in offline image service: change one part of a picture, keep the rest.
demo: setup
	$(BIN)/graphrun run workflows/inpaint.yaml --provider offline --output-dir demo-output

test: setup
	$(BIN)/python -m pytest -n auto

check: setup
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

# Speed and memory as ratios within one run; machines differ, ratios less.
bench: setup
	$(BIN)/python -m tests.bench

# Accept the present source of the built-in nodes as what their versions stand for.
golden: setup
	$(BIN)/python -m pytest -q tests/test_node_versions.py --golden

clean:
	rm -rf $(VENV) demo-output

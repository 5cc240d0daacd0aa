# Two commands do everything on a fresh machine with python3, python3-venv and make:
#   make demo   sets up and reads the sample films with the shipped bundle
#   make test   sets up and passes the tests
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Processes that test at once; each needs up to 3 GB.
WORKERS ?= 2
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check install -c constraints.txt

.PHONY: demo test lint clean

demo: $(VENV)/.base
	@mkdir -p demo
	$(BIN)/pneumoscope predict samples --sheet demo/sheet.html --heatmaps demo/heatmaps
	@echo
	@echo "Open this page in a browser: $(CURDIR)/demo/sheet.html"

test: $(VENV)/.dev
	$(BIN)/ruff check src tests tools
	$(BIN)/ruff format --check src tests tools
	$(BIN)/mypy
	$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.base: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(PIP) -e .
	@touch $@

$(VENV)/.dev: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(PIP) -e '.[train,evidence,serve,postgresql,apps,dev]'
	@touch $@ $(VENV)/.base

clean:
	rm -rf $(VENV) demo dist

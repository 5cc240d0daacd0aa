# Two commands do everything on a fresh machine with python3, python3-venv and make:
#   make demo   sets up and reads the sample films with the shipped bundle
#   make test   sets up and runs the tests
#   make web    sets up, builds the page that judges films in the browser, and serves it; it takes npm
# With Orthanc installed (Debian: orthanc orthanc-dicomweb dcmtk), one more:
#   make demo-pacs  sends the sample films to an archive, from there to a node, and their results back
# For daily work:
#   make scale  the tests that need Ray, which `make test` leaves out: 80 MB to download, and half a minute
#   make extras checks that the other extras fit the pinned versions; it installs nothing
#   make check  the tests that take no training, server or browser: two and a half minutes on two cores
# And for the documentation:
#   make sbom   writes the bill of materials (CycloneDX) of what is installed to dist/sbom.cdx.json
#   make docs   builds the site into site/; a broken link, or a page that no menu names, fails the build
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Processes that run tests at the same time, for two cores: many tests wait for a server or a browser.
# Each needs up to 3 GB.
WORKERS ?= 3
# The tests of a file run in one process: they share what their module makes once, such as a training.
PYTEST := $(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check install -c constraints.txt

check: QUICK := --quick
# Tests start hundreds of processes. Python keeps what it compiles, even where the environment says no.
check test: export PYTHONDONTWRITEBYTECODE :=

.PHONY: demo demo-pacs web check test scale extras docs sbom lint clean

demo: $(VENV)/.base
	@mkdir -p demo
	$(BIN)/pneumoscope predict samples --sheet demo/sheet.html --heatmaps demo/heatmaps
	@echo
	@echo "Open this page in a browser: $(CURDIR)/demo/sheet.html"

web: $(VENV)/.base
	$(BIN)/pneumoscope export web web-page
	@echo "Ctrl-C ends it."
	$(BIN)/python -m http.server --bind 127.0.0.1 --directory web-page 8002

# An archive and a node on loopback; needs Orthanc (Debian: orthanc orthanc-dicomweb dcmtk).
demo-pacs: $(VENV)/.pacs
	$(BIN)/python tools/demo_pacs.py $(DEMO_PACS)

check test: $(VENV)/.dev
	$(BIN)/ruff check src tests tools benchmarks
	$(BIN)/ruff format --check src tests tools benchmarks
	@# mypy takes up to a minute in a new clone, on one core: the tests need not wait for it.
	@# There a single process compiles tests and packages first: all would do it at once otherwise.
	$(BIN)/mypy >$(VENV)/mypy.txt 2>&1 & types=$$!; \
	[ -d tests/__pycache__ ] || $(PYTEST) $(QUICK) --collect-only >/dev/null; \
	$(PYTEST) $(QUICK); tests=$$?; \
	wait $$types; types=$$?; cat $(VENV)/mypy.txt; exit $$((tests | types))

scale: $(VENV)/.dev
	$(PIP) -e '.[scale]'
	$(BIN)/python -m pytest tests/batch/test_ray_engine.py

docs: $(VENV)/.docs
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict
	@echo "Read it: $(BIN)/python -m http.server --directory site 8001, then http://127.0.0.1:8001/"

# The extras that the tests don't install still have to fit the pins, each other and the rest.
extras: $(VENV)/.dev
	$(PIP) --dry-run '.[s3,gcs,azure,scale,data,jax,torch,mlflow,openvino]'

sbom: $(VENV)/.dev
	$(BIN)/python tools/sbom.py --out dist/sbom.cdx.json
	@echo "Bill of materials: dist/sbom.cdx.json"

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.base: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(PIP) -e .
	@touch $@

$(VENV)/.pacs: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(PIP) -e '.[pacs]'
	@touch $@ $(VENV)/.base

$(VENV)/.docs: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(PIP) -e '.[docs]'
	@touch $@ $(VENV)/.base

$(VENV)/.dev: pyproject.toml constraints.txt | $(VENV)/bin/python
	@# 3 GB of packages, of which tests import a part: compiling all of it takes longer than the download.
	$(PIP) --no-compile -e '.[train,evidence,batch,serve,postgresql,pacs,watch,apps,docs,dev]'
	@touch $@ $(VENV)/.base $(VENV)/.docs $(VENV)/.pacs

clean:
	rm -rf $(VENV) demo web-page dist site

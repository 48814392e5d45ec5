# make demo   set everything up, execute the quickstart notebook for real on the embedded backend, say where to look
# make test   set everything up, then all checks and all tests, browser tests included
# make dist   a wheel and an sdist from a clean build of the sidebar
#
# Both make what they need: .venv, the Node packages of the sidebar, Chromium. What is there is used again.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
# Two at a time: the sidebar is built and Chromium installed while the types are checked.
MAKEFLAGS += --no-print-directory -j2

VENV := .venv
PY := $(VENV)/bin/python
WORKERS ?= 2
LAB_SOURCES := $(wildcard labextension/src/* labextension/style/* labextension/schema/*) \
	$(wildcard nbprocess/views/static/*) labextension/package.json labextension/tsconfig.json
STAMPS := $(VENV)/stamps

.PHONY: demo test check python-check sidebar-check dist chromium clean

demo: $(STAMPS)/python $(STAMPS)/sidebar
	$(PY) -m nbprocess.demo

test: $(STAMPS)/python $(STAMPS)/sidebar chromium check
	$(PY) -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder -q </dev/null

check: python-check sidebar-check

python-check: $(STAMPS)/python
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy

sidebar-check: $(STAMPS)/sidebar
	if [ -d labextension/node_modules ]; then PATH="$(CURDIR)/$(VENV)/bin:$$PATH"; cd labextension; jlpm lint; jlpm test; \
	else echo "labextension: type check and unit tests are left out: there is no Node 20 here"; fi

# The interpreter: $PYTHON, else the first of these that is 3.10 to 3.13 and can make virtual environments.
$(VENV)/bin/python:
	@found=; \
	for python in $${PYTHON:-} python3 python3.13 python3.12 python3.11 python3.10 \
			"$$HOME"/.pyenv/versions/3.1[0-3]*/bin/python /usr/local/bin/python3 /usr/bin/python3; do \
		if "$$python" -c 'import sys, venv, ensurepip; sys.exit(not (3, 10) <= sys.version_info < (3, 14))' 2>/dev/null; \
		then found=$$python; break; fi; \
	done; \
	if [ -z "$$found" ]; then \
		echo "No Python 3.10 to 3.13 with the venv module was found. Install one (Debian: apt-get install python3-venv)," \
			"or name it: make PYTHON=/path/to/python3.12" >&2; exit 1; fi; \
	echo "Making $(VENV) with $$found ($$("$$found" -V))"; \
	"$$found" -m venv $(VENV)

# The sidebar is built below with a frozen lockfile, not by pip.
$(STAMPS)/python: pyproject.toml | $(VENV)/bin/python
	HATCH_JUPYTER_BUILDER_SKIP_NPM=1 $(PY) -m pip install --disable-pip-version-check -q -e '.[dev]'
	mkdir -p $(STAMPS); touch $@

$(STAMPS)/node: labextension/package.json labextension/yarn.lock $(STAMPS)/python
	@if node -e 'process.exit(Number(process.versions.node.split(".")[0]) < 20 ? 1 : 0)' 2>/dev/null; then \
		PATH="$(CURDIR)/$(VENV)/bin:$$PATH"; cd labextension; echo "Installing the Node packages of the sidebar"; \
		jlpm install --immutable >/tmp/nbprocess-jlpm.$$$$ 2>&1 || { cat /tmp/nbprocess-jlpm.$$$$ >&2; exit 1; }; \
		rm -f /tmp/nbprocess-jlpm.$$$$; touch ../$@; \
	fi

$(STAMPS)/sidebar: $(LAB_SOURCES) $(STAMPS)/node
	@if [ -d labextension/node_modules ]; then \
		export PATH="$(CURDIR)/$(VENV)/bin:$$PATH"; \
		( cd labextension; rm -rf lib; jlpm build ); \
		jupyter-builder develop . --overwrite; touch $@; \
	else echo "No Node 20 or later was found: nbprocess works without its JupyterLab sidebar, which is not built." >&2; fi

# Debian's Chromium where there is none and we may install it; otherwise the browser tests skip and say so.
chromium:
	@if ! command -v chromium >/dev/null && ! command -v google-chrome >/dev/null; then \
		if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
			echo "Installing Chromium for the browser tests"; \
			{ apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends chromium; } \
				>/dev/null 2>&1 </dev/null || echo "Chromium could not be installed: the browser tests will skip."; \
		else echo "There is no Chromium here and only root can install it: the browser tests will skip."; fi; \
	fi

# A development build left behind would put source maps and local paths into the wheel.
dist: $(STAMPS)/node
	rm -rf nbprocess/labextension labextension/lib dist
	$(PY) -m build
	rm -f $(STAMPS)/sidebar

clean:
	rm -rf $(VENV) nbprocess/labextension labextension/{lib,node_modules,build-test} dist out

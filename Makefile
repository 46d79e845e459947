# make run: the whole pipeline · make test: everything · make lab: JupyterLab · make help
PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3; do command -v $$p >/dev/null 2>&1 && $$p -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 && echo $$p && break; done)
VENV := .venv
BIN := $(VENV)/bin
export PATH := $(CURDIR)/$(BIN):$(PATH)
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export DVC_NO_ANALYTICS := 1
export JUPYTER_CONFIG_DIR := $(CURDIR)/.jupyter
unexport PYTHONDONTWRITEBYTECODE # every stage would compile the package again

.PHONY: help run test serve-test lab bench bench-monitor bench-models calm style show pictures export clean moved
help: ## show this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 15

run: moved $(VENV)/run.ok ## run the whole pipeline and say where the reports are
	@$(BIN)/python -m mlops_nb repro

test: moved $(VENV)/dev.ok ## run every test: notebooks, unit, end-to-end, browser (AREA=monitoring: of one area)
	@$(BIN)/python -m pytest $(if $(AREA),tests/$(AREA) tests/test_notebooks.py -k "$(AREA)")

serve-test: moved $(VENV)/dev.ok ## hold a server against the contracts of all platforms (URL=http://127.0.0.1:8080 ARGS="--rows rows.json --token TOKEN")
	@$(BIN)/python -m pytest -n 0 tests/conformance $(if $(URL),--url $(URL)) $(ARGS)

lab: moved $(VENV)/dev.ok ## open JupyterLab on the notebooks (ARGS="--no-browser --port=9999" …)
	@$(BIN)/python -m jupyterlab $(ARGS)

bench: moved $(VENV)/dev.ok ## measure costs beside their peers and write nbs/guides/benchmarks.ipynb
	@$(BIN)/python benchmarks/bench.py

bench-monitor: moved $(VENV)/dev.ok ## measure monitoring beside Evidently and NannyML, each in an environment of its own
	@$(BIN)/python benchmarks/bench_monitor.py

bench-models: moved $(VENV)/dev.ok ## measure the default model beside its peers on public tables and write nbs/guides/models.ipynb (ARGS="--seeds 5")
	@$(BIN)/python benchmarks/bench_models.py $(ARGS)

calm: moved $(VENV)/dev.ok ## measure false alarms and detected faults and write nbs/guides/calm.ipynb (ARGS=--no-peers: ours alone; "--only tables --tables 10 --splits 5": some public tables)
	@OMP_NUM_THREADS=1 $(BIN)/python benchmarks/calm.py $(ARGS)

style: moved $(VENV)/dev.ok ## measure how the code is written and write nbs/guides/style.ipynb (ARGS="--rev REV": a commit, print only)
	@$(BIN)/python benchmarks/style.py $(or $(ARGS),--write)

show: moved $(VENV)/run.ok ## publish the history as a static site and serve it here
	@$(BIN)/python -m mlops_nb publish && $(BIN)/python -m mlops_nb show

pictures: moved $(VENV)/dev.ok ## make the README's pictures from the pages of the last run
	@PYTHONPATH=tests $(BIN)/python -m helpers.pictures

export: moved $(VENV)/dev.ok ## module notebooks -> package, index -> README
	@$(BIN)/ruff format -q nbs && $(BIN)/nbdev-export && $(BIN)/ruff format -q mlops_nb && $(BIN)/python -m mlops_nb readme

clean: ## remove the environment and scratch files, never data or reports
	rm -rf $(VENV) .mlops

moved: # scripts in .venv/bin, such as dvc, begin with the path at which they were installed
	@if [ -x $(BIN)/python ]; then $(BIN)/python -I -S .jupyter/moved.py; fi

$(VENV)/python.ok:
	@if [ -z "$(PYTHON)" ]; then \
	  if command -v python3 >/dev/null 2>&1; then \
	    if python3 -c 'import sys; sys.exit(sys.version_info >= (3, 11))'; then echo "expected Python 3.11 or newer, found $$(python3 --version 2>&1). Install one, or name it: make run PYTHON=/path/to/python3.12" >&2; \
	    else echo "$$(python3 --version) lacks the module venv or ensurepip. Install it (Debian, Ubuntu: apt install python3-venv), then run again" >&2; fi; \
	  else echo "no python3 found. Install Python 3.11 or newer, or name it: make run PYTHON=/path/to/python3.12" >&2; fi; exit 1; fi
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "expected Python 3.11 or newer, found $$("$(PYTHON)" --version 2>&1). Name a newer one: make run PYTHON=/path/to/python3.12" >&2; exit 1; }
	@echo "setting up $(VENV) with $$("$(PYTHON)" --version)"
	@if prefix=$$(git rev-parse --show-prefix 2>/dev/null); then git config filter.stripped.clean "env '$(PYTHON)' '$${prefix}.jupyter/strip.py'"; fi # git runs it from its root; see .gitattributes; DVC cannot read a value that begins with a quote
	@"$(PYTHON)" -m venv $(VENV) || { echo "$$("$(PYTHON)" --version) could not make a virtual environment. Debian, Ubuntu: apt install python3-venv" >&2; rm -rf $(VENV); exit 1; }
	@touch $@

# pip says a line a package: shown is how many were found, and when their files are written
PROGRESS = awk '/^ *(Collecting|Requirement already satisfied)/ { n++; if (n % 25 == 0) print "  " n " packages found"; fflush() } \
	/^Installing collected packages/ { print "2 of 3: installing " n " packages"; fflush() }'

INSTALL = echo "1 of 3: finding the locked packages ($(1)); all three take 2 to 5 minutes the first time" && \
	{ $(BIN)/python -m pip install --progress-bar off --no-compile -c requirements.lock -e '.[$(1)]' 2>$(VENV)/pip.log; echo $$? >$(VENV)/pip.code; } | $(PROGRESS); \
	[ "$$(cat $(VENV)/pip.code)" = 0 ] || { tail -n 20 $(VENV)/pip.log >&2; echo "the packages could not be installed: is the network up, can pip reach its index? Then run the same command again" >&2; exit 1; }; \
	echo "3 of 3: compiling them"; \
	$(BIN)/python -m compileall -q -j 0 -x '/(tests?|testing|pip|setuptools|databricks|debugpy|networkx|playwright|dulwich|ghapi|mlflow|pygments)/' $(VENV)/lib >/dev/null 2>&1 || true # as pip would, on all processors; what is rarely imported is left for then, and templates that are no Python do not matter

$(VENV)/run.ok: $(VENV)/python.ok requirements.lock pyproject.toml
	@$(call INSTALL,flights)
	@touch $@

$(VENV)/dev.ok: $(VENV)/python.ok requirements.lock pyproject.toml
	@$(call INSTALL,dev)
	@touch $@ $(VENV)/run.ok

# recohort: `make reproduce` runs everything, `make test` tests it, `make` lists the rest.
# Needs Python 3.11 or newer, make and git; what else there is to install goes into .venv.

CORES ?= all
CARD ?=
ARGS ?=

BIN := .venv/bin
READY := .venv/.ready
export PYTHONUTF8 := 1

# What of config/config.yaml is given on the command line.
settings := $(if $(STUDIES),'studies=$(STUDIES)') $(if $(REPLICATES),replicates=$(REPLICATES)) \
            $(if $(CONDITIONED),conditioned=$(CONDITIONED)) $(if $(SEED),seed=$(SEED)) \
            $(if $(LEAVE_ONE_OUT),leave_one_out=$(LEAVE_ONE_OUT)) \
            $(if $(RESULTS),'results=$(RESULTS)')
config := $(if $(strip $(settings)),--config $(settings))

PYTHON ?= $(shell for python in python3 python3.14 python3.13 python3.12 python3.11 python; do \
    $$python -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 15))' 2>/dev/null \
    && echo $$python && break; done)

.PHONY: help reproduce test audit lint format bench slurm lock clean setup
.DEFAULT_GOAL := help

help:
	@echo "recohort: audit, reconstruct, replicate and compare what a clinical paper printed"
	@echo
	@echo "  make reproduce   set up, then run the whole pipeline on all studies (results/index.html)"
	@echo "  make test        set up, then run the tests"
	@echo
	@echo "  make audit       audit every card of config/studies, or one: CARD=path/to/card.yaml"
	@echo "  make lint        style, types and format of the code and the workflow"
	@echo "  make format      put code and workflow into that format"
	@echo "  make bench       the benchmarks"
	@echo "  make slurm       the pipeline on a Slurm cluster"
	@echo "  make lock        work out requirements.lock anew from pyproject.toml"
	@echo "  make setup       set up .venv and no more"
	@echo "  make clean       remove results/ and what the runs remember of them; .venv stays"
	@echo
	@echo "  reproduce and slurm take CORES=2 STUDIES=\"a b\" REPLICATES=50 CONDITIONED=20 SEED=1"
	@echo "  LEAVE_ONE_OUT=60 RESULTS=folder (else config/config.yaml holds); test takes ARGS=\"tests/test_x.py -k y\"."

reproduce: $(READY)
	@$(BIN)/snakemake --workflow-profile workflow/profiles/default --cores $(CORES) $(config) $(ARGS)

slurm: $(READY)
	@$(BIN)/python -c 'import snakemake_executor_plugin_slurm' 2>/dev/null || { echo "recohort: error:\
	 the Slurm plugin is not installed: $(BIN)/pip install snakemake-executor-plugin-slurm==2.8.0" >&2; exit 2; }
	@$(BIN)/snakemake --workflow-profile workflow/profiles/slurm $(config) $(ARGS)

test: $(READY)
	@$(BIN)/python -m pytest -n auto --dist loadfile $(ARGS)

audit: $(READY)
	@for card in $(or $(CARD),config/studies/*.yaml); do $(BIN)/recohort audit "$$card" || exit; done

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy workflow/recohort
	$(BIN)/snakefmt --check Snakefile workflow/rules

format: $(READY)
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .
	$(BIN)/snakefmt Snakefile workflow/rules

bench: $(READY)
	@for script in benchmarks/bench_*.py; do $(BIN)/python "$$script" $(ARGS) || exit; done

setup: $(READY)

$(READY): requirements.lock pyproject.toml
	@test -n "$(PYTHON)" && $(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 15))' \
	    || { echo "recohort: error: '$(PYTHON)' is no Python 3.11 to 3.14; name one:\
 make $(or $(MAKECMDGOALS),setup) PYTHON=/path/to/python3" >&2; exit 2; }
	@echo "Setting up .venv with $(PYTHON), once; it takes two or three minutes."
	@test -x $(BIN)/pip || $(PYTHON) -m venv .venv || { echo "recohort: error: $(PYTHON) cannot\
 make a virtual environment (on Debian and Ubuntu: apt install python3-venv)" >&2; exit 2; }
	@rm -f .venv/.failed; all=$$(grep -c '^[a-z0-9].*==' requirements.lock); n=0; \
	{ PYTHONUNBUFFERED=1 $(BIN)/python -m pip install --disable-pip-version-check --no-input \
	    --progress-bar off --require-hashes -r requirements.lock 2>&1 || touch .venv/.failed; } \
	| tee .venv/set-up.log | while read -r line; do case $$line in \
	    Collecting*|Processing*|Requirement\ already*) n=$$((n + 1)); \
	        test $$((n % 20)) -ne 0 || echo "  $$n of $$all packages fetched" ;; \
	    Installing*) echo "  $$all of $$all packages fetched, installing them" ;; \
	    ERROR*) echo "$$line" >&2 ;; \
	    esac; done; \
	test ! -e .venv/.failed || { echo "recohort: error: could not install the packages of\
 requirements.lock; all that pip said: .venv/set-up.log" >&2; exit 2; }
	@$(BIN)/python -m pip install --disable-pip-version-check --quiet --no-deps \
	    --no-build-isolation --editable .
	@echo "  compiling the numerical kernels"
	@$(BIN)/recohort compile
	@touch $(READY)
	@echo "Set up."

# pip-compile works in an environment of its own: it is no part of what recohort runs with.
lock:
	@test -x .cache/lock/bin/pip-compile || { $(PYTHON) -m venv .cache/lock && \
	    .cache/lock/bin/pip install --quiet pip-tools==7.6.2; }
	.cache/lock/bin/pip-compile --quiet --generate-hashes --strip-extras --all-extras --all-build-deps \
	    --allow-unsafe --annotation-style line --no-header --no-emit-options \
	    --output-file requirements.lock pyproject.toml

clean:
	rm -rf results .snakemake

# One front door. `make help` lists what it opens.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
RUN ?= runs/demo
CLAIMS ?= runs/claims
COINS ?= runs/coins
PHOTOGRAPHS ?= runs/photographs
FOLDS ?= 1
# two busy OpenMP threads that spin while they wait cost half the speed on small machines
export OMP_WAIT_POLICY ?= PASSIVE

.DEFAULT_GOAL := help
.PHONY: help demo demo-detection demo-segmentation claims test test-all lint format bench torture mutants docs dist clean

help: ## list the commands
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | awk -F'\t' '{printf "make %-10s %s\n", $$1, $$2}'

demo: $(VENV)/.installed ## install, train on real images, evaluate, one page on the run (about 4 minutes, 6 GB, most of it torch)
	rm -rf $(RUN)
	$(BIN)/parcnet train --output $(RUN)
	$(BIN)/parcnet eval $(RUN) --split test
	env -u OMP_WAIT_POLICY OMP_NUM_THREADS=1 $(BIN)/parcnet report $(RUN) --quick
	@printf '\nThe run folder is %s; predictions for a few test digits: %s\n' $(RUN) $(RUN)/predictions.png
	@printf 'The run on one page, open it in a browser: %s\n' $(RUN)/report.html

demo-detection: $(VENV)/.installed-lab ## train a detector on the coins of a photograph: boxes and masks (about 5 minutes; FOLDS=4: all folds)
	rm -rf $(COINS)
	$(BIN)/parcnet bench coins --folds $(FOLDS) --folder $(COINS)
	@printf '\nPredictions on the row of coins held out: %s\n' $(COINS)/fold*/run/predictions.png

demo-segmentation: $(VENV)/.installed-lab ## train a segmenter on five photographs, test on held-out regions (about 5 minutes)
	rm -rf $(PHOTOGRAPHS)
	$(BIN)/parcnet bench segmentation --folder $(PHOTOGRAPHS)
	$(BIN)/parcnet predict $(PHOTOGRAPHS)/interpolate-seed0 $(PHOTOGRAPHS)/photographs/images/test/*.png --save $(PHOTOGRAPHS)/predicted.png
	@printf '\nPredictions on the regions held out: %s (beside the labels: %s)\n' $(PHOTOGRAPHS)/predicted.png $(PHOTOGRAPHS)/interpolate-seed0/predictions.png

test: lint ## install, lint, then the tests that need neither a GPU nor minutes each
	$(BIN)/python -m pytest -n auto --maxprocesses 8 -m "not slow and not gpu"

test-all: lint ## every test, full-size networks too
	$(BIN)/python -m pytest -n auto --maxprocesses 8

lint: $(VENV)/.installed-dev ## style, types, and the direction of imports
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/parcnet bench tables --check README.md docs

format: $(VENV)/.installed-dev ## rewrite the code in the house style
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(VENV)/.installed ## time the operators and the networks beside ConvNeXt on this machine
	env -u OMP_WAIT_POLICY $(BIN)/parcnet bench ops
	env -u OMP_WAIT_POLICY $(BIN)/parcnet bench models

claims: $(VENV)/.installed-lab ## test the papers' claims on photographs: one page with pictures (about half an hour)
	$(BIN)/parcnet paper claims -o $(CLAIMS)

torture: $(VENV)/.installed ## kill training 60 times at random steps; every loss has to be bit-identical (about half an hour)
	$(BIN)/parcnet bench faults

mutants: $(VENV)/.installed-dev ## change 300 places of the code, one at a time; the tests have to notice (hours; resumes)
	OMP_NUM_THREADS=1 $(BIN)/python -m parcnet_lab.mutants

docs: $(VENV)/.installed-dev ## the documentation as a site in site/; warnings are errors
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet
	@printf 'Open site/index.html; for its search: %s -m http.server -d site\n' $(PYTHON)

dist: $(VENV)/.installed-dev ## wheel and sdist in dist/, tried in an empty environment (which installs torch once more)
	rm -rf dist
	$(BIN)/python -m build --no-isolation --outdir dist
	$(BIN)/python tests/release/smoke.py dist/*.whl

clean: ## remove what the other commands made, the virtual environment included
	rm -rf $(VENV) build dist site .mypy_cache .ruff_cache .pytest_cache .hypothesis $(RUN)

$(VENV)/bin/pip:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: pyproject.toml constraints.txt | $(VENV)/bin/pip
	$(BIN)/pip install --disable-pip-version-check --no-input -q -c constraints.txt -e .
	@touch $@

$(VENV)/.installed-lab: pyproject.toml constraints.txt | $(VENV)/bin/pip
	$(BIN)/pip install --disable-pip-version-check --no-input -q -c constraints.txt -e ".[lab]"
	@touch $@ $(VENV)/.installed

$(VENV)/.installed-dev: pyproject.toml constraints.txt | $(VENV)/bin/pip
	$(BIN)/pip install --disable-pip-version-check --no-input -q -c constraints.txt -e ".[dev]"
	@touch $@ $(VENV)/.installed

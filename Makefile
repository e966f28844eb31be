# One front door. `make help` lists what it opens.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
RUN ?= runs/demo
CLAIMS ?= runs/claims
# two busy OpenMP threads that spin while they wait cost half the speed on small machines
export OMP_WAIT_POLICY ?= PASSIVE

.DEFAULT_GOAL := help
.PHONY: help demo claims test test-all lint format bench torture clean

help: ## list the commands
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | awk -F'\t' '{printf "make %-10s %s\n", $$1, $$2}'

demo: $(VENV)/.installed ## install, train on real images, evaluate, show predictions (about 4 minutes, 6 GB, most of it torch)
	rm -rf $(RUN)
	$(BIN)/parcnet train --output $(RUN)
	$(BIN)/parcnet eval $(RUN) --split test
	@printf '\nThe run folder is %s; predictions for a few test digits: %s\n' $(RUN) $(RUN)/predictions.png

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

claims: $(VENV)/.installed-dev ## test the papers' claims on photographs: one page with pictures (about half an hour)
	$(BIN)/parcnet paper claims -o $(CLAIMS)

torture: $(VENV)/.installed ## kill training 60 times at random steps; every loss must be bit-equal (about half an hour)
	$(BIN)/parcnet bench faults

clean: ## remove what the other commands made, the virtual environment included
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis $(RUN)

$(VENV)/bin/pip:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: pyproject.toml constraints.txt | $(VENV)/bin/pip
	$(BIN)/pip install --disable-pip-version-check --no-input -q -c constraints.txt -e .
	@touch $@

$(VENV)/.installed-dev: pyproject.toml constraints.txt | $(VENV)/bin/pip
	$(BIN)/pip install --disable-pip-version-check --no-input -q -c constraints.txt -e ".[dev]"
	@touch $@ $(VENV)/.installed

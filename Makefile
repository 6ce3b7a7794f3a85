# `make repro` rebuilds everything from the built-in sample, `make test` runs the tests; both set up .venv first.
PYTHON ?= python3
VENV := .venv
# A worker for each core, up to four; tests/conftest.py gives each one thread.
PYTEST := pytest -n logical --maxprocesses 4 --dist worksteal
# Exported by make and not written into a command: the path may hold blanks and quotes.
export VIRTUAL_ENV := $(CURDIR)/$(VENV)
export PATH := $(VIRTUAL_ENV)/bin:$(PATH)
# Where it is set, every process compiles torch and all else anew, for seconds.
unexport PYTHONDONTWRITEBYTECODE

# The pipelines beside the main one: `make <name>` runs pipelines/<name>.
PIPELINES := $(patsubst pipelines/%/dvc.yaml,%,$(wildcard pipelines/*/dvc.yaml))

.PHONY: $(PIPELINES) help setup repro test test-all check-lock lint format lock deps docs bench bench-training clean

help: ## show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 16
	@for name in $(PIPELINES); do printf '%s\trun pipelines/%s (dvc repro there)\n' $$name $$name; done | expand -t 16

setup: $(VENV)/.installed ## create .venv with the locked environment

$(VENV)/.installed: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "winnow needs Python 3.11 or newer; name one with 'make PYTHON=python3.12 setup'."; exit 1; }
	test -x $(VENV)/bin/python || $(PYTHON) -m venv $(VENV)
	$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check uv
	$(VENV)/bin/uv pip sync --quiet --require-hashes requirements.lock
	$(VENV)/bin/uv pip install --quiet --no-deps --no-build-isolation --editable .
	touch $@

repro: setup ## run the whole pipeline (dvc repro)
	winnow check-params
	winnow reuse
	dvc repro
	@echo
	@winnow outcome

$(PIPELINES): setup
	cd pipelines/$@ && winnow check-params && winnow reuse && dvc repro

test: setup ## run the quick tests: the inner loop, minutes on two cores
	$(PYTEST) -m "not slow and not browser and not pipeline"

test-all: setup ## run all tests: also the slow ones, the review app in Chromium, whole pipelines
	$(PYTEST) --durations=20

check-lock: setup ## check that dvc.lock and metrics/ were made by this tree
	python tools/dvc_lock.py

lint: setup ## check style, types, the direction of imports and the deps of stages
	ruff check .
	ruff format --check .
	mypy
	lint-imports --no-cache --no-logo
	python tools/file_access.py
	python tools/deps.py --check
	python tools/params_docs.py --check
	python tools/files_docs.py --check

format: setup ## format the code
	ruff format .
	ruff check --fix .

lock: setup ## resolve requirements.lock anew from pyproject.toml
	uv pip compile --universal --generate-hashes --python-version 3.11 --quiet --upgrade \
		pyproject.toml --all-extras --group dev -o requirements.lock
	python tools/deps.py

deps: setup ## write the code and package versions that each stage depends on, from the imports
	python tools/deps.py

docs: setup ## write docs/params.md, docs/files.md, the schema and the comments of configs/base.yaml
	python tools/params_docs.py
	python tools/files_docs.py

bench: setup ## time every stage on 31,848 images, write benchmarks/results/
	python benchmarks/pipeline.py --name synthetic-31848 --config imagefolder --set augment.budget=50000 --set embed.trained.epochs=4 --set train.course.epochs=1

bench-training: ## throughput and the table of augmentations, on the workspace's data; for a GPU
	python benchmarks/training.py
	python benchmarks/augmentation.py --recipes course fast --jobs 4

clean: ## remove what `dvc repro` built (your archives in data/raw, the cache and .venv stay)
	rm -rf data/raw/sample.zip data/raw/sample-test.zip data/raw/sample-truth.csv
	rm -rf data/interim data/processed models submission report .winnow
	for name in $(PIPELINES); do \
		for folder in data/sample data/interim data/processed models report .winnow; do rm -rf pipelines/$$name/$$folder; done; \
	done

# `make demo` and `make test` each work alone on a fresh clone: they make .venv themselves.
PYTHON ?= python3
BIN := .venv/bin
export PATH := $(CURDIR)/$(BIN):$(PATH)
# Without bytecode on the disk, every process compiles all of torch and mlflow again.
unexport PYTHONDONTWRITEBYTECODE
READY := .venv/.ready

.PHONY: setup demo test test-lowest test-highest check bench serve

# MLflow makes the tables of the run store; of several `mlflow run` that start at once on an empty one, most fail.
setup: $(READY)
	$(BIN)/python -m entrypoints.prepare_store

# uv needs seconds where pip needs minutes; pip installs uv.
$(READY): pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	$(BIN)/uv pip install --quiet --python $(BIN)/python --editable '.[dev]'
	touch $(READY)

demo: $(READY)
	$(BIN)/mlflow run . -e adapt -P recipe=streets_dusk --env-manager local --experiment-name demo
	$(BIN)/python -m analysis table --experiment demo --baseline pretrain
	@echo
	@echo 'To see curves and panels, run make serve: it says where and how to log in'

test: $(READY)
	$(BIN)/python -m pytest -n 2 --dist loadgroup tests

# The oldest and the newest versions that pyproject.toml allows, in an environment of their own. By hand: each installs
# several GB. TESTS="tests/analysis" runs a part. Old versions call what newer ones of their own parts deprecate.
test-lowest: RESOLUTION := lowest-direct
test-highest: RESOLUTION := highest
test-lowest test-highest: $(READY)
	$(BIN)/uv venv --quiet --allow-existing --python $(BIN)/python .venv-$(RESOLUTION)
	$(BIN)/uv pip install --quiet --upgrade --python .venv-$(RESOLUTION)/bin/python --resolution $(RESOLUTION) \
		--editable '.[dev]'
	PATH="$(CURDIR)/.venv-$(RESOLUTION)/bin:$$PATH" .venv-$(RESOLUTION)/bin/python -m pytest -n 2 --dist loadgroup \
		-W ignore::DeprecationWarning $(or $(TESTS),tests)

check: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: $(READY)
	KINETO_LOG_LEVEL=99 $(BIN)/python tests/benchmarks

# Serves the runs of this folder, with accounts, to this machine only; to others: `make serve SERVE="--host 0.0.0.0 …"`.
serve: $(READY)
	$(BIN)/python -m entrypoints.serve $(SERVE)

# `make demo` and `make test` each work alone on a fresh clone.
PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.ready

.PHONY: setup demo test check bench serve

setup: $(STAMP)

# uv resolves and installs in seconds; where pip cannot get it, pip does the work itself.
$(STAMP): pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	$(BIN)/uv pip install --quiet --python $(BIN)/python --editable '.[dev]'
	touch $(STAMP)

demo: $(STAMP)
	$(BIN)/python -m mlflow run . -e pretrain --env-manager local --experiment-name demo
	$(BIN)/python -m mlflow run . -e adapt --env-manager local --experiment-name demo
	$(BIN)/python -m analysis table --experiment demo --baseline pretrain
	@echo 'Curves and panels: make serve, then open http://127.0.0.1:5000'

# make demo   sets up .venv, then checks, trains and scores the quickstart model and reads some articles with it
# make test   sets up .venv, then runs everything that must pass before a commit
# make clean  removes .venv and the demo's run

PYTHON ?= python3
TORCH_INDEX ?= https://download.pytorch.org/whl/cpu

RUN := runs/quickstart
BIN := .venv/bin
PIP := $(BIN)/python -m pip install --disable-pip-version-check --quiet -c constraints.txt
DEMO_ARTICLES := en-001|ar-022|ja-006

.PHONY: demo test clean

demo: .venv/train.stamp
	rm -rf $(RUN)
	$(BIN)/python -m training check configs/quickstart.yaml
	$(BIN)/python -m training train configs/quickstart.yaml
	$(BIN)/python -m training evaluate $(RUN)/checkpoint data/sample/test.jsonl
	grep -E '"id": "($(DEMO_ARTICLES))"' data/sample/test.jsonl > $(RUN)/demo.jsonl
	$(BIN)/python -m inference analyze $(RUN)/demo.jsonl --checkpoint $(RUN)/checkpoint
	@echo
	@echo "checkpoint: $(RUN)/checkpoint"
	@echo "report:     $(RUN)/report/report.html"

test: .venv/dev.stamp
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest

clean:
	rm -rf .venv $(RUN)

.venv/train.stamp: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("Python 3.11 or newer is needed, found " + sys.version.split()[0] + ". Name one: make PYTHON=python3.12")'
	@echo "setting up .venv: some minutes, this once"
	$(PYTHON) -m venv .venv
	# the CPU build first: the one that other packages would pull in brings gigabytes of CUDA
	$(PIP) --no-deps --retries 1 --extra-index-url $(TORCH_INDEX) torch
	$(PIP) -e '.[train]'
	@touch $@

.venv/dev.stamp: .venv/train.stamp
	$(PIP) -e '.[train,dev]'
	@touch $@

# make demo   sets up .venv, then checks, trains and scores the quickstart model and reads some articles with it
# make test   sets up .venv, then runs everything that must pass before a commit
# make clean  removes .venv and the demo's run
#
# On Linux without a GPU, the CPU build of torch saves several gigabytes:
#   PIP_EXTRA_INDEX_URL=https://download.pytorch.org/whl/cpu make demo

PYTHON ?= python3

RUN := runs/quickstart
BIN := .venv/bin
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
	$(BIN)/python -m pip install --disable-pip-version-check --quiet -c constraints.txt -e '.[train]'
	@touch $@

.venv/dev.stamp: .venv/train.stamp
	$(BIN)/python -m pip install --disable-pip-version-check --quiet -c constraints.txt -e '.[train,dev]'
	@touch $@

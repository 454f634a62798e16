.POSIX:

PYTHON ?= python3
VENV = .venv
BIN = $(VENV)/bin
PIP = $(BIN)/python -m pip --quiet --disable-pip-version-check install
NOTICE = into $(VENV): about 5 GB with the CUDA build of torch, downloaded once.
LOWEST = VENV=.venv-lowest EXTRAS=test CONSTRAINTS=constraints/lowest.txt

# What the tests are run with: extras, and a file of constraints on the versions.
EXTRAS = test,adapters,lint,docs
CONSTRAINTS = constraints/newest.txt

.PHONY: demo test test-lowest pytest lint docs dist clean

demo: $(VENV)/.demo-installed
	$(BIN)/python examples/plot_quickstart.py

test: lint pytest

pytest: $(VENV)/.test-installed
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses=auto --maxprocesses=4

# Every declared lower bound; Python 3.10 to 3.12, as these releases know no newer one.
test-lowest:
	$(MAKE) $(LOWEST) pytest

lint: $(VENV)/.test-installed
	$(BIN)/python -m ruff check .
	$(BIN)/python -m ruff format --check .
	$(BIN)/python -m mypy

docs: $(VENV)/.docs-installed
	$(BIN)/python -m sphinx -W -b html docs docs/_build/html
	$(BIN)/python docs/check_pages.py docs/_build/html

# Built without a network, tried outside the checkout, and left in dist.
dist: $(VENV)/.test-installed
	$(BIN)/python tests/outside.py dist

# What took long stays: the environment, and examples/output.
clean:
	rm -rf build dist latentaug.egg-info docs/_build docs/auto_examples docs/generated
	rm -rf .pytest_cache .ruff_cache .mypy_cache .hypothesis .coverage htmlcov
	rm -rf latentaug/__pycache__ latentaug/*/__pycache__ tests/__pycache__ docs/__pycache__ examples/__pycache__

# A stamp of its own, since a venv that failed half-way has a python already, but no pip.
$(VENV)/.created:
	$(PYTHON) -m venv $(VENV)
	$(PIP) --upgrade pip
	touch $@

$(VENV)/.demo-installed: $(VENV)/.created pyproject.toml
	@echo "Installing latentaug and what the demo needs $(NOTICE)"
	$(PIP) --editable ".[demo]"
	touch $@

$(VENV)/.test-installed: $(VENV)/.created pyproject.toml $(CONSTRAINTS)
	@echo "Installing latentaug and what the tests need $(NOTICE)"
	$(PIP) --constraint $(CONSTRAINTS) --editable ".[$(EXTRAS)]"
	touch $@

$(VENV)/.docs-installed: $(VENV)/.created pyproject.toml
	@echo "Installing latentaug and what the documentation needs $(NOTICE)"
	$(PIP) --editable ".[docs]"
	touch $@

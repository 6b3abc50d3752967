# Two commands: `make results` and `make test`. See README.md.
STUDIES ?= 1000
.PHONY: results test test-all test-cluster validate validate-sessions docs docs-site notebooks pictures lock lint coverage try-wheel clean help
.DEFAULT_GOAL := help

CONFIG ?= config/config.yaml
CORES ?= 0
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check -q
# Two processes; which tests share one is said in tests/conftest.py.
PYTEST := $(BIN)/python -m pytest -n 2 --no-loadscope-reorder

help:
	@echo "make results [CONFIG=config/config.yaml] [CORES=2]   run a study, by default the example"
	@echo "make test                                            run the tests"
	@echo "make test-all                                        run the slow tests too"

$(VENV)/.ready: requirements.txt pyproject.toml
	@command -v $(PYTHON) >/dev/null || { echo "error: no $(PYTHON); install Python 3.11 or newer"; exit 4; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "error: $(PYTHON) is older than 3.11; install a newer Python, or name one: make results PYTHON=python3.12"; exit 4; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { echo "error: Python has no venv; on Debian or Ubuntu: sudo apt install python3-venv"; exit 4; }
	$(PYTHON) -m venv $(VENV)
	$(PIP) install --require-hashes -r requirements.txt
	$(PIP) install --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.ready-test: requirements-test.txt $(VENV)/.ready
	$(PIP) install --require-hashes -r requirements-test.txt
	@touch $@

results: $(VENV)/.ready
	@$(BIN)/bowlby run "$(CONFIG)" --cores $(CORES)

test: $(VENV)/.ready-test
	$(PYTEST) -m "not slow and not cluster"

test-all: $(VENV)/.ready-docs
	$(PYTEST)

# On a real Slurm of one node, installed where this is root (BOWLBY_INSTALL_SLURM=0: never); about four minutes.
test-cluster: $(VENV)/.ready-test
	$(BIN)/python -m pytest -m cluster

# Operating characteristics of the claims: 1,000 studies a cell (400 where they are analysed one by one) take about half an
# hour of one core. Resumes.
validate: $(VENV)/.ready
	$(BIN)/snakemake -s workflow/validate.smk --cores $(if $(filter 0,$(CORES)),all,$(CORES)) --config studies=$(STUDIES)

# The same where outcome and perceived attachment are asked session by session: 1,000 studies a cell, 40 minutes of one core.
validate-sessions: $(VENV)/.ready
	$(BIN)/snakemake -s workflow/validate.smk --cores $(if $(filter 0,$(CORES)),all,$(CORES)) --config kind=sessions

# Share of the package's lines that the unit tests run; a table of what they do not is in build/coverage.txt.
# The limit is applied to the finished file: with a test that forks, slipcover cannot both apply it and write the file.
coverage: $(VENV)/.ready-test
	@mkdir -p build; rm -f build/coverage.json
	$(BIN)/python -m slipcover --source src/bowlby --json --out build/coverage.json -m pytest tests/unit -m "not slow"
	@$(BIN)/python -m slipcover --merge build/coverage.json --out build/coverage.json --skip-covered --fail-under 80 \
	  > build/coverage.txt; status=$$?; tail -1 build/coverage.txt; exit $$status

# The wheel, installed in an empty environment; its examples run there.
try-wheel: $(VENV)/.ready-test
	$(BIN)/python .ci/try_wheel.py

# Style, format and habits of the workflow, types (half a minute the first time).
lint: $(VENV)/.ready-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/snakefmt --check Snakefile workflow
	$(BIN)/python .ci/workflow_lint.py Snakefile workflow/*.smk
	$(BIN)/python .ci/type_errors.py

docs: $(VENV)/.ready
	$(BIN)/python docs/configuration.py
	$(BIN)/python docs/architecture.py
	$(BIN)/python docs/glossary.py

$(VENV)/.ready-docs: requirements-docs.txt $(VENV)/.ready-test
	$(PIP) install --require-hashes -r requirements-docs.txt
	@touch $@

# The documentation as a site in build/site, its notebooks run on the example's results; a warning is an error.
docs-site: $(VENV)/.ready-docs results
	$(BIN)/python -m sphinx -q -W --keep-going -b html -c docs/site . build/site
	@echo "written: build/site/docs/site/index.html"

# The notebooks in Jupyter, on the example's results.
notebooks: $(VENV)/.ready-docs
	$(BIN)/python -m jupyterlab notebooks

# The README's pictures, from the example's report; needs Chromium.
pictures: results
	$(BIN)/python docs/pictures.py results/example

# Needs uv (a developer's tool, not a user's).
lock:
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --extra cluster --extra build pyproject.toml -o requirements.txt
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --extra cluster --extra build --extra test -c requirements.txt pyproject.toml -o requirements-test.txt
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --extra cluster --extra build --extra test --extra docs -c requirements-test.txt pyproject.toml -o requirements-docs.txt

clean:
	rm -rf $(VENV) build src/*.egg-info

# All of it needs nothing but Python (3.11 or later) and make: virtual environments are
# made as needed. BACKEND chooses the one of `generate`, `test-lowest` and `dist`.

PYTHON ?= python3
BACKEND ?= jax
BACKENDS ?= jax torch tensorflow
JOBS ?= 2
# Keeps the lines of runs side by side apart, where make can (4.0 or later).
SYNC := $(if $(filter output-sync,$(.FEATURES)),--output-sync)

GENERATE_ENV := .venv
TEST_ENV := .venv-test
LOWEST_ENV := .venv-lowest
DIST_ENV := .venv-dist
TESTS ?= tests

.PHONY: generate test test-none $(addprefix test-,$(BACKENDS)) test-lowest lint docs dist clean

generate: $(GENERATE_ENV)/$(BACKEND)
	$(GENERATE_ENV)/bin/keras-musicvae generate --backend $(BACKEND) \
	    --preset groove_4bar --num-samples 5 --seed 1 --tempo 96 --out samples

$(GENERATE_ENV)/$(BACKEND): pyproject.toml
	$(PYTHON) -m venv $(GENERATE_ENV)
	$(GENERATE_ENV)/bin/python -m pip install --quiet --constraint constraints.txt --editable ".[$(BACKEND)]"
	touch $@

# What needs no backend runs once, the rest on each backend: two runs at a time.
test: lint
	$(MAKE) --no-print-directory --jobs $(JOBS) $(SYNC) $(addprefix test-,$(BACKENDS) none)

test-none: $(TEST_ENV)/done
	KERAS_BACKEND=none $(TEST_ENV)/bin/python -m pytest

$(addprefix test-,$(BACKENDS)): test-%: $(TEST_ENV)/done
	KERAS_BACKEND=$* $(TEST_ENV)/bin/python -m pytest -m backend

lint: $(TEST_ENV)/done
	$(TEST_ENV)/bin/ruff check .
	$(TEST_ENV)/bin/ruff format --check .
	$(TEST_ENV)/bin/mypy keras_musicvae
	$(TEST_ENV)/bin/check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yml
	$(TEST_ENV)/bin/check-jsonschema --builtin-schema vendor.github-issue-forms \
	    $(filter-out %/config.yml,$(wildcard .github/ISSUE_TEMPLATE/*.yml))
	$(TEST_ENV)/bin/zizmor --offline --no-progress --quiet .github

# The lowest versions that pyproject.toml allows, whose own warnings are not ours.
test-lowest: $(LOWEST_ENV)/$(BACKEND)
	KERAS_BACKEND=$(BACKEND) $(LOWEST_ENV)/bin/python -m pytest -W default $(TESTS)

$(LOWEST_ENV)/$(BACKEND): pyproject.toml
	$(PYTHON) -m venv $(LOWEST_ENV)
	$(LOWEST_ENV)/bin/python -m pip install --quiet uv
	$(LOWEST_ENV)/bin/uv pip install --quiet --python $(LOWEST_ENV) --resolution lowest-direct \
	    --group test --editable ".[$(BACKEND)]"
	touch $@

# The site, in site/. A warning, such as a link to nowhere, is an error.
docs: $(TEST_ENV)/done
	$(TEST_ENV)/bin/python tools/site_builder.py

# What PyPI gets, in dist/: its page is rendered, the wheel runs the lines of the README.
dist: $(TEST_ENV)/done
	rm -rf dist $(DIST_ENV)
	$(TEST_ENV)/bin/python -m build
	$(TEST_ENV)/bin/twine check --strict dist/*
	$(PYTHON) -m venv $(DIST_ENV)
	$(DIST_ENV)/bin/python -m pip install --quiet pytest "$$(echo dist/*.whl)[$(BACKEND)]"
	KERAS_BACKEND=$(BACKEND) $(DIST_ENV)/bin/pytest tests/test_documents.py -k README.md

$(TEST_ENV)/done: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(TEST_ENV)
	$(TEST_ENV)/bin/python -m pip install --quiet --upgrade "pip>=25.1"
	$(TEST_ENV)/bin/python -m pip install --quiet --constraint constraints.txt \
	    --group dev --editable . jax torch tensorflow-cpu
	touch $@

clean:
	rm -rf $(GENERATE_ENV) $(TEST_ENV) $(LOWEST_ENV) $(DIST_ENV) dist samples site

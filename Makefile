# `make generate` and `make test` need nothing but Python (3.11 or later) and make.
# Each makes a virtual environment of its own; BACKEND chooses the one of `generate`.

PYTHON ?= python3
BACKEND ?= jax
BACKENDS ?= jax torch tensorflow
JOBS ?= 2
# Keeps the lines of runs side by side apart, where make can (4.0 or later).
SYNC := $(if $(filter output-sync,$(.FEATURES)),--output-sync)

GENERATE_ENV := .venv
TEST_ENV := .venv-test

.PHONY: generate test test-none $(addprefix test-,$(BACKENDS)) lint clean

generate: $(GENERATE_ENV)/$(BACKEND)
	$(GENERATE_ENV)/bin/keras-musicvae generate --backend $(BACKEND) \
	    --preset groove_4bar --num-samples 5 --seed 1 --temperature 0.5 --tempo 96 --out samples

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

$(TEST_ENV)/done: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(TEST_ENV)
	$(TEST_ENV)/bin/python -m pip install --quiet --upgrade "pip>=25.1"
	$(TEST_ENV)/bin/python -m pip install --quiet --constraint constraints.txt \
	    --group test --editable . jax torch tensorflow-cpu
	touch $@

clean:
	rm -rf $(GENERATE_ENV) $(TEST_ENV) samples

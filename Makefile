# Each target sets up what it needs, in .venv, and uses it again the next time.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
DEMO := demo-out
# Processes that share the test files; each takes up to 3 GB.
WORKERS ?= 2

.PHONY: demo demo-train test test-slow docs fuzz lint bench lock clean

# Restores a small part of a real photograph with the weights that are shipped, measures the result
# against the sharp one, and restores it once more through a service.
demo: OUT := $(DEMO)/shipped
demo: $(VENV)/.run
	rm -rf $(OUT)
	$(BIN)/tfdeblur deblur demo/crop/blur --out $(OUT)/restored --compare
	$(BIN)/tfdeblur evaluate --data demo/crop --json $(OUT)/scores.json
	demo/serve.sh $(BIN) $(OUT) demo/crop/blur
	@echo
	@echo "blurred | restored | sharp:  $$(ls $(OUT)/restored/*.compare.png)"

# Goes on training biskip on seven small real pairs, then restores a photograph of a video that was
# not among them, as the mean over its eight turns and mirrorings, and once more through a service.
demo-train: OUT := $(DEMO)/trained
demo-train: $(VENV)/.run
	rm -rf $(OUT)
	$(BIN)/tfdeblur train --init biskip --data demo/pairs/train --epochs 4 --steps-per-epoch 25 \
		--crop 128 --run $(OUT)/run
	$(BIN)/tfdeblur evaluate --model $(OUT)/run --data demo/pairs --self-ensemble \
		--split test --json $(OUT)/scores.json --panels $(OUT)/panels
	$(BIN)/tfdeblur deblur demo/pairs/test/blur --out $(OUT)/restored --model $(OUT)/run \
		--self-ensemble --compare
	demo/serve.sh $(BIN) $(OUT) demo/pairs/test/blur --model $(OUT)/run --self-ensemble
	@echo
	@echo "blurred | restored | sharp:  $$(ls $(OUT)/panels/*.png)"
	@echo "before and after:            $$(ls $(OUT)/restored/*.png | tr '\n' ' ')"

test: $(VENV)/.test
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile

test-slow: $(VENV)/.test
	$(BIN)/python -m pytest --slow -n $(WORKERS) --dist loadfile

# The site of docs/, in build/site; any dead link or other warning ends it.
docs: $(VENV)/.test
	$(BIN)/mkdocs build --strict

# Damaged files and requests, ten minutes of them; `FUZZ="--seed 7 --only tiff"` for others.
fuzz: $(VENV)/.test
	$(BIN)/python -m tests.fuzz $(FUZZ)

lint: $(VENV)/.test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# Prints ratios, on this machine; see benchmarks/ for their options.
bench: $(VENV)/.test
	$(BIN)/python benchmarks/forward.py
	$(BIN)/python benchmarks/restorer.py
	$(BIN)/python benchmarks/train_step.py
	$(BIN)/python benchmarks/unshuffle.py
	$(BIN)/python benchmarks/input_pipeline.py demo/pairs/train
	$(BIN)/python benchmarks/memory.py
	$(BIN)/python benchmarks/blur_operator.py
	$(BIN)/python benchmarks/deconvolve.py demo/pairs/train/sharp
	$(BIN)/python benchmarks/synthesis.py
	$(BIN)/python benchmarks/serving.py

# Exact versions of everything, for all extras: pip takes them as constraints.
lock: $(VENV)/.test
	$(BIN)/python -m pip freeze --exclude-editable | grep -v '^tfdeblur' > requirements.lock

clean:
	rm -rf $(VENV) $(DEMO) build *.egg-info

$(VENV)/.python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "tfdeblur needs Python 3.11 or newer: make PYTHON=python3.12 ..." >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip' || \
		{ echo "Python's venv module is incomplete: on Debian, apt install python3-venv" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	touch $@

$(VENV)/.run: $(VENV)/.python setup.py requirements.lock
	$(PIP) install --quiet --constraint requirements.lock --editable .
	touch $@

$(VENV)/.test: $(VENV)/.run
	$(PIP) install --quiet --constraint requirements.lock --editable '.[data,test,dev]'
	touch $@

# Two commands on a fresh machine: `make demo` and `make test`; `make` alone says what else there is.
# Pins stand in constraints.txt.
#   VENV=path    where the environment is (default .venv)
#   PYTHON=exe   which Python makes it (default python3.11, else python3)
SHELL := bash
VENV ?= .venv
PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := $(VENV)/bin
DEMO_OUT ?= demo
# The environment is made anew only when what it is made from changes.
KEY := $(shell cat constraints.txt pyproject.toml hatch_build.py tricklift/.mim/tools/*.py | cksum | tr ' ' '-')
RUN_STAMP := $(VENV)/.tricklift-$(KEY)
TEST_STAMP := $(VENV)/.tricklift-test-$(KEY)

.PHONY: help demo test gpu ladder-gpu slurm faults lint format site constraints clean
.DEFAULT_GOAL := help

help:
	@echo 'make demo         sets up $(VENV) (6 GB) with $(PYTHON), and runs all steps on generated data'
	@echo 'make test         the same with the test extra, and the tests (PYTEST_ARGS="-m slow")'
	@echo 'make gpu          tests/gpu on a CUDA GPU; writes docs/gpu.md'
	@echo 'make ladder-gpu   the tier small on one GPU with five seeds (ARGS="--minutes 9")'
	@echo 'make slurm        tests/slurm on a Slurm that it starts on loopback'
	@echo 'make faults       kills trainings in every way that we know, gives the readers hostile files, plants faults'
	@echo 'make site         the pages in docs/ as a site in site/'
	@echo 'make lint         ruff and mypy; make format: ruff, which writes'
	@echo 'make constraints  what is installed becomes constraints.txt'
	@echo 'make clean        removes $(VENV) and caches'
	@echo 'VENV=path says where the environment is, PYTHON=exe which Python makes it.'

demo: $(RUN_STAMP)
	$(BIN)/tricklift demo --out $(DEMO_OUT)

test: $(TEST_STAMP)
	$(BIN)/python -m pytest -n 2 --dist loadfile $(PYTEST_ARGS)

# With a cluster's own torch: python -m pytest tests/gpu --gpu-page docs/gpu.md
gpu: $(TEST_STAMP)
	$(BIN)/python -m pytest tests/gpu --gpu-page docs/gpu.md $(PYTEST_ARGS)

# A real Slurm on loopback; apt-get install slurm-wlm munge slurmdbd mariadb-server
slurm: $(TEST_STAMP)
	$(BIN)/python -m pytest tests/slurm -m slurm $(PYTEST_ARGS)

# Kills at every kind of moment, full disks, long runs; hostile and random files; data of every kind;
# then what docs/reliability.md names: bounded processes. The page tells what came of it.
FAULTS := tests/faults tests/hostile tests/tricklift/data/test_pictures.py tests/seg/test_masks.py \
  $(addprefix tests/det/test_,voc_xml.py voc_list.py xml_file.py coco_json.py checks.py)
PLANTED = $$(grep -oE '`tests/[a-z_/0-9]+\.py::test_[a-z_0-9]+`' docs/reliability.md | tr -d '`' | sort -u)
faults: $(TEST_STAMP)
	$(BIN)/python -m pytest -n 2 --dist load $(FAULTS) $(PLANTED) -m "not gpu and not slurm" \
	  --faults-page docs/reliability.md $(PYTEST_ARGS)

# The tier `small` on one GPU with five seeds; ARGS="--minutes 9" stops in time, and the same command
# goes on. With a cluster's own torch: python -m benchmarks.ladder_gpu --data ... (see its top).
ladder-gpu: $(RUN_STAMP)
	$(BIN)/python -m benchmarks.ladder_gpu $(ARGS)

lint: $(TEST_STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(TEST_STAMP)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# Strictly: a dead link or a page without a place fails.
site: $(TEST_STAMP)
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict

# What is installed and has passed the tests becomes what everybody gets.
constraints: $(TEST_STAMP)
	$(BIN)/python -m pip freeze --exclude-editable --exclude opencv-python-headless >constraints.txt

clean:
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache

# An environment with the test extra serves `make demo` too: a test stamp counts for both.
$(RUN_STAMP):
	@if [ -e $(TEST_STAMP) ]; then touch $@; else $(MAKE) --no-print-directory install EXTRA= STAMP=$@; fi

$(TEST_STAMP):
	@$(MAKE) --no-print-directory install EXTRA=[test] STAMP=$@

# OpenCV comes by name through mmcv and wants libGL and libglib; where a bare machine lacks them, the
# headless build of the same version is put over it.
.PHONY: install
install:
	@test -n "$(PYTHON)" || { echo "no python3.11 or python3 found: make PYTHON=/path/to/python"; exit 2; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "$(PYTHON) is older than Python 3.11: make PYTHON=/path/to/python3.11"; exit 2; }
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --disable-pip-version-check --progress-bar off -q -c constraints.txt -e '.$(EXTRA)'
	@$(BIN)/python -c 'import cv2' 2>/dev/null || { \
	  cv=$$($(BIN)/python -c 'from importlib.metadata import version; print(version("opencv-python"))'); \
	  echo "import cv2 fails here (no libGL?): putting opencv-python-headless $$cv over it"; \
	  $(BIN)/python -m pip install --disable-pip-version-check -q --force-reinstall --no-deps \
	    "opencv-python-headless==$$cv" && $(BIN)/python -c 'import cv2'; }
	$(BIN)/python -m pip check
	@touch $(STAMP)

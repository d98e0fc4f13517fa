# The commands a developer uses all day: setup demo test lint fmt bench. `make help` lists them all.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
ARGS ?=

.PHONY: help setup demo test lint fmt bench soak lock contract clean
help:
	@echo "make setup     .venv with the o2o command, and the real parts (MicroPython, broker, ...)"
	@echo "make demo      the main job, end to end; options in ARGS, e.g. ARGS=--once"
	@echo "make test      lint and all tests; options for pytest in ARGS"
	@echo "make lint      ruff and mypy"
	@echo "make fmt       format the code"
	@echo "make bench     measurements beside the peers"
	@echo "make soak      fuzz tests with a million rounds each, pulled cables, a whole day of a board"
	@echo "make lock      requirements/*.txt and tools/node/package-lock.json anew"
	@echo "make contract  the backend contract anew from protocols/messages.py"
	@echo "make clean     remove .venv, .cache and out"

$(VENV)/.done: requirements/dev.txt pyproject.toml
	$(PYTHON) tools/bootstrap.py $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

setup: $(VENV)/.done
	$(BIN)/o2o parts --get

demo: $(VENV)/.done
	@$(BIN)/o2o demo $(ARGS)

test: $(VENV)/.done
	@$(BIN)/o2o parts --get --for test --quiet
	$(MAKE) --no-print-directory lint
	$(BIN)/pytest -n 2 --dist loadfile $(ARGS)

lint: $(VENV)/.done
	$(BIN)/ruff check
	$(BIN)/ruff format --check --quiet
	$(BIN)/mypy
	$(BIN)/o2o contract --check

fmt: $(VENV)/.done
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

$(VENV)/.bench: requirements/bench.txt $(VENV)/.done
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements/bench.txt
	@touch $@

bench: $(VENV)/.bench
	$(BIN)/pytest tests/bench --override-ini=testpaths=tests/bench -q -s -p no:cacheprovider $(ARGS)

lock: $(VENV)/.done
	$(BIN)/pip install --quiet uv
	for extra in gateway ar; do $(BIN)/uv pip compile --quiet --universal --python-version 3.11 \
	  --generate-hashes --no-emit-index-url --no-header --extra $$extra pyproject.toml \
	  -o requirements/$$extra.txt -c requirements/dev.txt; done
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	  --no-emit-index-url --no-header --extra test pyproject.toml -o requirements/dev.txt
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	  --no-emit-index-url --no-header --extra bench pyproject.toml -o requirements/bench.txt \
	  -c requirements/dev.txt
	cd tools/node && npm install --package-lock-only --no-audit --no-fund --omit-lockfile-registry-resolved
	node tools/node/strip_addresses.mjs

contract: $(VENV)/.done
	$(BIN)/o2o contract

# What is too long for `make test`: the fuzz tests with a million rounds each, 50 pulled cables while a
# board is flashed, a rider's day of 24 hours, every lesson of the trainer, hostile surveys.
soak: $(VENV)/.done
	O2O_FUZZ=1000000 $(BIN)/pytest tests/shared -k fuzz -s --timeout=7200 $(ARGS)
	O2O_CUTS=50 $(BIN)/pytest tests/tools/test_board_cuts.py -s --timeout=900 $(ARGS)
	O2O_HOURS=24 $(BIN)/pytest tests/e2e/test_shift.py -s --timeout=1800 $(ARGS)
	O2O_CUTS_POWER=400 $(BIN)/pytest tests/gateway/test_log_power.py -s --timeout=900 $(ARGS)
	O2O_DAMAGES=40 $(BIN)/pytest tests/gateway/test_log_salvage.py -s --timeout=900 $(ARGS)
	O2O_FUZZ=1000000 $(BIN)/pytest tests/gateway/test_site_cuts.py -k fuzz -s --timeout=900 $(ARGS)
	O2O_LESSONS=all $(BIN)/pytest tests/ar_picking/test_trainer.py -s --timeout=1800 $(ARGS)
	HTTP_ROUNDS=2000 $(BIN)/pytest tests/gateway/test_openapi.py -s --timeout=1800 $(ARGS)
	SURVEY_ROUNDS=60 $(BIN)/pytest tests/ar_picking/test_survey.py -s --timeout=1800 $(ARGS)
	O2O_WORKER_POINTS=5 $(BIN)/pytest tests/bench/test_workers.py -k whatever_dies -s --timeout=3600 $(ARGS)

clean:
	rm -rf $(VENV) .cache out build *.egg-info

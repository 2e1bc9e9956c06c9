# Two commands do all the set-up: make demo, make test.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
UV := $(BIN)/uv
ARGS ?=

# Thousands of processes start in the tests: without files of bytecode each compiles all it imports.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo test lint docs schemas model mutation chaos soak bench clean redis-server chromium iproute2 faketime

demo: $(INSTALLED)
	$(BIN)/rq-agent run --set epochs=3 examples/train_digits.py

test: $(INSTALLED) redis-server chromium iproute2 faketime
	$(BIN)/pytest -n 3 $(ARGS)

lint: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# The site in build/docs/, the manual in build/man/. A broken link is an error.
docs: $(INSTALLED)
	$(BIN)/sphinx-build -q -W --keep-going -b dirhtml docs build/docs
	$(BIN)/sphinx-build -q -W --keep-going -b man docs build/man

# docs/schemas/, made of the structs that commands print.
schemas: $(INSTALLED)
	$(BIN)/python -m rq_agent.cli.schemas docs/schemas

# The long run of the model: 50 000 operations of each of 20 seeds on a real server.
MODEL ?= MODEL_SERVERS=redis MODEL_SEEDS=20 MODEL_LIVES=165 MODEL_STEPS=300 MODEL_CHECK_EVERY=10
model: $(INSTALLED) redis-server
	$(MODEL) $(BIN)/pytest -n 2 -s tests/model $(ARGS)

# Which test notices when a guard of a script is gone; results in build/mutation.jsonl.
mutation: $(INSTALLED)
	$(BIN)/python -m tests.mutation --part 1/2 $(ARGS) & $(BIN)/python -m tests.mutation --part 2/2 $(ARGS); wait

# The suite of faults in its long form, then the soak; the table of figures is in build/chaos.jsonl.
chaos: $(INSTALLED) redis-server faketime
	$(BIN)/python -m tests.chaos --fresh
	CHAOS=long $(BIN)/pytest -n 0 -s tests/chaos --deselect tests/chaos/test_soak.py $(ARGS) \
		|| { $(BIN)/python -m tests.chaos; exit 1; }
	$(MAKE) soak
	$(BIN)/python -m tests.chaos

# Memory, keys, open files and zombies under steady work: nothing may grow.
MINUTES ?= 20
soak: $(INSTALLED) redis-server
	CHAOS=long SOAK_MINUTES=$(MINUTES) $(BIN)/pytest -n 0 -s tests/chaos/test_soak.py

bench: $(INSTALLED) redis-server
	$(BIN)/python -m bench $(ARGS)

# The virtual environment, with everything that the tests need.
$(INSTALLED): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "$(PYTHON) is older than 3.11: make PYTHON=python3.12 ...")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet uv
	$(UV) pip install --quiet --compile-bytecode --python $(BIN)/python --group dev --editable .
	touch $@

# The tests run on Debian's redis-server too, and fail rather than skip without it.
redis-server:
	@command -v redis-server >/dev/null || deploy/install-redis-server.sh

# The dashboard is tested in a real browser; without one these tests fail too.
chromium:
	@test -x /usr/bin/chromium || deploy/install-chromium.sh

# The clocks of servers and workers are set.
faketime:
	@command -v faketime >/dev/null || deploy/install-faketime.sh

# Two machines are played by two network namespaces.
iproute2:
	@PATH="$$PATH:/usr/sbin:/sbin" command -v ip >/dev/null || deploy/install-iproute2.sh

clean:
	rm -rf $(VENV) dist build

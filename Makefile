# Python 3.11 or newer, make and git are enough: every target sets up what it needs in .venv.
#
#   make demo     the whole main job on made-up schools, in the folder demo/
#   make test     the test suite
#   make simulate SEEDS=10000   whole lives by chance, with and without restores: docs/correctness.md
#   make killed   every command killed at each of its steps, counted: docs/correctness.md
#   make mutate ONLY=format/   the tests against spoiled modules; EVERY=5 takes a fifth of the places
#   make check    what CI runs: ruff, mypy, the tests
#   make bench    the figures of docs/benchmarks.md
#   make words    collect the texts for people, compile the catalogues
#   make pages    write the generated pages of docs/
#   make lock     resolve requirements/*.in anew (needs uv)
#   make wheel    the wheel, in dist/
#   make installed   a wheel in an empty environment with what run.lock names: the demo plays there
#   make clean    removes what the targets make anew; never demo/ nor what make demo moved aside

.DEFAULT_GOAL := check
.PHONY: demo test simulate killed mutate check lint types bench words pages lock wheel installed clean

VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/ready
ASK := import sys; sys.exit(sys.version_info < (3, 11))
# The first of these that is new enough; PYTHON=... names another one.
PYTHON ?= $(shell for name in python3.11 python3 python3.12 python3.13 python3.14 python; do \
	$$name -c '$(ASK)' 2>/dev/null && echo $$name && break; done)

$(READY): requirements/test.lock setup.cfg pyproject.toml
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed, and none of python3.11, python3 is one." >&2; \
		echo "Install it, or name it: make PYTHON=/path/to/python" >&2; exit 1; }
	@$(PYTHON) -c '$(ASK)' || { echo "$(PYTHON) is not Python 3.11 or newer." >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
		echo "$(PYTHON) has no venv; on Debian and Ubuntu: apt-get install python3-venv" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/test.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

# What stands in demo/ may be somebody's: it is moved aside, never removed.
demo: $(READY)
	@if [ -e demo ]; then \
		n=1; while [ -e demo.$$n ]; do n=$$((n + 1)); done; \
		mv demo demo.$$n && echo "What stood in demo/ is in demo.$$n/ now."; fi
	@$(BIN)/kirim demo demo

test: $(READY)
	$(BIN)/python -m pytest -q -n 2

SEEDS ?= 100
simulate: $(READY)
	$(BIN)/python -m tests.world $(SEEDS)

killed: $(READY)
	$(BIN)/python -m tests.faults

ONLY ?= exchange/
EVERY ?= 1
mutate: $(READY)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/mutate.lock
	$(BIN)/python -m tests.mutation --only $(ONLY) --every $(EVERY)

lint: $(READY)
	$(BIN)/ruff check .

types: $(READY)
	$(BIN)/mypy

check: lint types test

bench: $(READY)
	$(BIN)/python -m benchmarks

words: $(READY)
	$(BIN)/python -m tools.words

pages: $(READY)
	$(BIN)/python -m tools.pages

# No host of a registry and no path of this machine may stand in a lock.
LOCK := uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-header --no-emit-index-url --no-emit-find-links
lock:
	$(LOCK) requirements/run.in -o requirements/run.lock
	$(LOCK) requirements/test.in -o requirements/test.lock
	$(LOCK) requirements/mutate.in -o requirements/mutate.lock

# build/lib goes first: a module that was taken away would still be packed from there.
WHEEL := $(BIN)/python -m pip wheel --quiet --disable-pip-version-check --no-deps --no-build-isolation
wheel: $(READY)
	rm -rf build/lib
	$(WHEEL) -w dist .

# In a folder of its own, so that the program is found as installed and not beside its sources.
EMPTY := build/empty
installed: $(READY)
	rm -rf build
	$(WHEEL) -w build .
	$(BIN)/python -m venv $(EMPTY)
	$(EMPTY)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/run.lock
	$(EMPTY)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps build/*.whl
	$(EMPTY)/bin/python -m pip check --disable-pip-version-check
	cd $(EMPTY) && bin/kirim demo demo >/dev/null && bin/kirim server status --home demo/pusat

clean:
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage

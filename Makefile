# make help tells the targets. Needs make and one of Python 3.10 to 3.13; everything else is installed into
# .venv/ and .venvs/, which are made again whenever setup.cfg changes.

MAIN := 3.11
OTHERS := 3.10 3.13
SUPPORTED := 3.11 3.12 3.13 3.10
SYSTEM_DEPS := chromium chromium-driver redis-server nodejs postgresql dovecot-imapd dovecot-pop3d

VENV := .venv
BIN := $(VENV)/bin
PYTEST_ARGS ?=
PORT ?= 4000

# Targets write into the same folders, and the last words of `make test` are to be pytest's.
.NOTPARALLEL:
.DELETE_ON_ERROR:
.PRECIOUS: .venvs/%/.ready
.PHONY: help demo test test-main quick lint types audit docs screenshots vectors bench bench-docs bench-isolation bench-scaling interop system-deps missing clean

help:  ## this list
	@sed -n 's/^\([a-z0-9.%-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 16

demo: $(VENV)/.run  ## a voting service inside a small site, to click through (PORT=8080: there)
	$(BIN)/plugit-wsgi demo --port $(PORT)

test: missing lint types audit docs interop $(foreach v,$(OTHERS),$(if $(shell tools/find-python $v),test-$v)) test-main  ## everything: style, types, audit, docs, the suite on each Python
	@:

test-main: $(VENV)/.dev  ## the whole suite, on one Python
	$(BIN)/python -X dev -m pytest $(PYTEST_ARGS)

test-%: .venvs/%/.ready  ## the suite on another Python, without browsers, interop and what is slow
	.venvs/$*/bin/python -m pytest -m "not browser and not interop and not slow" $(PYTEST_ARGS)

quick: $(VENV)/.dev  ## the fast part of the suite, for while you work
	$(BIN)/python -m pytest -q -m "not browser and not interop and not slow" $(PYTEST_ARGS)

lint: $(VENV)/.dev  ## ruff: rules and format
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.dev  ## mypy, strict
	$(BIN)/mypy

# What the tests print is searched for planted secrets as they run: tests/support/planted.py.
audit: $(VENV)/.dev  ## bandit over our code, pip-audit over what is installed with it
	$(BIN)/bandit -q -c pyproject.toml -r src
	$(BIN)/python tools/audit.py

screenshots: $(VENV)/.dev  ## pictures of the example hosts and of a roll-out, into docs/images
	SCREENSHOTS=docs/images $(BIN)/python -m pytest -q tests/hosts/test_walk.py tests/browser/test_rollout.py -k "fit or tour"

docs: $(VENV)/.dev  ## the manual, into docs/_build/html; a warning is an error
	$(BIN)/sphinx-build -q -W --keep-going -b html docs docs/_build/html

vectors: $(VENV)/.dev  ## docs/vectors/context.json, after a change of the signed context
	$(BIN)/python tools/context_vectors.py > docs/vectors/context.json.new
	mv docs/vectors/context.json.new docs/vectors/context.json

bench: $(VENV)/.bench  ## what a page costs, beside others that do the same: 12 minutes (BENCH=--quick: 3)
	$(BIN)/python -m bench.added $(BENCH)
	$(BIN)/python -m bench.whole $(BENCH)
	$(BIN)/python -m bench.pages $(BENCH)
	$(BIN)/python -m bench.report --print

bench-scaling: $(VENV)/.bench  ## how the cost grows with services, users, kept pages, slow services: 10 minutes (BENCH=--quick: 2)
	$(BIN)/python -m bench.scaling $(BENCH)

bench-docs: $(VENV)/.bench  ## docs/performance.md, docs/scaling.md and their charts, from the last results
	$(BIN)/python -m bench.report

bench-isolation: $(VENV)/.dev  ## what neighbours feel while a service is broken: 15 minutes (ISOLATION=--quick: 3)
	$(BIN)/python -m bench.isolation $(ISOLATION)
	$(BIN)/python -m bench.together

interop: $(VENV)/.dev  ## the environment of the original implementation (Python 2.7), for tests/interop
	@$(BIN)/python tests/interop/environment.py || { \
		echo "*** NOT TESTED against the original implementation: its environment can not be made ***"; \
		[ "$${REQUIRE_ALL:-}" != 1 ]; \
	}

system-deps:  ## Debian packages that the tests use
	@if dpkg -s $(SYSTEM_DEPS) >/dev/null 2>&1; then echo "system-deps: there already: $(SYSTEM_DEPS)"; \
	elif ! command -v apt-get >/dev/null; then echo "system-deps: no apt-get here; install: $(SYSTEM_DEPS)"; \
	else \
		sudo=; [ "$$(id -u)" = 0 ] || sudo=sudo; \
		$$sudo apt-get update -q && \
		$$sudo env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends $(SYSTEM_DEPS); \
	fi

# Says which of the tested interpreters are not here; with REQUIRE_ALL=1 that is an error.
missing:
	@gone=; for v in $(MAIN) $(OTHERS); do tools/find-python $$v >/dev/null || gone="$$gone $$v"; done; \
	if [ -n "$$gone" ]; then \
		echo "*** NOT TESTED on Python$$gone: no such interpreter here ***"; [ "$${REQUIRE_ALL:-}" != 1 ]; \
	fi

clean:  ## remove what was made, the environments too
	rm -rf $(VENV) .venvs build dist docs/_build bench/results .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find src tests examples bench tools docs -name __pycache__ -prune -exec rm -rf {} +
	rm -rf src/*.egg-info

# Environments -----------------------------------------------------------------------------------------------

PIP := bin/python -m pip --disable-pip-version-check install -q

$(VENV)/.run: setup.cfg
	@python=$$(tools/find-python $(SUPPORTED)) || { echo "Python 3.10 to 3.13 is needed, with venv"; exit 1; }; \
	echo "making $(VENV) with $$python"; rm -rf $(VENV); "$$python" -m venv $(VENV)
	$(VENV)/$(PIP) --upgrade pip
	$(VENV)/$(PIP) -e .
	@touch $@

$(VENV)/.dev: $(VENV)/.run
	$(VENV)/$(PIP) -e '.[test,lint,docs]'
	@touch $@

$(VENV)/.bench: $(VENV)/.dev
	$(VENV)/$(PIP) -e '.[bench]'
	@touch $@

# The oldest Python gets the oldest dependencies that setup.cfg allows: a floor is tested, or it is a guess.
.venvs/3.10/.ready: EXTRA = -c .venvs/3.10/floors.txt
.venvs/%/.ready: setup.cfg tools/floors.py
	rm -rf .venvs/$*; "$$(tools/find-python $*)" -m venv .venvs/$*
	.venvs/$*/$(PIP) --upgrade pip
	.venvs/$*/bin/python tools/floors.py setup.cfg > .venvs/$*/floors.txt
	.venvs/$*/$(PIP) $(EXTRA) -e '.[test]'
	@touch $@

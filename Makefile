# `make` alone lists what there is. Nothing but Python >= 3.11 and make is needed to begin.

PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
  $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo $$p; break; }; done)
VENV ?= .venv
BIN := $(VENV)/bin
RUNTIME := $(VENV)/.runtime-$(shell cksum < requirements.txt | cut -d' ' -f1)
DEV := $(VENV)/.dev-$(shell cksum < requirements-dev.txt | cut -d' ' -f1)
# Where the services are expected when nobody says otherwise: this machine's loopback.
SERVICES_DATABASE_URL ?= postgres://postgres@127.0.0.1:5432/postgres
SERVICES_BROKER_URL ?= amqp://guest:guest@127.0.0.1:5672//
SERVICES_REDIS_URL ?= redis://127.0.0.1:6379/9
PYTEST := $(BIN)/python -m pytest

.PHONY: help run demo sandbox test test-services browser-tests check lint bench chaos docs messages lock

help: ## list what there is
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

$(VENV)/bin/python:
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed; name it: make PYTHON=/path/to/python3"; exit 1; }
	@echo "making a virtual environment in $(VENV) with $$($(PYTHON) --version)"
	@$(PYTHON) -m venv $(VENV)

$(RUNTIME): requirements.txt | $(VENV)/bin/python
	@echo "installing what the vault needs (pinned, checked by hash) ..."
	@$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements.txt
	@rm -f $(VENV)/.runtime-* && touch $@

$(DEV): requirements-dev.txt | $(VENV)/bin/python
	@echo "installing what the tests need (pinned, checked by hash) ..."
	@$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements-dev.txt
	@rm -f $(VENV)/.dev-* $(VENV)/.runtime-* && touch $@ $(RUNTIME)

demo: $(RUNTIME) ## live through the main stories over real HTTP; ONCE=1 ends after verifying
	@$(BIN)/python -m examples.demo $(if $(ONCE),--once)

run: $(RUNTIME) ## the same vault without the demo world, for real use on one machine
	@$(BIN)/python manage.py first_run
	@$(BIN)/python manage.py serve

sandbox: $(RUNTIME) ## a vault of invented customers for brands' engineers; FRESH=1 begins anew
	@$(if $(FRESH),rm -rf var/sandbox)
	@VAULT_SANDBOX=1 $(BIN)/python manage.py sandbox

test: $(DEV) ## everything that runs with nothing installed but Python, on SQLite
	@$(PYTEST) -n 2 tests --ignore tests/browser
	@$(PYTEST) tests/browser

test-services: $(DEV) ## everything, against PostgreSQL, RabbitMQ, Redis and Chromium; fails when one is missing
	@DATABASE_URL=$(SERVICES_DATABASE_URL) $(BIN)/python -m tests.services \
	  $(SERVICES_DATABASE_URL) $(SERVICES_BROKER_URL) $(SERVICES_REDIS_URL)
	@VAULT_TEST_SERVICES=1 DATABASE_URL=$(SERVICES_DATABASE_URL) TEST_BROKER_URL=$(SERVICES_BROKER_URL) \
	  TEST_REDIS_URL=$(SERVICES_REDIS_URL) $(PYTEST) -n 2 tests --ignore tests/browser
	@VAULT_TEST_SERVICES=1 DATABASE_URL=$(SERVICES_DATABASE_URL) TEST_BROKER_URL=$(SERVICES_BROKER_URL) \
	  TEST_REDIS_URL=$(SERVICES_REDIS_URL) $(PYTEST) tests/browser

check: lint ## what must be clean before a commit lands
	@$(BIN)/python manage.py makemigrations --check --dry-run
	@$(BIN)/python -m tests.deploy_check
	@$(BIN)/python -m tests.lock_hygiene

lint: $(DEV)
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy .
	@$(BIN)/lint-imports

bench: $(DEV) ## make bench ONLY=read [QUICK=1]: figures with their conditions, as ratios in one run
	@$(BIN)/python -m bench $(ONLY) $(if $(QUICK),--quick)

chaos: $(DEV) ## make chaos SEED=7 [QUICK=1]: a seeded storm of faults; says what was injected and what held
	@DATABASE_URL=$(SERVICES_DATABASE_URL) TEST_BROKER_URL=$(SERVICES_BROKER_URL) \
	  $(BIN)/python -m tests.chaos $(if $(SEED),--seed $(SEED)) $(if $(QUICK),--quick)

docs: $(DEV) ## docs/rules.md from the tests that prove them; the tables of docs/api.md
	@$(BIN)/python -m tests.rules docs/rules.md
	@$(BIN)/python -m tests.problems

messages: $(DEV) ## collect the texts of all packages into portal/locale (needs gettext)
	@$(BIN)/python -m tests.messages

lock: ## resolve pyproject.toml anew into requirements*.txt, with hashes and no address (needs uv)
	@uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
	  --no-emit-index-url --no-strip-extras pyproject.toml -o requirements.txt
	@uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
	  --no-emit-index-url --no-strip-extras --group dev pyproject.toml -o requirements-dev.txt

# What people run. Nothing is needed beyond git, make and Python 3.11 or newer with venv; `make help` lists the targets.

PYTHON ?= python3
PORT ?= 8000
RESET ?=
# Which faults, or figures of the bench, are wanted: all of them without one.
ONLY ?=
# WRITE=1 puts the table of faults into docs/faults.md.
WRITE ?=
# What pytest gets on top, for instance: make test ARGS="tests/studies -x"
ARGS ?=

RUN := .venv/bin/python
LOCK := .venv/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header

.DEFAULT_GOAL := help
.PHONY: help demo test faults faults-full setup check coverage screenshots lock lock-upgrade clean

help: ## say what each target does
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 25

demo: .venv/.runtime ## install what is needed and show the product at work: PORT=8000, RESET=1 starts over
	@PORT="$(PORT)" RESET="$(RESET)" $(RUN) manage.py demo

test: setup ## run every test, on PostgreSQL and Redis where they are reachable: ARGS="tests/studies -x"
	@$(RUN) tools/run_tests.py $(ARGS)

setup: .venv/.runtime .venv/.development ## install what the demo and the tests need

check: setup ## lint, types, import contracts, migrations, settings of production, compose file, locked requirements
	$(RUN) -m ruff check .
	$(RUN) -m ruff format --check .
	$(RUN) -m mypy .
	.venv/bin/lint-imports --no-logo --no-cache
	$(RUN) manage.py makemigrations --check --dry-run
	$(RUN) tools/as_production.py check --deploy --fail-level WARNING
	.venv/bin/check-jsonschema --builtin-schema vendor.compose-spec docker-compose.yml
	$(RUN) tools/check_lock.py

faults: setup ## break processes, PostgreSQL, Redis and providers of its own, and print what came of it (10 minutes): ONLY="FI-01 FI-41", WRITE=1
	@$(RUN) -m faults $(if $(WRITE),--write) $(ONLY)

faults-full: setup ## the same with ten times the dose (an hour)
	@$(RUN) -m faults --full $(ONLY)

.PHONY: client
client: setup ## write clients/carillon_client.py anew from the API's schema
	@PYTHONPATH=. $(RUN) tools/make_client.py

.PHONY: fuzz
fuzz: setup ## call every operation of the API with made-up inputs, 2,000 each way (an hour): EXAMPLES=200
	@FUZZ_EXAMPLES="$(or $(EXAMPLES),2000)" $(RUN) tools/run_tests.py tests/bad_input/test_schema.py --timeout=0 $(ARGS)

.PHONY: bench
bench: setup ## measure against bare bounds on PostgreSQL and print the table (about half an hour): ONLY="inbox push"
	@$(RUN) -m bench $(ONLY)

coverage: setup ## run the tests and show the lines and branches they did not reach
	@$(RUN) tools/run_tests.py --cov --cov-report=term-missing $(ARGS)

screenshots: setup ## make the pictures of README.md and docs (needs Chromium)
	@$(RUN) manage.py take_screenshots

messages: setup ## bring the translations' .po files up to date with the texts in the source; says what is not translated
	@$(RUN) tools/messages.py extract

compile-messages: setup ## make the .mo files, which are committed, from the .po files
	@$(RUN) tools/messages.py compile

lock: setup ## compile requirements/*.in again, changing only what must change
	$(LOCK) requirements/install.in -o requirements/install.txt
	$(LOCK) requirements/base.in -o requirements.txt
	$(LOCK) requirements/dev.in -o requirements/dev.txt

lock-upgrade: setup ## compile requirements/*.in to the newest versions they allow
	$(LOCK) --upgrade requirements/install.in -o requirements/install.txt
	$(LOCK) --upgrade requirements/base.in -o requirements.txt
	$(LOCK) --upgrade requirements/dev.in -o requirements/dev.txt

clean: ## remove what was installed and generated, the demo's data too
	rm -rf .venv var .coverage htmlcov .mypy_cache .ruff_cache .pytest_cache .hypothesis

# Stamps: nothing is installed again while these files stay as they are.
.venv/.runtime: requirements.txt requirements/install.txt tools/install.py
	@$(PYTHON) tools/install.py requirements.txt
	@touch $@

.venv/.development: .venv/.runtime requirements/dev.txt
	@$(PYTHON) tools/install.py requirements.txt requirements/dev.txt
	@touch $@

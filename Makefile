# Everything a person or CI does with Cordon starts here.  `make help` lists it.
# Needed beforehand: git, make and a Python of version 3.11 or newer.  Nothing else: uv, the Java
# runtime and Kafka arrive through the package registries, into .venv and ~/.cache/cordon.

.DEFAULT_GOAL := help
.SUFFIXES:
.PHONY: help setup console console-test console-browser screenshots run test check bench score explore fault fault-short load load-short contracts schemas clean

BIN := .venv/bin
STAMP := .venv/.cordon-setup
UV_PIN := $(shell sed -n 's/.*"\(uv==[^"]*\)".*/\1/p' pyproject.toml)

# The first interpreter that runs and is new enough.  A pyenv shim may exist on the PATH for a
# version that is not selected, so each candidate is really started.
PYTHON = $(shell for p in python3 python3.13 python3.12 python3.11 /usr/bin/python3; do \
	$$p -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
	&& { echo $$p; break; }; done)

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(STAMP) ## Create .venv with everything locked in uv.lock (quick when up to date)

$(STAMP): pyproject.toml uv.lock
	@python='$(PYTHON)'; \
	test -n "$$python" || { \
		echo 'setup: no python of version 3.11 or newer (with venv and ensurepip) found' >&2; \
		exit 1; }; \
	if ! $(BIN)/python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
		echo "setup: creating .venv with $$python"; \
		"$$python" -m venv --clear .venv; \
	fi
	@if ! $(BIN)/uv --version 2>/dev/null | grep -q '^uv $(patsubst uv==%,%,$(UV_PIN))\b'; then \
		echo 'setup: downloading $(UV_PIN)'; \
		$(BIN)/python -m pip install --quiet --disable-pip-version-check '$(UV_PIN)'; \
	fi
	@echo 'setup: downloading and installing the locked packages (about 150 MB the first time)'
	@env -u VIRTUAL_ENV -u UV_PROJECT_ENVIRONMENT UV_PYTHON_DOWNLOADS=never UV_COMPILE_BYTECODE=1 \
		$(BIN)/uv sync --frozen --python $(BIN)/python
	@touch $@
	@echo 'setup: ready'

console: $(STAMP) ## Build the console (quick when it is built already)
	@$(BIN)/python -m services.api.console.building

console-test: console ## Check the console's types and run its unit tests
	$(BIN)/python -m services.api.console.testing

console-browser: console ## Drive the console in a browser, against a whole running system
	$(BIN)/python -m pytest -m "console and not load" tests/console

screenshots: console ## Take the pictures of the docs from a running system
	$(BIN)/python -m tests.console.screenshots

run: console ## Start everything on this machine with a simulated county
	$(BIN)/cordon up --demo

test: console ## Run the tests in parallel (without the fault and load suites)
	$(BIN)/python -m pytest -n auto --dist worksteal

check: console ## Lint, format, strict types, and drift of the generated contracts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m services.api.console.testing
	$(BIN)/python -m schemas.generate --check
	$(BIN)/python -m deploy.rule_pages --check

bench: $(STAMP) ## Measure throughput against the floor and stock Faust, and latency
	$(BIN)/cordon bench

score: $(STAMP) ## Judge three simulated counties and compare with what is planted in them
	$(BIN)/cordon score

explore: $(STAMP) ## Look for counterexamples to the laws: ten times the examples, new ones each time
	$(BIN)/python -m pytest -n auto --dist worksteal --hypothesis-profile explore \
		-k 'law or fold or ordering or episodes'

fault: $(STAMP) ## Run the slow suite that kills processes in mid-stream
	$(BIN)/python -m pytest -m fault

fault-short: $(STAMP) ## Run the short form of the fault suite, as CI does
	$(BIN)/python -m pytest -m fault -k short

load: $(STAMP) ## Run a county's day of two million events through the system (some 20 minutes)
	$(BIN)/python -m pytest -m load -s

load-short: $(STAMP) ## Run the short form of the load suite, as CI does
	$(BIN)/python -m pytest -m load -k short

contracts: $(STAMP) ## Hold both OpenAPI documents to a hundred requests an operation
	CONTRACT_EXAMPLES=100 $(BIN)/python -m pytest -n auto tests/contracts

schemas: $(STAMP) ## Regenerate the committed schemas, and the pages made from code
	$(BIN)/python -m schemas.generate
	$(BIN)/python -m deploy.rule_pages

clean: ## Remove .venv and every cache of the tools (not the broker's, not any data)
	rm -rf .venv .mypy_cache .pytest_cache .ruff_cache .hypothesis .coverage htmlcov dist build
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
